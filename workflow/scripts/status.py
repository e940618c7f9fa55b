"""Show how far a run is: jobs done, running, failed and waiting, and the time left."""

import argparse
import collections
import statistics
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.paths import use_output
from meanforce.progress import NO_TIME
from meanforce.progress import duration as words
from meanforce.restart.noted import last_run
from meanforce.restart.overview import (
    FAILED,
    RUNNING,
    STATES,
    STOPPED,
    JobProgress,
    duration,
    standing,
)
from meanforce.settings.load import load_config
from meanforce.settings.plan import STAGES, PlannedJob, planned_jobs
from meanforce.settings.yaml_file import read_config_file

SHOWN = 20
"""Running and failed jobs that are shown one by one."""


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--configfile", type=Path, help="config of the run; without it, the last one started here"
    )
    arguments = parser.parse_args()
    path = arguments.configfile or last_run()
    config = load_config(read_config_file(path))
    use_output(config.output)
    jobs = planned_jobs(config)
    found = {job: standing(Path(job.output), Path(job.log)) for job in jobs}
    _table(found)
    for state in (RUNNING, STOPPED, FAILED):
        _list(state, {job: where for job, where in found.items() if where.state == state})
    print(f"\n{_time_left(found)}")


def _table(found: dict[PlannedJob, JobProgress]) -> None:
    print(f"{'stage':12}" + "".join(f"{name:>9}" for name in STATES) + f"{'done':>7}")
    for stage in (*STAGES, "all"):
        states = [w.state for job, w in found.items() if stage in ("all", job.stage)]
        if states:
            counts = "".join(f"{states.count(name):9}" for name in STATES)
            print(f"{stage:12}{counts}{100 * states.count('done') // len(states):6} %")


def _list(state: str, found: dict[PlannedJob, JobProgress]) -> None:
    if found:
        print(f"\n{state}:")
    for job, where in list(found.items())[:SHOWN]:
        parts = [f"  {job.output}"]
        if where.percent is not None:
            parts.append(f"{where.percent:.0f} %")
        if where.phase:
            parts.append(where.phase)
        if state == RUNNING:
            parts.append(NO_TIME if where.left is None else f"{words(where.left)} left")
        if state == FAILED:
            parts.append(f"{where.said[:200] or 'no message'} (see {job.log})")
        print(", ".join(parts))
    if len(found) > SHOWN:
        print(f"  and {len(found) - SHOWN} more")


def _time_left(found: dict[PlannedJob, JobProgress]) -> str:
    """Time left: of running jobs from their logs, of others from finished jobs of their stage."""
    taken, waiting = collections.defaultdict(list), collections.Counter()
    seconds, running, known, unknown = 0.0, 0, False, set()
    for job, where in found.items():
        if where.state == "done":
            if (took := duration(Path(job.output))) is not None:
                taken[job.stage].append(took)
        elif where.state == RUNNING and where.left is not None:
            seconds, running, known = seconds + where.left, running + 1, True
        else:
            running += where.state == RUNNING
            waiting[job.stage] += 1
    if not running and not waiting:
        return "all done"
    for stage, number in waiting.items():
        if taken[stage]:
            seconds, known = seconds + number * statistics.fmean(taken[stage]), True
        else:
            unknown.add(stage)
    if not known:
        return NO_TIME
    at_once = max(1, running)
    text = f"about {words(seconds / at_once)} left, {at_once} job{'s' * (at_once > 1)} at a time"
    if unknown:
        stages = ", ".join(stage for stage in STAGES if stage in unknown)
        text += f"; not counted, since none of their jobs has finished yet: {stages}"
    return text


if __name__ == "__main__":
    main()
