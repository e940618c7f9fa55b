"""Force errors: the loss that is minimised and the one that is reported."""

from collections.abc import Callable

import numpy as np
import torch

from meanforce.fitting.frames import Frames
from meanforce.mapping.irreducible import unexplained
from meanforce.potentials.interface import Potential

LOSS_CHUNK = 8192


def bead_squares(error: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
    """Mean of squares over frames and components, of each bead, shape (n_beads,).

    Args:
        error: shape (n, n_beads, 3).
        weights: of the frames, shape (n,), of mean 1 over all frames (not over these); None: all 1.
    """
    if weights is None:
        return error.square().mean(dim=(0, 2))
    return (error.square().mean(dim=2) * weights[:, None]).mean(dim=0)


@torch.no_grad()
def bead_losses(
    potential: Potential,
    frames: Frames,
    fold: int | None = None,
    between: Callable[[], None] = lambda: None,
    stride: int = 1,
) -> torch.Tensor:
    """Mean squared force error of each bead with the frames' weights.

    Args:
        potential: to be judged.
        frames: to judge it by.
        fold: only by frames of this fold; None: by all.
        between: called after about every `LOSS_CHUNK` frames, and at the end.
        stride: every `stride`-th frame of each chunk is used.

    Returns:
        (kJ/mol/nm)² per component, float64, shape (n_beads,).
    """
    total, n, seen = torch.zeros(frames.molecule.size, dtype=torch.float64), 0.0, 0
    for chunk in frames.chunks(stride * LOSS_CHUNK, fold):
        part = chunk.select(slice(None, None, stride))
        if seen >= LOSS_CHUNK:
            between()
            seen = 0
        there = part.to(potential.device)
        _, forces = potential.energy_and_forces(there.configurations)
        total += len(part) * bead_squares(forces - there.forces, there.weights).double().cpu()
        n += len(part) if part.weights is None else part.weights.double().sum().item()
        seen += len(part)
    between()
    return total / n


def validation_loss(potential: Potential, frames: Frames) -> float:
    """Mean squared force error per component with the frames' weights, (kJ/mol/nm)²."""
    return bead_losses(potential, frames).mean().item()


def force_squares(frames: Frames, fold: int) -> torch.Tensor:
    """Mean squared force of each bead over all frames but those of a fold, shape (n_beads,)."""
    total, n = torch.zeros(frames.molecule.size, dtype=torch.float64), 0.0
    for part in frames.chunks(LOSS_CHUNK):
        if part.fold != fold:
            total += len(part) * bead_squares(part.forces, part.weights).double()
            n += len(part) if part.weights is None else part.weights.double().sum().item()
    return total / n


def inverse_variances(frames: Frames) -> torch.Tensor:
    """Weights of the beads: one over the variance of each one's noise, float64, of mean 1.

    Generalised least squares with a diagonal covariance. The minimum, each bead's mean force, is
    the same for any weights; these give the fit the least scatter, as far as the noise of different
    beads is independent. The noise is the residual of least squares on second-order polynomials of
    the internal coordinates; see `mapping.irreducible`. Beads without force count like the noisiest
    one.

    Args:
        frames: some tens of thousands, evenly spaced.
    """
    residual = unexplained(frames.positions.double().numpy(), frames.forces.double().numpy())
    variances = np.square(residual).reshape(len(residual), -1, 3).mean(axis=(0, 2))
    largest = variances.max()
    if largest == 0:
        return torch.ones(len(variances), dtype=torch.float64)
    # Otherwise the weight of a bead whose force is a function of the beads would be unbounded.
    variances = np.where(variances > 0, np.maximum(variances, 1e-4 * largest), largest)
    weights = 1 / variances
    return torch.from_numpy(weights / weights.mean())
