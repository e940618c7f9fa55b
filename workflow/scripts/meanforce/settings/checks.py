"""Cross-checks between sections of a config: names that must exist, values that must fit."""

import dataclasses
import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, get_args

from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic
from meanforce.settings.other_names import kind_called

KINDS: tuple[str, ...] = get_args(CollectiveVariableSettings.model_fields["kind"].annotation)
"""Kinds of collective variables."""


HALF_TURN = 1e-6
"""Rounding of 180 deg, rad."""


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


class Surface(Grid, Protocol):
    """A grid with the names of its variables, in order."""

    surface: list[str]


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
            if name not in self.declared and (kind := kind_called(name, KINDS)):
                raise ValueError(
                    f"{where}: there is no collective variable '{name}'; known: "
                    f"{', '.join(sorted(self.declared)) or 'none'}; declare it in "
                    f"'collective_variables', such as '{name}: {{kind: {kind}, mapping: …}}'"
                )
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

    def check_widths(
        self, where: str, names: Sequence[str], widths: Sequence[float], grid: Grid, points: int
    ) -> None:
        """Refuse hills that are wider than their grid, or narrower than its intervals.

        Args:
            where: the key of the settings with `width`.
            names: of the collective variables.
            widths: of hills along each of them.
            grid: its ends, which are there along all variables that are not periodic.
            points: intervals of the grid along each variable; 0: they follow from the widths.

        Raises:
            ValueError: names the variable, its width and the range or the interval.
        """
        for index, (name, width) in enumerate(zip(names, widths, strict=True)):
            low, high, unit = -math.pi, math.pi, self[name].unit
            if not is_periodic(self[name].kind):
                low, high = grid.lower[index], grid.upper[index]
            interval = (high - low) / points if points else 0.0
            if width > high - low:
                raise ValueError(
                    f"{where}.width: is {width:g} {unit} along '{name}', whose grid is only "
                    f"{high - low:.4g} {unit} wide, so that hills would flatten nothing; about a "
                    "tenth of the range, or less, is usual"
                )
            if width < interval:
                raise ValueError(
                    f"{where}.width: is {width:g} {unit} along '{name}', but grid points are "
                    f"{interval:.3g} {unit} apart, so that hills would fall between them; give "
                    "wider hills, more 'bins', or a narrower grid"
                )

    def check_interval(
        self, where: str, name: str, interval: tuple[float, float], grid: Surface
    ) -> None:
        """Refuse an interval of values that the variable does not have, or that is off the grid.

        Args:
            where: the key of the basin.
            name: of the collective variable.
            interval: its values.
            grid: ends of the surface, along all of its variables that are not periodic.

        Raises:
            ValueError: names the variable and what is allowed.
        """
        low, high = interval
        if is_periodic(self[name].kind):
            if low < -math.pi - HALF_TURN or high > math.pi + HALF_TURN:
                raise ValueError(
                    f"{where}: the interval of '{name}' is from {math.degrees(low):.4g} to "
                    f"{math.degrees(high):.4g} deg, but its values are from -180 to 180 deg; a "
                    "basin across 180 deg is two boxes, one up to '180 deg' and one from '-180 deg'"
                )
            return
        index = grid.surface.index(name)
        if high <= grid.lower[index] or low >= grid.upper[index]:
            unit = self[name].unit
            raise ValueError(
                f"{where}: the interval of '{name}' is from {low:.4g} to {high:.4g} {unit}".rstrip()
                + f", outside the surface from {grid.lower[index]:.4g} to "
                f"{grid.upper[index]:.4g} {unit}".rstrip()
            )


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
