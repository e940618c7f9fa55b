"""Non-bonded pairs of beads and the curves that they share, found by neighbour search.

The list of all pairs grows with the square of the number of beads, and in a periodic cell pairs
have images. So pairs are found anew for each evaluation, within the cutoff of the curves.
"""

import dataclasses

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.neighbours import neighbours, require_width
from meanforce.core.topology import Topology, components
from meanforce.potentials.terms import near_beads, type_name


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

        Raises:
            InputError: half of the cell's smallest width is less than the cutoff.
        """
        arrays = configuration.map(lambda tensor: tensor.detach().cpu().numpy())
        if arrays.cell is not None:
            require_width(arrays.cell, self._cutoff, "the longest curve of pairs")
        found = neighbours(arrays.positions, arrays.cell, self._cutoff)
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
