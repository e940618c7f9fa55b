"""Non-bonded pairs of beads and the curves that they share, found by neighbour search.

The list of all pairs grows with the square of the number of beads, and in a periodic cell pairs
have images. So pairs are searched within the cutoff of the curves. When beads move little from one
evaluation to the next, as in dynamics, the search goes somewhat farther, and its list serves until
a bead has moved by half of that excess (Verlet, Phys. Rev. 159, 98 (1967)).
"""

import dataclasses
import math

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.neighbours import neighbours, require_width
from meanforce.core.topology import Topology, components
from meanforce.potentials.terms import near_beads, type_name

SKIN = 0.15
"""Excess of a search over the cutoff, in cutoffs, while beads move little."""

ROUNDING = 1e-5
"""The same for a search that serves once: beyond what rounding may do to a distance."""

NEAR = 0.1
"""nm; beads that moved less since the last search follow each other in time."""


@dataclasses.dataclass(frozen=True)
class Pairs:
    """Pairs that share a curve.

    Attributes:
        curve: its number.
        frame: of each pair, shape (n_pairs,).
        first: bead of each pair among all beads of the batch, shape (n_pairs,).
        second: the other one.
        offsets: what periodic images add to second − first, nm, shape (n_pairs, 3), or None.
    """

    curve: int
    frame: torch.Tensor
    first: torch.Tensor
    second: torch.Tensor
    offsets: torch.Tensor | None


@dataclasses.dataclass(frozen=True)
class Remembered:
    """What was found at some configuration.

    Attributes:
        at: copy of it.
        skin: excess of the search over the cutoff, nm.
        pairs: that were found, by curve.
    """

    at: Configuration[torch.Tensor]
    skin: float
    pairs: list[Pairs]

    def serves(self, other: Configuration[torch.Tensor]) -> bool:
        """Whether all pairs within the cutoff are in the list."""
        # The rest of the skin is for rounding.
        return self._moved(other) < 0.49 * self.skin

    def is_near(self, other: Configuration[torch.Tensor]) -> bool:
        """Whether the other configuration seems to follow this one in time."""
        return self._moved(other) < NEAR

    def _moved(self, other: Configuration[torch.Tensor]) -> float:
        """How far a bead has moved at most, nm; infinitely far where the two do not compare."""
        old, new = self.at.positions, other.positions
        same = old.shape == new.shape and old.dtype == new.dtype and old.device == new.device
        if not same or (self.at.cell is None) != (other.cell is None) or not new.numel():
            return math.inf
        if other.cell is not None and not torch.equal(self.at.cell, other.cell):
            return math.inf
        return float((new - old).square().sum(-1).max().sqrt().nan_to_num(math.inf))


class PairTerms:
    """Finds the pairs of each curve.

    Args:
        molecule: the beads.
        exclude: least number of bonds between the beads of a pair.
        curves: number of the curve of each pair of types, by `type_name`.
        cutoff: of the curves, nm.
    """

    def __init__(
        self, molecule: Topology, exclude: int, curves: dict[str, int], cutoff: float
    ) -> None:
        self._cutoff, self._n_beads = cutoff, molecule.size
        self._molecules = components(molecule.bond_array, molecule.size)
        kinds = sorted(set(molecule.types))
        self._types = np.array([kinds.index(one) for one in molecule.types])
        self._curves = np.array([[curves.get(type_name([a, b]), -1) for b in kinds] for a in kinds])
        excluded = [
            bead * molecule.size + other
            for bead, near in enumerate(near_beads(molecule, exclude))
            for other in near
            if other > bead
        ]
        self._excluded = np.array(sorted(excluded), dtype=np.int64)
        self._last: Remembered | None = None

    def curves_of(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Number of the curve of each pair of beads, shape (n_pairs,); −1 where it has none.

        Args:
            first: bead of each pair, shape (n_pairs,).
            second: the other one, in either order.
        """
        curves = self._curves[self._types[first], self._types[second]]
        # Beads of different molecules, as most pairs in a liquid are, are never excluded.
        same = np.flatnonzero(self._molecules[first] == self._molecules[second])
        one, other = first[same], second[same]
        codes = np.minimum(one, other) * self._n_beads + np.maximum(one, other)
        curves[same[np.isin(codes, self._excluded)]] = -1
        return curves

    def counts(self) -> dict[int, int]:
        """How many pairs share each curve, whatever their distance."""
        beads = np.bincount(self._types, minlength=len(self._curves))
        pairs = np.outer(beads, beads) - np.diag(beads)
        first, second = np.divmod(self._excluded, self._n_beads)
        for one, other in ((first, second), (second, first)):
            np.subtract.at(pairs, (self._types[one], self._types[other]), 1)
        found = {}
        for number in np.unique(self._curves[self._curves >= 0]).tolist():
            found[number] = int(pairs[self._curves == number].sum()) // 2
        return found

    def find(self, configuration: Configuration[torch.Tensor]) -> list[Pairs]:
        """Pairs within the cutoff, by curve; curves without any are left out.

        They are the same pairs in the same order, whether a list is new or old.

        Raises:
            InputError: half of the cell's smallest width is less than the cutoff.
        """
        configuration = configuration.map(torch.Tensor.detach)
        if self._last is None or not self._last.serves(configuration):
            follows = self._last is not None and self._last.is_near(configuration)
            skin = SKIN * self._cutoff if follows else ROUNDING * self._cutoff
            # A copy: callers may change their tensors in place.
            copy = configuration.map(torch.Tensor.clone)
            self._last = Remembered(copy, skin, self._listed(copy, skin))
        beads = configuration.positions.reshape(-1, 3)
        return [near for pairs in self._last.pairs if len((near := self._near(pairs, beads)).first)]

    def _near(self, pairs: Pairs, beads: torch.Tensor) -> Pairs:
        """Those within the cutoff."""
        vectors = beads[pairs.second] - beads[pairs.first]
        if pairs.offsets is not None:
            vectors = vectors + pairs.offsets
        chosen = torch.nonzero(vectors.square().sum(1) < self._cutoff**2)[:, 0]
        offsets = None if pairs.offsets is None else pairs.offsets[chosen]
        indices = (pairs.frame[chosen], pairs.first[chosen], pairs.second[chosen])
        return Pairs(pairs.curve, *indices, offsets)

    def _listed(self, configuration: Configuration[torch.Tensor], skin: float) -> list[Pairs]:
        """Pairs that are nearer than the cutoff and some excess."""
        arrays = configuration.map(lambda tensor: tensor.cpu().numpy())
        if arrays.cell is not None:
            require_width(arrays.cell, self._cutoff, "the longest curve of pairs")
        found = neighbours(arrays.positions, arrays.cell, self._cutoff + skin)
        curves = self.curves_of(found.first, found.second)
        offsets = found.offsets(arrays.cell)
        like = configuration.positions
        result = []
        for number in np.unique(curves[curves >= 0]):
            own = np.flatnonzero(curves == number)
            start = found.frame[own] * self._n_beads
            indices = (found.frame[own], start + found.first[own], start + found.second[own])
            moved = None if offsets is None else torch.from_numpy(offsets[own]).to(like)
            result.append(
                Pairs(int(number), *(torch.from_numpy(i).to(like.device) for i in indices), moved)
            )
        return result
