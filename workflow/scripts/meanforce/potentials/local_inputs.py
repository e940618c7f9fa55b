"""What the networks of single beads see: coordinates along the bonds, and densities of beads.

Frames are the last, contiguous index throughout, as in module `geometry`.
"""

import functools

import numpy as np
import torch

from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.potentials.terms import near_beads


class BondedInputs:
    """Of each bead: distances to beads near along the bonds, and dihedrals that it is part of.

    Dihedrals enter by sine and cosine. Beads with fewer inputs than others have zeros in addition.

    Args:
        molecule: the beads.
        bonds: largest number of bonds between two beads whose distance enters.
        distances: ``plain`` (r), ``inverse`` (1/r) or ``both``.
        device: where positions are.

    Attributes:
        coordinates: which internal coordinates the inputs are functions of.
        width: inputs of a bead.
    """

    def __init__(
        self, molecule: Topology, bonds: int, distances: str, device: torch.device | str
    ) -> None:
        near = near_beads(molecule, bonds + 1)
        pairs = tuple((i, j) for i, beads in enumerate(near) for j in sorted(beads) if j > i)
        self.coordinates = CoordinateList(distances=pairs, dihedrals=molecule.dihedrals)
        self._size = molecule.size
        self._counts = [len(pairs), len(molecule.dihedrals)]
        n_lengths, n_turns = self._counts
        self._sizes = [
            n_lengths * (distances != "inverse"), n_lengths * (distances != "plain"),
            n_turns, n_turns,
        ]  # fmt: skip
        lengths = [*pairs] * (2 if distances == "both" else 1)
        turns = [*molecule.dihedrals] * 2
        own: list[list[int]] = [[] for _ in range(molecule.size)]
        for feature, beads in enumerate([*lengths, *turns]):
            for bead in beads:
                own[bead].append(feature)
        self.width = max(1, *map(len, own))
        nothing = len(lengths) + len(turns)
        table = np.array([[*row, *[nothing] * (self.width - len(row))] for row in own]).ravel()
        self._rows = torch.as_tensor(table, device=device)
        # A distance is an input of two beads, a dihedral of four.
        users = np.argsort(table, kind="stable")[: 2 * len(lengths) + 4 * len(turns)]
        parts = np.split(users, [2 * len(lengths)])
        self._users = [
            torch.as_tensor(part.reshape(-1, beads).T.copy(), device=device)
            for part, beads in zip(parts, (2, 4), strict=True)
        ]

    def of(self, coordinates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs, shape (n_beads, width, n), and what `pull_back` needs.

        Args:
            coordinates: values of the coordinates, nm or rad, shape (n_coordinates, n).
        """
        lengths, dihedrals = coordinates.split(self._counts)
        plain, inverse, _, _ = self._sizes
        parts = [lengths[:plain], 1 / lengths[:inverse], torch.sin(dihedrals), torch.cos(dihedrals)]
        features = torch.cat([*parts, torch.zeros_like(coordinates[:1])])
        taken = features.index_select(0, self._rows)
        return taken.view(self._size, self.width, -1), features

    def pull_back(self, features: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """Gradient in the coordinates, shape (n_coordinates, n).

        Args:
            features: from `of`.
            gradient: in the inputs, shape (n_beads, width, n).
        """
        rows = gradient.reshape(self._size * self.width, -1)
        at = torch.cat([sum(rows.index_select(0, one) for one in users) for users in self._users])
        _, inverse, sine, cosine = features[:-1].split(self._sizes)
        at_plain, at_inverse, at_sine, at_cosine = at.split(self._sizes)
        along = -at_inverse * inverse * inverse
        if len(at_plain):
            along = at_plain + along if len(along) else at_plain
        return torch.cat([along, at_sine * cosine - at_cosine * sine])


class Densities:
    """Of each bead: sums over the beads that are not near along the bonds, within a cutoff.

    ρ_kc(i) = Σ_j e_c(j) t(r_ij)^(2^k), t = max(0, 1 − (r/r_c)²), with e_c of the type of bead j.
    Neither roots nor divisions are needed, so that all pairs cost less than a search for near ones
    up to some hundred beads.

    Args:
        molecule: the beads.
        bonds: largest number of bonds between two beads that are left out.
        functions: how many k.
        cutoff: r_c, nm.
        dtype: floating-point type of positions.
        device: where they are.
    """

    def __init__(
        self,
        molecule: Topology,
        bonds: int,
        functions: int,
        cutoff: float,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        left = np.ones((molecule.size, molecule.size, 1))
        for bead, near in enumerate(near_beads(molecule, bonds + 1)):
            left[bead, list(near)] = 0.0
        self._left = torch.as_tensor(left, dtype=dtype, device=device)
        self._functions, self._factor = functions, 1.0 / cutoff**2

    def of(self, beads: torch.Tensor, weights: list[torch.Tensor]) -> list[torch.Tensor]:
        """Densities, shape (n_beads, functions · channels, n), for each of several weights.

        Args:
            beads: nm, shape (n_beads, 3, n).
            weights: e, each of shape (channels, n_beads).
        """
        _, near = self._pairs(beads)
        powers = self._powers(near)
        return [torch.cat([_weighted(e, power) for power in powers], 1) for e in weights]

    def pull_back(
        self, beads: torch.Tensor, weights: list[torch.Tensor], gradients: list[torch.Tensor]
    ) -> torch.Tensor:
        """Gradient in the positions, summed over the weights, shape (n_beads, 3, n).

        Args:
            beads: nm, shape (n_beads, 3, n).
            weights: e, each of shape (channels, n_beads).
            gradients: in the densities, each of shape (n_beads, functions · channels, n).
        """
        # Of −beads: a compiler that sees the tables of `of` again stores them, which takes longer.
        differences, near = self._pairs(-beads)
        slope, along = 2 * near, 0.0
        for k, power in enumerate(self._powers(near)):
            for e, gradient in zip(weights, gradients, strict=True):
                own = gradient[:, k * len(e) : (k + 1) * len(e)]
                along = along + _from_first(e, own) * slope
            slope = 2 * power * slope
        # What the density of bead i gives the pair, and that of bead j.
        along = along * self._left
        along = along + along.transpose(0, 1)
        return 2 * self._factor * torch.stack([(along * one).sum(1) for one in differences], 1)

    def _pairs(self, beads: torch.Tensor) -> tuple[list[torch.Tensor], torch.Tensor]:
        """x, y, z of bead i − bead j, and t, each of shape (n_beads, n_beads, n)."""
        differences = [one[:, None] - one[None] for one in beads.unbind(1)]
        x, y, z = differences
        square = x * x + y * y + z * z
        return differences, (1 - square * self._factor).clamp_min(0) * self._left

    def _powers(self, near: torch.Tensor) -> list[torch.Tensor]:
        """t², t⁴, t⁸, …"""
        found = [near * near]
        for _ in range(self._functions - 1):
            found.append(found[-1] * found[-1])
        return found


def _weighted(e: torch.Tensor, power: torch.Tensor) -> torch.Tensor:
    """Σ_j e_c(j) power(i, j), shape (n_beads, channels, n)."""
    if not torch.compiler.is_compiling():
        return torch.matmul(e, power)
    # Compiled loops over pairs keep in registers what a matrix product reads from memory.
    return torch.stack([(power * one[None, :, None]).sum(1) for one in e], 1)


def _from_first(e: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """Σ_c g_c(i) e_c(j), shape (n_beads, n_beads, n)."""
    if not torch.compiler.is_compiling():
        return torch.matmul(e.T, gradient)
    parts = zip(e, gradient.unbind(1), strict=True)
    terms = (one[:, None] * weight[None, :, None] for weight, one in parts)
    # Unlike the built-in sum, without adding zero for each pair.
    return functools.reduce(torch.add, terms)
