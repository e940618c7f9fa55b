"""Inputs of the network potential: internal coordinates of named beads."""

import torch

from meanforce.core.topology import Topology


class Features:
    """Network inputs of a batch, and the way back from their gradient to that in the coordinates.

    Pair distances r or 1/r, angles, and sines and cosines of the dihedrals along the bonds, in an
    order that the molecule fixes. So each input belongs to named beads: the network distinguishes
    beads of the same element by this, and cannot be used for another molecule.

    Args:
        molecule: the beads.
        distances: ``plain`` (r), ``inverse`` (1/r) or ``both``.

    Attributes:
        coordinates: which internal coordinates the features are functions of.
    """

    def __init__(self, molecule: Topology, distances: str = "plain") -> None:
        self.coordinates = molecule.all_coordinates()
        self._counts = [
            len(self.coordinates.distances),
            len(self.coordinates.angles),
            len(self.coordinates.dihedrals),
        ]
        self._distances = distances

    def of(self, coordinates: torch.Tensor) -> torch.Tensor:
        """Features r, angles, sines, cosines, 1/r, shape (n, size), of `coordinates`' values."""
        lengths, angles, dihedrals = coordinates.split(self._counts, dim=1)
        parts = [angles, torch.sin(dihedrals), torch.cos(dihedrals)]
        if self._distances != "inverse":
            parts.insert(0, lengths)
        if self._distances != "plain":
            parts.append(1 / lengths)
        return torch.cat(parts, dim=1)

    def pull_back(self, features: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
        """dU/dq, shape (n, n_coordinates), from dU/dfeatures, shape (n, size)."""
        n_lengths, n_angles, n_dihedrals = self._counts
        plain = 0 if self._distances == "inverse" else n_lengths
        inverse = 0 if self._distances == "plain" else n_lengths
        sizes = [plain, n_angles, n_dihedrals, n_dihedrals, inverse]
        at_r, at_angle, at_sine, at_cosine, at_inverse = gradient.split(sizes, dim=1)
        _, _, sine, cosine, reciprocal = features.split(sizes, dim=1)
        if inverse:
            along = -at_inverse * reciprocal * reciprocal
            at_r = at_r + along if plain else along
        return torch.cat([at_r, at_angle, at_sine * cosine - at_cosine * sine], dim=1)
