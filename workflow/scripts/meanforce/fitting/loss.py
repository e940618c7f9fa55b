"""Force errors: the loss that is minimised and the one that is reported."""

from collections.abc import Callable

import numpy as np
import torch

from meanforce.fitting.frames import Frames
from meanforce.fitting.torques import Torques
from meanforce.mapping.irreducible import unexplained
from meanforce.potentials.interface import Potential
from meanforce.potentials.whole import WholeMolecule, is_one

LOSS_CHUNK = 8192

LEVER = 0.05
"""nm. A torque counts as if its noise were at least that of one force at this distance. Torques of
molecules are noisier by far; one that is zero up to rounding would count without bounds."""

NOISE_PAIRS = 10**8
"""Pairs of beads in all frames from which noise is estimated, about."""


def squared_errors(
    frames: Frames, forces: torch.Tensor, weights: torch.Tensor | None, torques: Torques
) -> torch.Tensor:
    """Mean squared errors of the forces on each bead and of each torque.

    Args:
        frames: with the forces that are right.
        forces: to be judged, kJ/mol/nm, shape (n, n_beads, 3).
        weights: of the frames, shape (n,), of mean 1 over all frames (not over these); None: all 1.
        torques: of the molecule.

    Returns:
        (kJ/mol/nm)² per component, then (kJ/mol)², shape (n_beads + n_torques,).
    """
    error = forces - frames.forces
    turning = torques.of(frames.positions, error, frames.cells)
    each = torch.cat([error.square().mean(dim=2), turning.square()], dim=1)
    return (each if weights is None else each * weights[:, None]).mean(dim=0)


@torch.no_grad()
def mean_squared_errors(
    potential: Potential,
    frames: Frames,
    torques: Torques,
    fold: int | None = None,
    between: Callable[[], None] = lambda: None,
    stride: int = 1,
) -> torch.Tensor:
    """The errors of a potential, with the frames' weights.

    Args:
        potential: to be judged.
        frames: to judge it by.
        torques: of the molecule.
        fold: only by frames of this fold; None: by all.
        between: called after about every `LOSS_CHUNK` frames, and at the end.
        stride: every `stride`-th frame of each chunk is used.

    Returns:
        As of `squared_errors`, float64.
    """
    total, n, seen = 0.0, 0.0, 0
    for chunk in frames.chunks(stride * LOSS_CHUNK, fold):
        part = chunk.select(slice(None, None, stride))
        if seen >= LOSS_CHUNK:
            between()
            seen = 0
        there = part.to(potential.device)
        _, forces = potential.energy_and_forces(there.configurations)
        errors = squared_errors(there, forces, there.weights, torques)
        total = total + len(part) * errors.double().cpu()
        n += len(part) if part.weights is None else part.weights.double().sum().item()
        seen += len(part)
    between()
    return total / n


def validation_loss(potential: Potential, frames: Frames) -> float:
    """Mean squared force error per component with the frames' weights, (kJ/mol/nm)²."""
    return mean_squared_errors(potential, frames, Torques.none()).mean().item()


def force_squares(frames: Frames, fold: int) -> torch.Tensor:
    """Mean squared force of each bead over all frames but those of a fold, shape (n_beads,)."""
    total, n = torch.zeros(frames.molecule.size, dtype=torch.float64), 0.0
    for part in frames.chunks(LOSS_CHUNK):
        if part.fold != fold:
            nothing = torch.zeros_like(part.forces)
            errors = squared_errors(part, nothing, part.weights, Torques.none())
            total += len(part) * errors.double()
            n += len(part) if part.weights is None else part.weights.double().sum().item()
    return total / n


def counts(frames: Frames, torques: Torques, by_noise: bool, torque_weight: float) -> torch.Tensor:
    """How much each of the `squared_errors` counts in the loss.

    The minimum, the mean force, is the same for any counts; see `fitting.torques`. What differs is
    the scatter of the fit, and how well a network of finite size and training follows small forces.

    Args:
        frames: some tens of thousands, evenly spaced.
        torques: of the molecule.
        by_noise: forces on each bead by the inverse variance of their noise; otherwise all alike.
        torque_weight: what a torque counts beside one component of a force, if each had the error
            that its noise gives it.

    Returns:
        Float64, shape (n_beads + n_torques,); of mean 1 over the beads.
    """
    size, turning = frames.molecule.size, torch.zeros(len(torques), dtype=torch.float64)
    beads = torch.ones(size, dtype=torch.float64)
    if by_noise or (torque_weight and len(torques)):
        # What is no number is for the first loss to find.
        numbers = (frames.forces + frames.positions).isfinite().all(dim=2).all(dim=1)
        frames = frames.select(numbers)
        variances = noise_variances(frames, torques)
        if by_noise:
            beads = inverse_variances(variances[:size])
        noise = (beads * variances[:size]).mean()
        least = (LEVER**2 * noise).clamp_min(torch.finfo(torch.float64).tiny)
        turning = torque_weight / 3 * noise / variances[size:].maximum(least)
    return torch.cat([beads, turning])


def noise_variances(frames: Frames, torques: Torques) -> torch.Tensor:
    """Variances of the noise of forces and torques, float64, shape (n_beads + n_torques,).

    Of each bead's forces per component, (kJ/mol/nm)², then of each torque, (kJ/mol)²: of the
    residual of least squares on second-order polynomials of the internal coordinates; see
    `mapping.irreducible`. Zero where there is no frame from which it could be told.

    Args:
        frames: some tens of thousands, evenly spaced.
        torques: of the molecule.
    """
    size = frames.molecule.size
    some = frames.select(slice(None, None, max(1, len(frames) * size**2 // NOISE_PAIRS)))
    if not len(some):
        return torch.zeros(size + len(torques), dtype=torch.float64)
    positions = some.positions
    if some.cells is not None and is_one(some.molecule):
        positions = WholeMolecule(some.molecule, positions.dtype)(positions, some.cells)
    there = some.to(torques.device)
    turning = torques.of(there.positions, there.forces, there.cells).double().cpu().numpy()
    residual = unexplained(positions.double().numpy(), some.forces.double().numpy(), turning)
    if not len(residual):
        return torch.zeros(size + len(torques), dtype=torch.float64)
    squares = torch.from_numpy(np.square(residual).mean(axis=0))
    return torch.cat([squares[: 3 * size].reshape(size, 3).mean(dim=1), squares[3 * size :]])


def inverse_variances(variances: torch.Tensor) -> torch.Tensor:
    """Weights of the beads: one over the variance of each one's noise, float64, of mean 1.

    Generalised least squares with a diagonal covariance. These weights give the fit the least
    scatter, as far as the noise of different beads is independent. Beads without force count like
    the noisiest one.

    Args:
        variances: of `noise_variances`.
    """
    largest = variances.max()
    if largest == 0:
        return torch.ones_like(variances)
    # Otherwise the weight of a bead whose force is a function of the beads would be unbounded.
    variances = torch.where(variances > 0, variances.clamp_min(1e-4 * largest), largest)
    weights = 1 / variances
    return weights / weights.mean()
