"""Tables of distributions, as VOTCA writes them and as CSV: g(r), bond lengths, angles."""

import dataclasses
import functools
from pathlib import Path

import numpy as np
from scipy.interpolate import CubicSpline

from meanforce.errors import InputError

UNDEFINED = "u"
"""Flag of rows without a value; `i` and `o` are in the range and extrapolated."""

FEWEST = 4
"""Rows of a cubic spline."""

SMALL = 1e-3
"""Part of the largest value (of g(r): of 1) below which a distribution is not resolved."""

FINE = 20000
"""Intervals of the numerical integrals of a table."""


@dataclasses.dataclass(frozen=True, eq=False)
class DistributionTable:
    """A distribution, between its rows a cubic spline; beyond them it is zero.

    Attributes:
        name: of its file, for messages.
        places: nm or rad, ascending, shape (n,).
        values: without a unit for g(r), else per nm or rad, shape (n,).
    """

    name: str
    places: np.ndarray
    values: np.ndarray

    @classmethod
    def read(cls, path: Path) -> "DistributionTable":
        """A file with a place, a value and, optionally, a flag (i, o, u) in each row.

        Columns are separated by spaces (VOTCA's `.dist.tgt`) or commas. Rows with the flag u, empty
        lines, and lines that begin with # or @ are left out, and so is one line of titles.

        Raises:
            InputError: the file cannot be read, or is no such table.
        """
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read ({error})") from error
        rows, titles = [], 0
        for number, line in enumerate(lines, 1):
            fields = line.replace(",", " ").split()
            if not fields or fields[0][0] in "#@":
                continue
            try:
                row = float(fields[0]), float(fields[1])
            except (ValueError, IndexError) as error:
                titles += 1
                if titles > 1 or rows:
                    raise InputError(
                        f"{path}: line {number} is '{line.strip()}', but should be a place (nm or "
                        "rad), a value and, optionally, a flag"
                    ) from error
                continue
            if fields[-1] != UNDEFINED:
                rows.append(row)
        if len(rows) < FEWEST:
            raise InputError(f"{path}: has {len(rows)} rows with values; at least {FEWEST} needed")
        places, values = np.array(rows).T
        if not np.isfinite(rows).all() or not (np.diff(places) > 0).all():
            raise InputError(f"{path}: places must be finite and increase from row to row")
        if values.min() < 0 or not values.max() > 0:
            raise InputError(f"{path}: a distribution must not be negative, nor zero everywhere")
        return cls(str(path), places, values)

    @functools.cached_property
    def _fine(self) -> np.ndarray:
        return np.linspace(self.places[0], self.places[-1], FINE + 1)

    @functools.cached_property
    def density(self) -> np.ndarray:
        """At the places of the numerical integrals, not negative."""
        smooth = np.maximum(CubicSpline(self.places, self.values)(self._fine), 0.0)
        # Where it is about zero, lines: a spline would ring before g(r) begins.
        small = self.values <= SMALL * self.values.max()
        row = np.searchsorted(self.places, self._fine, side="right") - 1
        row = np.clip(row, 0, len(self.places) - 2)
        lines = np.interp(self._fine, self.places, self.values)
        return np.where(small[row] & small[row + 1], lines, smooth)

    def integrals(self, edges: np.ndarray, shells: bool = False) -> np.ndarray:
        """∫ p dx, or ∫ 4πr² g dr with `shells`, between neighbouring edges, shape (len(edges)−1,).

        Edges may be infinite.
        """
        x, step = self._fine, self._fine[1] - self._fine[0]
        values = self.density * (4 * np.pi * x**2 if shells else 1.0)
        sums = np.concatenate([[0.0], np.cumsum(0.5 * (values[1:] + values[:-1]) * step)])
        return np.diff(np.interp(edges, x, sums))

    def range(self, largest: float | None = None) -> tuple[float, float]:
        """Where the distribution is resolved: first and last place above `SMALL` of its largest.

        Args:
            largest: value that counts as the largest; None: that of the table.
        """
        high = self.density.max() if largest is None else largest
        seen = self._fine[self.density > SMALL * high]
        return float(seen[0]), float(seen[-1])
