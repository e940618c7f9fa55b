"""Cross-checks between sections of a config: names that must exist, values that must fit."""

import dataclasses
import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic


class SeveralErrors(ValueError):
    """Errors of several sections, each in one line.

    Attributes:
        lines: the errors, each with its key.
    """

    def __init__(self, lines: Sequence[str]) -> None:
        super().__init__("; ".join(lines))
        self.lines = tuple(lines)


class Grid(Protocol):
    """Settings with ends of a grid along collective variables."""

    lower: list[float] | None
    upper: list[float] | None


@dataclasses.dataclass(frozen=True)
class Variables:
    """Collective variables of one system by name; combinations include their members."""

    declared: Mapping[str, CollectiveVariableSettings]

    def __getitem__(self, name: str) -> CollectiveVariableSettings:
        return self.declared[name]

    def check_names(self, where: str, names: Iterable[str]) -> None:
        """Refuse names that are not declared, or given twice.

        Raises:
            ValueError: names the key and what is allowed.
        """
        names = list(names)
        for name in names:
            known(where, name, self.declared, "collective variable")
            if names.count(name) > 1:
                raise ValueError(f"{where}: names '{name}' twice")

    def check_values(self, where: str, names: Sequence[str], values: Sequence[float]) -> None:
        """Refuse values unless there is one for each variable, in the variable's unit.

        Raises:
            ValueError: names the key and what was given.
        """
        same_number(where, values, names)
        for name, value in zip(names, values, strict=True):
            self[name].check_value(where, name, value)

    def check_ends(self, where: str, names: Sequence[str], grid: Grid) -> None:
        """Refuse a grid without ends along a variable that is not periodic.

        Raises:
            ValueError: names the key and the variable.
        """
        for index, name in enumerate(names):
            if is_periodic(self[name].kind):
                continue
            if grid.lower is None or grid.upper is None:
                raise ValueError(
                    f"{where}: '{name}' is not periodic; give 'lower' and 'upper' for its grid"
                )
            if len(grid.lower) <= index or len(grid.upper) <= index:
                raise ValueError(f"{where}: 'lower' and 'upper' need a value for '{name}'")
            if grid.lower[index] >= grid.upper[index]:
                raise ValueError(f"{where}: 'lower' of '{name}' must be below its 'upper'")
        for key in ("lower", "upper"):
            if (values := getattr(grid, key)) is not None:
                self.check_values(f"{where}.{key}", names, values)


def known(where: str, name: str, names: Iterable[str], what: str) -> None:
    """Refuse a name that does not exist.

    Raises:
        ValueError: lists the names that do.
    """
    if name not in names:
        near = difflib.get_close_matches(name, list(names), n=1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise ValueError(
            f"{where}: there is no {what} '{name}'; known: {', '.join(sorted(names)) or 'none'}"
            f"{hint}"
        )


def same_number(where: str, values: Sequence, names: Sequence[str]) -> None:
    """Refuse values whose number is not that of the collective variables.

    Raises:
        ValueError: names both numbers.
    """
    if len(values) != len(names):
        raise ValueError(
            f"{where}: {len(values)} given, but {len(names)} collective variables "
            f"({', '.join(names)})"
        )
