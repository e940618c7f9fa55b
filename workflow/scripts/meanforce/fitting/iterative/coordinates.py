"""Values of the coordinates of each curve in frames, for all that is counted or summed of them."""

import dataclasses
from collections.abc import Iterator

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.neighbours import pair_distances, pair_vectors
from meanforce.potentials.curves import Basis
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.variables import CollectiveVariables


@dataclasses.dataclass(frozen=True)
class Values:
    """Coordinates that share a curve.

    Attributes:
        curve: its number.
        frames: frame of each coordinate, shape (n,).
        values: nm or rad, shape (n,).
    """

    curve: int
    frames: np.ndarray
    values: np.ndarray


class CurveCoordinates:
    """Finds the coordinates of each curve of a potential; pairs by neighbour search.

    Args:
        potential: in double precision; its coefficients do not matter.
    """

    def __init__(self, potential: LinearPotential) -> None:
        self._potential = potential
        self._cutoff = max((curve.cutoff or 0.0 for curve in potential.curves), default=0.0)

    def of(self, frames: Configuration[np.ndarray]) -> Iterator[Values]:
        """Coordinates in all frames, in a fixed order."""
        listed = self._listed()
        if listed is not None:
            yield from self._of_list(frames, *listed)
        if self._of_terms and self._potential.pair_terms is not None:
            yield from self._of_pairs(frames)

    @property
    def _of_terms(self) -> bool:
        return "collective_variable" not in self._potential.values

    def _listed(self) -> tuple[InternalCoordinates | CollectiveVariables, Basis] | None:
        if self._of_terms:
            return self._potential.bonded_terms
        return self._potential.coordinates, self._potential.basis_functions

    def _of_list(
        self,
        frames: Configuration[np.ndarray],
        coordinates: InternalCoordinates | CollectiveVariables,
        basis: Basis,
    ) -> Iterator[Values]:
        tensors = frames.map(lambda array: torch.from_numpy(np.asarray(array, dtype=np.float64)))
        values = coordinates.evaluate(tensors.positions, tensors.cell)[0].numpy()
        owners = basis.owners.numpy()
        for curve in np.unique(owners).tolist():
            own = values[:, owners == curve]
            yield Values(curve, np.repeat(np.arange(len(own)), own.shape[1]), own.ravel())

    def _of_pairs(self, frames: Configuration[np.ndarray]) -> Iterator[Values]:
        terms, bases = self._potential.pair_terms
        if frames.cell is None:
            found = pair_vectors(frames.positions, None, self._cutoff)
            parts = [(found.frame, found.first, found.second, found.distances)]
        else:
            parts = pair_distances(frames.positions, np.asarray(frames.cell), self._cutoff)
        for frame, first, second, r in parts:
            curves = terms.curves_of(first, second)
            for curve in bases:
                own = curves == curve
                yield Values(curve, frame[own], r[own])
