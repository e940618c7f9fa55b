"""All checks before a run: its config, the molecules, and the results that exist already."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meanforce import paths
from meanforce.errors import Collected, InputError, InputErrors
from meanforce.jobs.foreign import check_foreign
from meanforce.jobs.lengths import check_shortened
from meanforce.jobs.replaced import check_replaced, shared_notice
from meanforce.sampling.check import check_structures, load_reporting_all
from meanforce.settings.config import Config


@dataclasses.dataclass(frozen=True)
class CheckedRun:
    """A run that may start.

    Attributes:
        config: of the run.
        notices: sentences on what may not be meant.
        replaced: copies of configs of which results will be replaced, since the user insists.
    """

    config: Config
    notices: list[str]
    replaced: list[Path]


def check_run(
    raw: Any,
    file: Path,
    kept: Path | None = None,
    report: Callable[[str], None] | None = None,
) -> CheckedRun:
    """Check a run, and set the folder of its results.

    Args:
        raw: contents of the config file.
        file: the config file.
        kept: folder that keeps what was found out about systems for the next time, or None.
        report: called with a line about a system that takes long, or None.

    Raises:
        InputError: the run is refused; a line for each error.
    """
    config = load_reporting_all(raw, kept, report)
    paths.use_output(config.output)
    errors, notices, replaced = Collected(InputError), [], []
    with errors.check():
        notices += check_structures(config, kept, report)
    with errors.check():
        notices += check_foreign(config, file)
    with errors.check():
        replaced += check_replaced(config, file)
        notices += filter(None, [shared_notice(config, file)])
    with errors.check():
        check_shortened(config)
    if errors.lines:
        raise InputErrors(errors.lines)
    return CheckedRun(config, notices, replaced)
