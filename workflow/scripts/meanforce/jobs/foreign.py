"""Files that no run made are never replaced by results, unless the user insists.

Snakemake deletes what lies where a job writes, whoever made it.
"""

import os
from pathlib import Path

from meanforce.errors import InputError
from meanforce.paths import LAST_RUN, ConfigPaths
from meanforce.restart.noted import copies_in, is_copy, record_of
from meanforce.settings.config import Config
from meanforce.settings.plan import PlannedJob, planned_jobs

INSIST = "or insist with: --config replace=true"


def check_foreign(config: Config, file: Path) -> list[str]:
    """Refuse a run that would write over files that no run made.

    Args:
        config: of the run.
        file: that the config is from.

    Returns:
        Notices: sentences on such files that are replaced, since the user insists.

    Raises:
        InputError: the folder of results is a file, cannot be written, holds other files and no
            results, or such a file lies where a result would go; names it.
    """
    folder = Path(config.output)
    for part in (folder, *folder.parents):
        if part.exists() and not part.is_dir():
            raise InputError(f"output: '{part}' is a file; give a folder for the results")
    there = next(part for part in (folder, *folder.parents) if part.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"output: the folder '{folder}' cannot be written; give another one")
    jobs, noted = planned_jobs(config), bool(copies_in(folder))
    known = config.replace or noted or any(map(_recorded, jobs))
    other = None if known else _other_file(folder)
    if other is not None:
        raise InputError(
            f"output: the folder '{folder}' has files, such as '{other}', but no run had its "
            f"results there; give a folder that is new or empty, {INSIST}"
        )
    written = (Path(ConfigPaths(file.stem).copy), Path(LAST_RUN))
    found = [str(path) for path in written if path.exists() and not is_copy(path)]
    found += [path for job in jobs for path in _foreign(job, noted)]
    if not found:
        return []
    more = f" (and {len(found) - 1} more such files)" if len(found) > 1 else ""
    if config.replace:
        return [f"{found[0]}: is not a file of meanforce; a result will replace it{more}"]
    raise InputError(
        f"{found[0]}: is not a file of meanforce, but a run would write a result there, and "
        f"delete it{more}; move it elsewhere, give this config another 'output', {INSIST}"
    )


def _recorded(job: PlannedJob) -> bool:
    """Whether Snakemake has a record of a result."""
    return any(record_of(Path(path)).is_file() for path in job.outputs)


def _foreign(job: PlannedJob, noted: bool) -> list[str]:
    """Files that lie where a job writes, though no job has worked there.

    Where a run has left its config, a job has a log from its first moment on, which also shows it
    where Snakemake was killed while the job went on, or where results were copied without
    Snakemake's records.
    """
    if noted and os.path.lexists(job.log):
        return []
    there = [path for path in job.outputs if os.path.lexists(path)]
    return [path for path in there if not record_of(Path(path)).is_file()]


def _other_file(folder: Path) -> Path | None:
    """A file in a folder that has no results, neither itself nor in a folder within.

    Files whose names begin with a dot do not count.
    """
    if folder.is_dir() and any(copies_in(part) for part in folder.iterdir()):
        return None
    for parent, _, names in os.walk(folder):
        for file in (Path(parent, name) for name in names if not name.startswith(".")):
            if not is_copy(file):
                return file
    return None
