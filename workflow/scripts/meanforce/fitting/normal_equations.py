"""Normal equations of linear potentials, summed over the frames of each fold.

Least squares of F + Σ_k c_k dB_k/dR over all frames, which may have weights; Noid et al.,
J. Chem. Phys. 128, 244114 (2008). The sums of the folds are kept apart, so that cross-validation
over folds costs only the solution of linear systems. Frames are read in chunks.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve

from meanforce.fitting.frames import Frames
from meanforce.fitting.projection import Block, Projection, runs_of
from meanforce.fitting.regularisation import Penalties
from meanforce.potentials.linear import LinearPotential

ELEMENTS = 200_000
"""Numbers in an array of basis functions; the array then stays in the cache."""

CHUNK = 20_000
"""Frames at once, at most."""

FLOOR = {torch.float64: 1e-14, torch.float32: 1e-7}
"""Least ridge: directions that no frame determines need one above the rounding of the sums."""


@dataclasses.dataclass
class Sums:
    """Over frames of one fold and one temperature; K coefficients.

    Attributes:
        matrix: AᵀWA, shape (K, K).
        vector: AᵀWf, shape (K,).
        square: fᵀWf.
        count: sum of the weights.
        activation: Σ φ_k over coordinates and frames, shape (K,).
    """

    matrix: np.ndarray
    vector: np.ndarray
    square: float = 0.0
    count: float = 0.0
    activation: np.ndarray | float = 0.0


class NormalEquations:
    """Sums of all folds.

    Args:
        potential: gives the basis; its coefficients do not matter.
        frames: of the training.
        passed: called with the number of frames that were added so far.

    Attributes:
        folds: fold numbers.
        runs: time blocks.
    """

    def __init__(
        self,
        potential: LinearPotential,
        frames: Frames,
        passed: Callable[[int], None] = lambda frames: None,
    ) -> None:
        self.potential = potential
        self.runs = runs_of(frames)
        self.folds = sorted({run.fold for run in self.runs})
        self.components = (frames.forces != 0).any(dim=0).sum().item()
        self._sums: dict[tuple[int, float], Sums] = {}
        self._known: dict[tuple[int, ...], Penalties] = {}
        projection, done = Projection(potential, frames), 0
        for key in sorted({(run.fold, run.temperature) for run in self.runs}):
            accumulator = Accumulator(potential)
            for run in self.runs:
                if (run.fold, run.temperature) == key:
                    for part in run.chunks(accumulator.chunk):
                        accumulator.add(projection.block(part))
                        done += part.stop - part.start
                        passed(done)
            self._sums[key] = accumulator.sums()

    def total(self, folds: list[int]) -> Sums:
        """Sums over folds and temperatures, for the coefficients of all temperature forms."""
        forms = {t: self._form(t) for _, t in self._sums}
        parts = [(forms[t], sums) for (fold, t), sums in self._sums.items() if fold in folds]
        size, n_forms = len(parts[0][1].vector), len(parts[0][0])
        matrix = np.zeros((n_forms, size, n_forms, size))
        vector, activation = np.zeros((n_forms, size)), np.zeros((n_forms, size))
        for form, sums in parts:
            for a in range(n_forms):
                for b in range(n_forms):
                    matrix[a, :, b] += form[a] * form[b] * sums.matrix
            vector += form[:, None] * sums.vector
            activation += abs(form)[:, None] * sums.activation
        return Sums(
            matrix.reshape(n_forms * size, -1),
            vector.ravel(),
            sum(sums.square for _, sums in parts),
            sum(sums.count for _, sums in parts),
            activation.ravel(),
        )

    def _form(self, temperature: float) -> np.ndarray:
        at = torch.tensor([temperature], dtype=torch.float64)
        return self.potential.temperature_form(at)[0].numpy()

    def count(self, folds: list[int]) -> float:
        """Force components in some folds, each counted with the weight of its frame."""
        return self.components * sum(
            sums.count for (fold, _), sums in self._sums.items() if fold in folds
        )

    def regularised(
        self, folds: list[int], ridge: float, smoothness: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """AᵀWA with penalties, and AᵀWf; strengths are relative, see `Penalties`."""
        total = self.total(folds)
        strength = max(ridge, FLOOR[self.potential.dtype])
        return self._penalties(folds, total.matrix).add_to(
            total.matrix, strength, smoothness
        ), total.vector

    def _penalties(self, folds: list[int], matrix: np.ndarray) -> Penalties:
        key = tuple(sorted(folds))
        if key not in self._known:
            self._known[key] = Penalties.of(self.potential, matrix)
        return self._known[key]

    def solve(self, folds: list[int], ridge: float, smoothness: float = 0.0) -> np.ndarray:
        """Coefficients from some folds; strengths are relative, see `Penalties`."""
        matrix, vector = self.regularised(folds, ridge, smoothness)
        return cho_solve(cho_factor(matrix, overwrite_a=True, check_finite=False), vector)

    def cross_validate(self, folds: list[int], ridge: float, smoothness: float) -> float:
        """Mean loss on each fold of a fit to the other ones."""
        losses = []
        for fold in folds:
            others = [other for other in folds if other != fold]
            losses.append(self.loss([fold], self.solve(others or folds, ridge, smoothness)))
        return float(np.mean(losses))

    def loss(self, folds: list[int], coefficients: np.ndarray) -> float:
        """Mean squared force error on some folds, (kJ/mol/nm)²."""
        total = self.total(folds)
        error = coefficients @ total.matrix @ coefficients - 2 * coefficients @ total.vector
        return float((error + total.square) / self.count(folds))


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
