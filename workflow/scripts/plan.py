"""Show what a run would do before it starts: jobs, simulated time, disk, and, with --time, hours.

Everything but the hours follows from the config and from the results that exist. The hours come
from short timings on this machine, which take about half a minute for each system.
"""

import argparse
import dataclasses
import sys
from pathlib import Path

import torch

from meanforce.errors import Collected, InputError, exits_cleanly, listed
from meanforce.jobs.foreign import check_foreign
from meanforce.jobs.lengths import check_shortened, continued
from meanforce.jobs.replaced import check_replaced
from meanforce.paths import use_output
from meanforce.planning.amounts import Amount, amounts
from meanforce.planning.estimate import estimate, speeds_of
from meanforce.planning.hours import hours
from meanforce.planning.overview import disk, table
from meanforce.planning.pending import pending
from meanforce.planning.sizes import sizes_of
from meanforce.progress import report
from meanforce.sampling.check import check_structures, load_reporting_all
from meanforce.settings.config import Config
from meanforce.settings.plan import planned_jobs
from meanforce.settings.yaml_file import read_config_file

SHOWN = 5
"""Files that are named in a line."""


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, help="config of the run")
    parser.add_argument("--cores", type=int, default=2, help="processor cores of the run")
    parser.add_argument("--time", action="store_true", help="estimate hours from short timings")
    arguments = parser.parse_args()
    if arguments.cores < 1:
        raise InputError(f"--cores: {arguments.cores} is not a number of cores; give 1 or more")
    path = config_of(arguments.configfile)
    contents = read_config_file(path)
    try:
        config = load_reporting_all(contents)
        use_output(config.output)
        notices = check_structures(config)
    except InputError as error:
        raise InputError(f"{path}: the config cannot be used:\n{error}") from None
    for notice in notices:
        print(f"notice: {notice}", file=sys.stderr)
    sizes, guessed = sizes_of(config)
    standing = _standing(config, path)
    work = amounts(config, sizes, standing.to_make, standing.longer)
    print(f"{path}: results in {config.output}/")
    print("\n".join(table(work)))
    by = f" (atoms of {', '.join(guessed)}: from the size of the box)" if guessed else ""
    print(f"disk: {disk(work)}{by}")
    for line in standing.lines:
        print(line)
    if standing.refused:
        raise InputError(standing.refused)
    if arguments.time:
        _show_hours(config, work, arguments.cores)


def _show_hours(config: Config, work: list[Amount], cores: int) -> None:
    torch.set_num_threads(1)
    speeds = speeds_of(config, work, Path(__file__).parent, cores, report)
    found = estimate(work, speeds, cores)
    print("\n".join(hours(found, speeds, cores)))


def config_of(given: Path | None) -> Path:
    """The config file that is meant.

    Raises:
        InputError: none is given, or it does not exist; names those that do.
    """
    known = [
        str(file) for folder in (Path(), Path("config")) for file in sorted(folder.glob("*.yaml"))
        if file.stem not in ("local", "slurm")
    ]  # fmt: skip
    there = f"; here are: {', '.join(known)}" if known else ""
    if given is None:
        raise InputError(f"--configfile: is missing, such as --configfile my.yaml{there}")
    if not given.is_file():
        raise InputError(f"--configfile: '{given}' does not exist{there}")
    return given


@dataclasses.dataclass(frozen=True)
class _Standing:
    """What a run does with the results that exist.

    Attributes:
        to_make: files that it makes or makes anew; None: those that do not exist.
        longer: new part of the length of trajectories that it continues, by their paths.
        lines: sentences on these.
        refused: why the run would be refused; empty where it is not.
    """

    to_make: set[str] | None
    longer: dict[str, float]
    lines: list[str]
    refused: str = ""


def _standing(config: Config, path: Path) -> _Standing:
    refused = Collected(InputError)
    for check in (check_foreign, check_replaced):
        with refused.check():
            check(config, path)
    with refused.check():
        check_shortened(config)
    finished = [job.output for job in planned_jobs(config) if Path(job.output).exists()]
    places = (Path.cwd(), Path(__file__).resolve().parents[2])
    snakefile = next((one / "Snakefile" for one in places if (one / "Snakefile").is_file()), None)
    if refused.lines or not finished or snakefile is None:
        reason = f"the run would be refused:\n{listed(refused.lines)}" if refused.lines else ""
        return _Standing(None, {}, [], reason)
    try:
        to_make = pending(path, snakefile)
    except InputError as error:
        return _Standing(None, {}, [f"all files that exist are counted as done: {error}"])
    longer, lines = continued(config), []
    anew = [file for file in finished if file in to_make and file not in longer]
    if longer:
        lines.append(f"continued, since their length has grown: {_some(list(longer))}")
    if anew:
        lines.append(
            "made anew, since settings, code or files that they depend on have changed: "
            f"{_some(anew)} (the option -n of snakemake has the reason for each)"
        )
    return _Standing(to_make, longer, lines)


def _some(files: list[str]) -> str:
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return ", ".join(files[:SHOWN]) + more


if __name__ == "__main__":
    main()
