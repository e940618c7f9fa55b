"""Files of the user that a system is built from, those that are included among them."""

import contextlib
from pathlib import Path

from meanforce.errors import InputError
from meanforce.settings.systems.registry import System
from meanforce.systems import gromacs

INCLUDING = {"gromacs": gromacs.included_files}
"""Kinds whose files include others, and how these are found."""


def files_of(settings: System) -> list[str]:
    """Files that exist; names of files that OpenMM ships are left out."""
    named = list(settings.input_files)
    if settings.kind in INCLUDING:
        # The check of the config or the stage `prepare` reports what is wrong.
        with contextlib.suppress(InputError):
            named += INCLUDING[settings.kind](settings)
    return [name for name in dict.fromkeys(named) if Path(name).is_file()]
