"""Sums of normal equations over frames of few beads, whose coordinates are all listed."""

import torch

from meanforce.fitting.projection import Block
from meanforce.fitting.sums import Sums
from meanforce.potentials.linear import LinearPotential

ELEMENTS = 200_000
"""Numbers in an array of basis functions; the array then stays in the cache."""

CHUNK = 20_000
"""Frames at once, at most."""


class Accumulator:
    """Sums over the frames of one fold at one temperature.

    Which coordinates share beads, and which curve each belongs to, is worked out once.
    """

    def __init__(self, potential: LinearPotential) -> None:
        self._basis = basis = potential.basis_functions
        owners, self._widest = basis.owners, basis.widest
        n_curves, m = len(potential.curves), len(owners)
        self.chunk = min(CHUNK, max(64, ELEMENTS // (m * basis.widest)))
        self._matrix = torch.zeros(
            n_curves, n_curves, basis.widest, basis.widest, dtype=torch.float64
        )
        self._vector = torch.zeros(n_curves, basis.widest, dtype=torch.float64)
        self._activation = torch.zeros_like(self._vector)
        self._square = self._count = 0.0
        self._partners: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] | None = None

    def _find_partners(self, gradients: torch.Tensor) -> None:
        """For each coordinate i those j ≥ i that share a bead with it, and these beads' rows."""
        moves = (gradients != 0).flatten(2).any(2)
        n_beads, self._partners = moves.shape[1], []
        for i, own in enumerate(moves):
            beads, sharing = own.nonzero()[:, 0], moves[:, own].any(1).nonzero()[:, 0]
            partners = sharing[sharing >= i]
            rows = (partners[:, None] * n_beads + beads).flatten()
            self._partners.append((partners, rows, i * n_beads + beads))

    def add(self, block: Block) -> None:
        """Add some frames."""
        if self._partners is None:
            self._find_partners(block.gradients)
        basis = self._basis
        value, slope = basis.evaluate(block.coordinates)
        along = block.along(block.forces)
        vector = torch.matmul(slope, along[..., None])[..., 0]
        self._vector.index_add_(0, basis.owners, vector.double())
        weighted = value if block.weights is None else value * block.weights
        self._activation.index_add_(0, basis.owners, weighted.sum(2).double())
        self._square += block.square
        self._count += block.count
        n = slope.shape[2]
        gradients = block.gradients.flatten(0, 1).flatten(1)
        for i, (partners, rows, own) in enumerate(self._partners):
            # JJᵀ of coordinate i with those that share a bead.
            both = gradients.index_select(0, rows).view(len(partners), len(own), -1)
            both.mul_(gradients.index_select(0, own))
            metric = both.view(len(partners), -1, n).sum(1)
            if block.weights is not None:
                metric = metric * block.weights
            scaled = slope.index_select(0, partners).mul_(metric[:, None])
            product = scaled.view(-1, n) @ slope[i].T
            product = product.view(len(partners), self._widest, -1).double()
            # The other half, j < i, is added by symmetry at the end.
            product[0] *= 0.5
            self._matrix[basis.owners[i]].index_add_(0, basis.owners[partners], product)

    def sums(self) -> Sums:
        """Sums in the order of the coefficients."""
        place, n = self._basis.index.flatten(), self._basis.size
        used = place < n
        matrix = self._matrix.permute(0, 3, 1, 2).flatten(0, 1).flatten(1)[used][:, used].numpy()
        return Sums(
            matrix + matrix.T,
            self._vector.flatten()[used].numpy(),
            self._square,
            self._count,
            self._activation.flatten()[used].numpy(),
        )
