"""Collective variables of batches of beads, and their gradients by the chain rule.

s_v = Σ_t c_t f_t(q_t) with internal coordinates q_t (module `geometry`), numbers c_t, and for f_t
the identity, a cosine, a sine, or the switching function 1/(1 + (r/r₀)⁶) of a coordination number,
which is [1 − (r/r₀)⁶]/[1 − (r/r₀)¹²]; Iannuzzi, Laio, Parrinello, PRL 90, 238302 (2003).
Functions of whole structures are those of `core.bead_functions`.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import torch

from meanforce.core.bead_functions.arrays import Arrays, BeadFunction
from meanforce.core.bead_functions.registry import bead_function
from meanforce.core.cell import nearest_images
from meanforce.core.coordinates import CoordinateList
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.settings.collective_variables import CollectiveVariableSettings

AXES = {"x": 0, "y": 1, "z": 2}

COORDINATES = {
    "coordinate": "axes",
    "distance": "distances",
    "coordination": "distances",
    "angle": "angles",
    "dihedral": "dihedrals",
    "cos_dihedral": "dihedrals",
    "sin_dihedral": "dihedrals",
}
"""The entry of a `CoordinateList` that each kind is a function of."""


@dataclasses.dataclass(frozen=True)
class Slopes:
    """Derivatives at the positions of one evaluation, for `CollectiveVariables.pull_back`.

    Attributes:
        terms: df_t/dq_t, shape (n, n_terms), or None where all are 1.
        vectors: from `InternalCoordinates.evaluate`.
        whole: gradients of functions of whole structures, each of shape (n, n_beads, 3).
    """

    terms: torch.Tensor | None
    vectors: torch.Tensor
    whole: tuple[torch.Tensor, ...] = ()


class CollectiveVariables:
    """Evaluates collective variables, and turns gradients in them into gradients in positions.

    Args:
        variables: which ones; combinations with their members, and functions of whole structures
            with theirs.
        bead_names: names of the beads, in order.
        dtype: floating-point type of positions.
        device: where positions are.
    """

    def __init__(
        self,
        variables: list[CollectiveVariableSettings],
        bead_names: list[str],
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        self._whole = [
            _Whole.of(number, variable, bead_names, dtype, device)
            for number, variable in enumerate(variables)
            if variable.function is not None
        ]
        terms = [
            _Term(number, coefficient, term, _place(term, beads, bead_names))
            for number, variable in enumerate(variables)
            if variable.function is None
            for coefficient, term in variable.terms
            for beads in term.bead_tuples
        ]
        # Each internal coordinate is evaluated once, however many terms need it.
        fields = [field.name for field in dataclasses.fields(CoordinateList)]
        places = sorted(dict.fromkeys(t.place for t in terms), key=lambda p: fields.index(p[0]))
        coordinates = CoordinateList(
            **{field: tuple(entry for name, entry in places if name == field) for field in fields}
        )
        self._internal = InternalCoordinates(coordinates, len(bead_names), dtype, device)
        self._columns = torch.tensor([places.index(term.place) for term in terms], device=device)
        self._functions = _functions([term.settings for term in terms], dtype, device)
        self._sums = None
        if [(term.variable, term.coefficient) for term in terms] != [
            (number, 1.0) for number in range(len(variables))
        ]:
            self._sums = torch.zeros(len(terms), len(variables), dtype=dtype, device=device)
            for row, term in enumerate(terms):
                self._sums[row, term.variable] = term.coefficient

    def evaluate(
        self, positions: torch.Tensor, cell: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, Slopes]:
        """Values and derivatives.

        Args:
            positions: nm, shape (n, n_beads, 3).
            cell: nm, shape (3, 3) or (n, 3, 3); see `InternalCoordinates.evaluate`.

        Returns:
            values in nm, rad or without a unit, shape (n, n_variables); and what `pull_back` needs.
        """
        if not len(self._columns):
            values = positions.new_zeros(len(positions), len(self._whole))
            gradients = self._add_whole(values, positions, cell)
            return values, Slopes(None, values, gradients)
        coordinates, vectors = self._internal.evaluate(positions, cell)
        values, slopes = coordinates[:, self._columns], None
        if self._functions:
            slopes = torch.ones_like(values)
            for places, function in self._functions:
                values[:, places], slopes[:, places] = function(values[:, places])
        if self._sums is not None:
            values = values @ self._sums
        return values, Slopes(slopes, vectors, self._add_whole(values, positions, cell))

    def _add_whole(
        self, values: torch.Tensor, positions: torch.Tensor, cell: torch.Tensor | None
    ) -> tuple[torch.Tensor, ...]:
        """Fill in the values of functions of whole structures; returns their gradients."""
        gradients = []
        for one in self._whole:
            values[:, one.variable], gradient = one.function(one.beads_of(positions, cell))
            gradients.append(gradient)
        return tuple(gradients)

    def pull_back(self, gradient: torch.Tensor, slopes: Slopes) -> torch.Tensor:
        """Gradient in positions of a function whose gradient in the variables is given.

        Args:
            gradient: shape (n, n_variables).
            slopes: from `evaluate`.

        Returns:
            shape (n, n_beads, 3).
        """
        along = gradient
        if self._sums is not None:
            gradient = gradient @ self._sums.T
        if slopes.terms is not None:
            gradient = gradient * slopes.terms
        if len(self._columns):
            inner = gradient.new_zeros(len(gradient), self._internal.coordinates.size)
            inner.index_add_(1, self._columns, gradient)
            result = self._internal.pull_back(inner, slopes.vectors)
        else:
            result = gradient.new_zeros(len(gradient), self._internal.n_beads, 3)
        for one, own in zip(self._whole, slopes.whole, strict=True):
            result[:, one.beads] += along[:, one.variable, None, None] * own
        return result


@dataclasses.dataclass(frozen=True)
class _Term:
    """One c·f(q): its variable, c, the settings of f, and the place of q in a coordinate list."""

    variable: int
    coefficient: float
    settings: CollectiveVariableSettings
    place: tuple[str, tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class _Whole:
    """A function of a whole structure: which variable it is, and the places of its beads."""

    variable: int
    function: BeadFunction
    beads: torch.Tensor

    @classmethod
    def of(
        cls,
        variable: int,
        settings: CollectiveVariableSettings,
        bead_names: list[str],
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> Self:
        def make(values: Any) -> torch.Tensor:
            return torch.as_tensor(np.asarray(values), dtype=dtype, device=device)

        function = bead_function(settings, Arrays(torch, make))
        beads = torch.tensor([bead_names.index(name) for name in settings.beads], device=device)
        return cls(variable, function, beads)

    def beads_of(self, positions: torch.Tensor, cell: torch.Tensor | None) -> torch.Tensor:
        """Positions of the beads, each the nearest image to the one before it."""
        own = positions[:, self.beads]
        if cell is None:
            return own
        steps = nearest_images(own[:, 1:] - own[:, :-1], cell)
        return torch.cat([own[:, :1], own[:, :1] + steps.cumsum(1)], 1)


def _place(
    term: CollectiveVariableSettings, beads: tuple[str, ...], bead_names: list[str]
) -> tuple[str, tuple[int, ...]]:
    entry = tuple(bead_names.index(name) for name in beads)
    if term.kind == "coordinate":
        entry = (*entry, AXES[term.axis])
    return COORDINATES[term.kind], entry


Function = Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
"""Values and derivatives."""


def _functions(
    kinds: list[CollectiveVariableSettings], dtype: torch.dtype, device: torch.device | str
) -> list[tuple[torch.Tensor, Function]]:
    """The f_t that are not the identity: which terms, and the function."""
    radii = [term.radius for term in kinds if term.kind == "coordination"]
    functions = {
        "cos_dihedral": lambda q: (torch.cos(q), -torch.sin(q)),
        "sin_dihedral": lambda q: (torch.sin(q), torch.cos(q)),
        "coordination": _switch(torch.tensor(radii, dtype=dtype, device=device)),
    }
    result = []
    for kind, function in functions.items():
        places = [number for number, term in enumerate(kinds) if term.kind == kind]
        if places:
            result.append((torch.tensor(places, device=device), function))
    return result


def _switch(radii: torch.Tensor) -> Function:
    def function(distances: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        ratio = distances / radii
        value = 1.0 / (1.0 + ratio**6)
        return value, -6.0 / radii * ratio**5 * value**2

    return function


def evaluate_variables(
    variables: list[CollectiveVariableSettings],
    bead_names: list[str],
    positions: torch.Tensor,
    cell: torch.Tensor | None = None,
    chunk: int = 20000,
) -> torch.Tensor:
    """Values of collective variables, shape (n_frames, n_variables), float64.

    Args:
        variables: settings.
        bead_names: names of the beads, in order.
        positions: nm, shape (n_frames, n_beads, 3).
        cell: periodic box vectors, nm, shape (3, 3) or (n_frames, 3, 3), or None.
        chunk: frames evaluated at once.
    """
    evaluator = CollectiveVariables(variables, bead_names, torch.float64)
    blocks = positions.split(chunk)
    if cell is None or cell.dim() == 2:
        cells = [None if cell is None else cell.double()] * len(blocks)
    else:
        cells = list(cell.double().split(chunk))
    parts = [
        evaluator.evaluate(block.double(), own)[0] for block, own in zip(blocks, cells, strict=True)
    ]
    return torch.cat(parts) if parts else torch.zeros(0, len(variables), dtype=torch.float64)
