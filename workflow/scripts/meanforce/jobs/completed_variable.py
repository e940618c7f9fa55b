"""Files of the stage `variable`: a collective variable with its beads and structures."""

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from meanforce.errors import MAKE_AGAIN, InputError
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated


@dataclasses.dataclass(frozen=True)
class CompletedVariable:
    """What the stage `variable` makes.

    Attributes:
        declared: as in the config.
        completed: the same with beads and structures.
    """

    declared: CollectiveVariableSettings
    completed: CollectiveVariableSettings

    def write(self, path: Path) -> None:
        """Write a JSON file."""
        values = {"declared": self.declared.model_dump(), "completed": self.completed.model_dump()}
        path.write_text(json.dumps(values, sort_keys=True) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote.

        Raises:
            InputError: the file is missing or damaged.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            one = {
                key: validated(CollectiveVariableSettings, values[key], key)
                for key in ("declared", "completed")
            }
        except (OSError, ValueError, LookupError, TypeError, InputError) as error:
            raise InputError(
                f"{path}: is not a collective variable with its structures ({error}); {MAKE_AGAIN}"
            ) from error
        return cls(**one)


def by_identity(files: Iterable[Path]) -> dict[str, CollectiveVariableSettings]:
    """Completed variables of some files, for `StageJob.with_variables`."""
    read = [CompletedVariable.read(path) for path in files]
    return {one.declared.identity: one.completed for one in read}
