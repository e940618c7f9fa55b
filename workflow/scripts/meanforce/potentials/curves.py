"""Curves: functions of one coordinate, as sums of equal basis functions at equal distances."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch

Shape = Callable[[torch.Tensor, float], tuple[torch.Tensor, torch.Tensor]]
"""φ(u) and φ'(u) of a basis function, u the distance from its centre in spacings."""


@dataclasses.dataclass(frozen=True)
class EnergyCurve:
    """A curve without its coefficients; lengths in nm, angles in rad.

    Attributes:
        name: the types of the beads it belongs to.
        kind: `variable`, `bonds`, `angles`, `dihedrals` or `pairs`.
        functions: number of basis functions.
        lower: centre of the first one.
        spacing: distance of their centres.
        sampled: range of the training data.
        wall: stiffness of the harmonic walls beyond it, kJ/mol/unit².
        cutoff: where a curve of pairs becomes zero.
    """

    name: str
    kind: str
    functions: int
    lower: float
    spacing: float
    sampled: tuple[float, float]
    wall: float
    cutoff: float | None = None

    @classmethod
    def of(cls, values: dict[str, Any]) -> "EnergyCurve":
        """The inverse of `dataclasses.asdict`."""
        return cls(**values | {"sampled": tuple(values["sampled"])})

    @property
    def periodic(self) -> bool:
        """Whether the coordinate is an angle on the full circle."""
        return self.kind == "dihedrals"

    @property
    def range(self) -> tuple[float, float]:
        """Where the basis is used; elsewhere the curve continues linearly, with walls."""
        if self.periodic:
            return -math.inf, math.inf
        return self.sampled[0], self.cutoff or self.sampled[1]

    @property
    def walls(self) -> tuple[float, float]:
        """Stiffness of the walls below and above."""
        return self.wall, 0.0 if self.cutoff else self.wall


class Basis:
    """Basis functions of some coordinates, each with the curve that it belongs to.

    Args:
        curves: all curves; a curve's coefficients come one after the other.
        owners: number of the curve of each coordinate.
        shape: of a basis function.
        width: handed to `shape`.
        switched: multiply functions of curves with a cutoff by [1 − (r/r_c)²]².
        dtype: floating-point type.
        device: where coordinates are.

    Attributes:
        size: number of coefficients of all curves.
        widest: most functions of a curve; arrays are padded to it.
        index: place of each (curve, function) among the coefficients, `size` where it is padding.
    """

    def __init__(
        self,
        curves: list[EnergyCurve],
        owners: list[int],
        shape: Shape,
        width: float,
        switched: bool,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
    ) -> None:
        options = {"dtype": dtype, "device": device}
        self.owners = torch.tensor(owners, dtype=torch.long, device=device)
        counts = [curve.functions for curve in curves]
        self.size, self.widest = sum(counts), max(counts)
        self.index = torch.full((len(curves), self.widest), self.size, device=device)
        for number, count in enumerate(counts):
            self.index[number, :count] = sum(counts[:number]) + torch.arange(count, device=device)
        own = [curves[owner] for owner in owners]
        self.lower = torch.tensor([curve.lower for curve in own], **options)
        self.spacing = torch.tensor([curve.spacing for curve in own], **options)
        self.range = torch.tensor([curve.range for curve in own], **options).T
        self.walls = torch.tensor([curve.walls for curve in own], **options).T
        self._shape, self._width, self._switched = shape, width, switched
        self._centers = torch.arange(self.widest, **options)
        # The period in spacings; without a period, a number far above any distance.
        self._period = torch.tensor(
            [curve.functions if curve.periodic else math.inf for curve in own], **options
        )
        self._circles = torch.isfinite(self._period).nonzero()[:, 0]
        self._padded = any(curve.functions < self.widest for curve in own)
        self._mask = (self._centers < torch.tensor([c.functions for c in own], **options)[:, None])[
            ..., None
        ].to(dtype)
        self._cutoff = torch.tensor([curve.cutoff or math.inf for curve in own], **options)

    def evaluate(self, coordinates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Basis functions and their slopes.

        Args:
            coordinates: shape (n_coordinates, n).

        Returns:
            each of shape (n_coordinates, widest, n).
        """
        first = (coordinates - self.lower[:, None]) / self.spacing[:, None]
        u = first[:, None] - self._centers[:, None]
        if len(self._circles):
            period = self._period[self._circles, None, None]
            turned = u[self._circles]
            u[self._circles] = turned - period * torch.round(turned / period)
        value, slope = self._shape(u, self._width)
        slope = slope * (self._mask / self.spacing[:, None, None])
        if self._padded:
            value = value * self._mask
        return self._switch(coordinates, value, slope) if self._switched else (value, slope)

    def _switch(
        self, coordinates: torch.Tensor, value: torch.Tensor, slope: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Functions and slopes, switched off at the cutoffs of their curves."""
        ratio = (coordinates / self._cutoff[:, None]).clamp(max=1.0)
        rest = 1 - ratio**2
        factor = torch.where(self._cutoff[:, None] < math.inf, rest**2, 1.0)[:, None]
        change = (-4 * ratio * rest / self._cutoff[:, None])[:, None]
        change = torch.where(self._cutoff[:, None, None] < math.inf, change, 0.0)
        return value * factor, slope * factor + value * change

    def near(
        self, coordinates: torch.Tensor, pieces: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """The functions that differ from zero at places of the only coordinate.

        Args:
            coordinates: shape (n,).
            pieces: the functions that differ from zero between two centres, as polynomials in
                0 ≤ t ≤ 1, shape (powers, functions); None: all functions do so everywhere.

        Returns:
            numbers of the functions, values and slopes, each of shape (count, n); where a place
            has fewer of them, values and slopes are zero.
        """
        functions = int(self._mask[0].sum())
        first = (coordinates - self.lower[0]) / self.spacing[0]
        if pieces is None:
            value, slope = (part[0, :functions] for part in self.evaluate(coordinates[None]))
            numbers = torch.arange(functions, device=first.device)
            return numbers[:, None].expand(-1, len(first)), value, slope
        powers, count = pieces.shape
        interval = torch.floor(first)
        t = (first - interval).expand(powers, -1)
        rising = torch.cumprod(torch.cat([torch.ones_like(t[:1]), t[1:]]), dim=0)
        steps = torch.arange(1, powers, device=t.device)[:, None]
        value = pieces.to(t).T @ rising
        slope = (pieces[1:] * steps).to(t).T @ rising[:-1] / self.spacing[0]
        numbers = interval.long() + torch.arange(count, device=t.device)[:, None] + 1 - count // 2
        if len(self._circles):
            numbers = numbers % functions
        else:
            there = (numbers >= 0) & (numbers < functions)
            value, slope = value * there, slope * there
            numbers = numbers.clamp(0, functions - 1)
        if self._switched:
            value, slope = (part[0] for part in self._switch(coordinates[None], value, slope))
        return numbers, value, slope

    def wrapped(self, u: torch.Tensor) -> torch.Tensor:
        """Distances from the first centre in spacings, on a circle within its first turn."""
        if not len(self._circles):
            return u
        period = self._period[:, None]
        return torch.where(period < math.inf, u - period * torch.floor(u / period), u)

    def padded(self, coefficients: torch.Tensor) -> torch.Tensor:
        """Coefficients, shape (size,), as shape (n_curves, widest) with zeros as padding."""
        return torch.cat([coefficients, coefficients.new_zeros(1)])[self.index]
