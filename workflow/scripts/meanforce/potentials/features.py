"""Inputs of the network potential: internal coordinates of named beads."""

import torch

from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.molecule import Molecule


class Features:
    """Network inputs of a batch, and the way back from their gradient to bead forces.

    Pair distances r or 1/r, angles, and sines and cosines of the dihedrals along the bonds, in an
    order that the molecule fixes. So each input belongs to named beads: that is how the network
    knows which carbon is which, and why it can serve no other molecule.

    Args:
        molecule: the beads.
        distances: ``plain`` (r), ``inverse`` (1/r) or ``both``.
        dtype: floating-point type of positions.
        device: where positions are.
    """

    def __init__(
        self,
        molecule: Molecule,
        distances: str = "plain",
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        coordinates = molecule.all_coordinates()
        self._counts = [
            len(coordinates.distances), len(coordinates.angles), len(coordinates.dihedrals)
        ]  # fmt: skip
        self._distances = distances
        self._internal = InternalCoordinates(coordinates, molecule.size, dtype, device)

    @property
    def tells_mirror_images_apart(self) -> bool:
        """Sines of dihedrals change their sign; nothing else does."""
        return self._counts[2] > 0

    def evaluate(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Features (n, size): r, angles, sines, cosines, 1/r; and gradient vectors."""
        values, vectors = self._internal.evaluate(positions)
        lengths, angles, dihedrals = values.split(self._counts, dim=1)
        parts = [angles, torch.sin(dihedrals), torch.cos(dihedrals)]
        if self._distances != "inverse":
            parts.insert(0, lengths)
        if self._distances != "plain":
            parts.append(1 / lengths)
        return torch.cat(parts, dim=1), vectors

    def forces(
        self, features: torch.Tensor, gradient: torch.Tensor, vectors: torch.Tensor
    ) -> torch.Tensor:
        """−dU/dR, shape (n, n_beads, 3), from dU/dfeatures, shape (n, size)."""
        n_lengths, n_angles, n_dihedrals = self._counts
        plain = 0 if self._distances == "inverse" else n_lengths
        inverse = 0 if self._distances == "plain" else n_lengths
        sizes = [plain, n_angles, n_dihedrals, n_dihedrals, inverse]
        at_r, at_angle, at_sine, at_cosine, at_inverse = gradient.split(sizes, dim=1)
        _, _, sine, cosine, reciprocal = features.split(sizes, dim=1)
        if inverse:
            along = -at_inverse * reciprocal * reciprocal
            at_r = at_r + along if plain else along
        inner = torch.cat([at_r, at_angle, at_sine * cosine - at_cosine * sine], dim=1)
        return -self._internal.pull_back(inner, vectors)
