"""Force matching of potentials that are linear in their coefficients, by normal equations.

Least squares of F + Σ_k c_k dB_k/dR over all frames, which may have weights; Noid et al.,
J. Chem. Phys. 128, 244114 (2008). The normal matrices are summed block by block, so that
cross-validation over blocks costs nothing but small linear systems.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import torch

from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.registry import KINDS
from meanforce.restart.job import Job
from meanforce.settings.collective_variables import CollectiveVariable
from meanforce.settings.linear_potentials import Linear
from meanforce.training.frames import Frames
from meanforce.training.result import Fit
from meanforce.units import kt

CHUNK = 50000


def fit_linear(
    settings: Linear,
    frames: Frames,
    variables: dict[str, CollectiveVariable],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit all frames but those of fold `member`, with the ridge that cross-validation prefers.

    Args:
        settings: of the potential.
        frames: training data.
        variables: name: collective variable.
        member: fold that is left out; with one member for each fold, means over members are
            jackknife estimates.
        seed: not used; the fit is deterministic.
        report: called with lines of progress.
        job: not used; the fit is short.
    """
    values = {
        "collective_variable": variables[settings.collective_variable].model_dump(),
        "bead_names": list(frames.molecule.names),
        "lower": settings.lower,
        "upper": settings.upper,
        "functions": settings.functions,
        "width": getattr(settings, "width", 1.0),
        "temperature": settings.temperature,
        "reference_temperature": float(np.mean(sorted(set(frames.temperatures.tolist())))),
        "sampled": [settings.lower, settings.upper],
        "wall": 0.0,
    }
    size = settings.functions * (2 if settings.temperature == "linear" else 1)
    potential = KINDS[settings.kind](values, torch.zeros(size, dtype=torch.float64))
    normal = NormalEquations(potential, frames)
    low, high = normal.sampled
    values["sampled"] = [max(low, settings.lower), min(high, settings.upper)]
    # A wall that costs kT one basis function beyond the data.
    values["wall"] = kt(values["reference_temperature"]) / potential.spacing**2

    kept = [fold for fold in sorted(normal.folds) if fold != member]
    losses = [normal.cross_validate(kept, ridge) for ridge in settings.ridge]
    best = settings.ridge[int(np.argmin(losses))]
    coefficients = normal.solve(kept, best)
    held = normal.loss([member], coefficients) if member in normal.folds else float("nan")
    report(f"ridge {best:g}: block-validated loss {min(losses):.4g}, left-out fold {held:.4g}")
    curve = pd.DataFrame({"ridge": settings.ridge, "validation": losses})
    fitted = KINDS[settings.kind](values, torch.from_numpy(coefficients))
    about = {
        "ridge": best,
        "validation_loss": held,
        "components": normal.count(kept),
        "jackknife_folds": len(normal.folds),
    }
    return Fit(fitted, curve, about)


class NormalEquations:
    """Sums AᵀWA, AᵀWf and fᵀWf of each fold, W the weights of the frames.

    Attributes:
        folds: fold numbers.
        sampled: range of the collective variable in the data.
    """

    def __init__(self, potential: LinearPotential, frames: Frames) -> None:
        self.folds: dict[int, tuple[np.ndarray, np.ndarray, float, float]] = {}
        low, high = float("inf"), float("-inf")
        components = (frames.forces != 0).any(dim=0).sum().item()
        for fold in sorted(set(frames.folds.tolist())):
            part = frames.select(frames.folds == fold)
            matrix, vector, square, n = 0.0, 0.0, 0.0, 0
            for start in range(0, len(part.positions), CHUNK):
                block = slice(start, start + CHUNK)
                s, gradient = potential.variable(part.positions[block])
                low, high = min(low, s.min().item()), max(high, s.max().item())
                _, slope = potential.basis(s)
                form = potential.temperature_form(part.temperatures[block].double())
                design = (form[:, :, None] * slope[:, None, :]).flatten(1)
                forces = part.forces[block].double()
                along = -(forces * gradient).sum((1, 2))
                metric = (gradient**2).sum((1, 2))
                squares = forces**2
                if part.weights is None:
                    n += len(forces) * components
                else:
                    weights = part.weights[block].double()
                    along, metric = along * weights, metric * weights
                    squares = squares * weights[:, None, None]
                    n += weights.sum().item() * components
                matrix = matrix + (design * metric[:, None]).T @ design
                vector = vector + design.T @ along
                square += squares.sum().item()
            self.folds[fold] = (matrix.numpy(), vector.numpy(), square, n)
        self.sampled = (low, high)

    def _sum(self, folds: list[int]) -> tuple[np.ndarray, np.ndarray, float, float]:
        parts = [self.folds[fold] for fold in folds]
        return tuple(sum(column) for column in zip(*parts, strict=True))

    def count(self, folds: list[int]) -> float:
        """Force components in some folds, each counted with the weight of its frame."""
        return self._sum(folds)[3]

    def solve(self, folds: list[int], ridge: float) -> np.ndarray:
        """Coefficients from some folds; `ridge` is relative to the largest eigenvalue."""
        matrix, vector, _, _ = self._sum(folds)
        largest = np.linalg.eigvalsh(matrix)[-1]
        # Without a ridge, directions that no frame determines still need a floor.
        strength = max(ridge, 1e-14) * largest
        return np.linalg.solve(matrix + strength * np.eye(len(matrix)), vector)

    def loss(self, folds: list[int], coefficients: np.ndarray) -> float:
        """Mean squared force error on some folds, (kJ/mol/nm)²."""
        matrix, vector, square, count = self._sum(folds)
        error = coefficients @ matrix @ coefficients - 2 * coefficients @ vector + square
        return float(error / count)

    def cross_validate(self, folds: list[int], ridge: float) -> float:
        """Mean loss on each fold of a fit to the other ones."""
        losses = []
        for fold in folds:
            others = [other for other in folds if other != fold]
            losses.append(self.loss([fold], self.solve(others or folds, ridge)))
        return float(np.mean(losses))
