"""Which experiments of a run are finished, and which jobs failed behind the others."""

from pathlib import Path

from meanforce.restart.overview import FAILED, standing
from meanforce.settings import inputs
from meanforce.settings.config import Config
from meanforce.settings.plan import PlannedJob, planned_jobs


def finished(config: Config) -> list[str]:
    """Experiments of which everything is there that a report needs."""
    return [name for name in config.experiments if _is_finished(inputs.only(config, [name]))]


def failures(config: Config) -> dict[PlannedJob, str]:
    """The last line in the log of each job that failed, stage after stage."""
    found = {job: standing(Path(job.output), Path(job.log)) for job in planned_jobs(config)}
    return {
        job: where.said.removeprefix("error: ")
        for job, where in found.items()
        if where.state == FAILED
    }


def reasons(config: Config) -> dict[str, str]:
    """Why each unfinished experiment is not finished, in one sentence."""
    done, why = set(finished(config)), {}
    for name in config.experiments:
        if name not in done:
            failed = failures(inputs.only(config, [name]))
            job, said = next(iter(failed.items()), (None, ""))
            why[name] = f"{job.stage} failed: {said} (see {job.log})" if job else "not finished"
    return why


def _is_finished(one: Config) -> bool:
    return all(Path(file).exists() for files in inputs.reported(one).values() for file in files)
