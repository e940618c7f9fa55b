"""What all jobs have in common: a rule writes a job as canonical JSON, a program reads it."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from meanforce.errors import InputError
from meanforce.settings.base import Settings
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated


class StageJob(Settings):
    """Settings of one job of a stage, and nothing else: they decide whether the job reruns.

    Numbers are in internal units.
    """

    @classmethod
    def of(cls, **values: Any) -> Self:
        """A job from plain values or settings.

        Raises:
            InputError: names the value that does not fit.
        """
        return validated(cls, values, "")

    @classmethod
    def read(cls, text: str) -> Self:
        """A job from JSON text, or from the path of a JSON file.

        Raises:
            InputError: it is neither, or a value is missing or does not fit.
        """
        if not text.lstrip().startswith("{"):
            path = Path(text)
            try:
                text = path.read_text(encoding="utf-8")
            except (OSError, ValueError) as error:
                raise InputError(f"--settings: '{path}' is neither JSON text nor a file") from error
        try:
            values = json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"--settings: is not JSON ({error})") from error
        return validated(cls, values, "")

    def with_variables(self, completed: Mapping[str, CollectiveVariableSettings]) -> Self:
        """The job with completed collective variables in the places of those in the config.

        Args:
            completed: by the identity of the variable in the config.
        """
        return validated(type(self), self.plain(), "", completed) if completed else self

    def canonical(self) -> str:
        """JSON text with sorted keys and all defaults filled in.

        So reordering, comments, or ``300.0 K`` for ``300 K`` in a config change nothing.
        """
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"), allow_nan=False)

    def plain(self) -> dict[str, Any]:
        """The values as JSON has them."""
        return json.loads(self.canonical())
