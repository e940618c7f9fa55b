"""Metrics `force_rmse` and `force_irreducible`: the loss, and the part no model can remove."""

import math
from collections.abc import Callable

import numpy as np
import torch

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.rows import Quantity, Row, one_sided
from meanforce.analysis.samples import cell_of
from meanforce.core.configuration import Configuration
from meanforce.mapping.irreducible import block_error, irreducible_variance
from meanforce.mapping.local_noise import LocalFrames, local_noise
from meanforce.units import KCAL

FRAMES = 30000
"""Frames on which forces are compared."""

FEWEST = 100
"""With fewer frames of the unbiased ensemble, error bars are not reliable; there are no rows."""

CHUNK = 8192
"""Frames whose forces are computed at once."""

BEADS = 5 * 10**5
"""Positions of beads of a liquid on which forces are compared: 166 frames of 3,000 beads."""

AT_ONCE = 10**5
"""The same, whose forces are computed at once."""

UNIT = KCAL * 10.0
"""kJ/mol/nm in one kcal/mol/Å."""


def rows(comparison: Comparison) -> list[Row]:
    """Root mean square error per force component that carries force, kcal/mol/Å.

    The error's square is the model's squared error plus the variance of the mapped forces about
    the mean force. That second part is estimated from the residuals; see `mapping.irreducible`, and
    for several molecules in a box, whose frames have no near ones, `mapping.local_noise`. There it
    is an upper bound: a model beyond it is wrong, and one at it gets no verdict, as it may still
    miss forces of other forms, such as couplings of a bond with an angle.
    """
    if comparison.forces is None:
        return []
    sample = comparison.reference
    frames = compared_frames(comparison)
    if len(frames) < FEWEST:
        return []
    positions = sample.force_positions[frames]
    forces = comparison.forces.of(frames)
    blocks = sample.blocks[frames]
    predicted = predicted_forces(comparison, frames, comparison.trained.ensemble.energy_and_forces)
    carries = (forces != 0).any(axis=0)
    residual = (forces - predicted) * carries
    components = int(carries.sum())
    squares = (residual**2).sum(axis=(1, 2)) / components
    loss = float(squares.mean())
    loss_error = block_error(squares, blocks)
    cell = cell_of(sample.molecule, sample.boxes(frames))
    noise = (
        irreducible_variance(positions, residual, blocks, sample.chains[frames])
        if cell is None
        else local_noise(LocalFrames(positions, residual, cell, blocks, sample.molecule))
    )
    rmse, irreducible = math.sqrt(loss) / UNIT, math.sqrt(noise.variance) / UNIT
    errors = [
        part / (2 * root) / UNIT
        for part, root in ((loss_error, math.sqrt(loss)), (noise.error, math.sqrt(noise.variance)))
    ]
    blocks = len(np.unique(blocks)) - 1
    # The draw of the training data changes both by much less than the noise of the frames.
    resolution = irreducible + one_sided(blocks) * math.hypot(*errors)
    if cell is not None and rmse <= resolution:
        resolution = math.nan
    return [
        Row(
            Quantity("force_rmse", Group.FORCES, "kcal/mol/Å"), Measure.LOSS, rmse, errors[0],
            irreducible, errors[0], blocks, irreducible, resolution,
        ),
        Row(
            Quantity("force_irreducible", Group.FORCES, "kcal/mol/Å"), Measure.VALUE, irreducible,
            errors[1], dof=blocks,
        ),
    ]  # fmt: skip


def compared_frames(comparison: Comparison) -> np.ndarray:
    """Indices of the frames on which forces are compared.

    Where the reference was biased along anything but the beads, a frame is accepted with
    probability e^{βV}/max e^{βV}: what is left has the fluctuations of the unbiased ensemble.
    """
    weights = comparison.reference.weights
    frames = np.arange(len(weights))
    if comparison.forces.weighted:
        drawn = comparison.stream("force_rmse", "accepted frames").random(len(weights))
        frames = frames[drawn < weights / weights.max()]
    if cell_of(comparison.reference.molecule, comparison.reference.box) is not None:
        # Every frame has many beads, each with its own surroundings.
        few = max(FEWEST, BEADS // comparison.reference.molecule.size)
        frames = frames[np.arange(min(few, len(frames))) * len(frames) // min(few, len(frames))]
    return frames[:: max(1, len(frames) // FRAMES)]


def predicted_forces(
    comparison: Comparison,
    frames: np.ndarray,
    compute: Callable[[Configuration], tuple[torch.Tensor, torch.Tensor]],
) -> np.ndarray:
    """Forces on frames of the reference, block by block, in kJ/mol/nm.

    Args:
        comparison: whose reference the frames are of.
        frames: their numbers, shape (n,).
        compute: energies and forces of a block, such as a method of the ensemble; forces have the
            shape (..., n, n_beads, 3).

    Returns:
        double precision, shape (..., n, n_beads, 3).
    """
    sample = comparison.reference
    beads = torch.from_numpy(sample.force_positions[frames]).to(comparison.trained.ensemble.dtype)
    cell = sample.cell(beads, frames)
    whole = Configuration(beads, comparison.temperature, cell)
    size = CHUNK if cell is None else max(1, AT_ONCE // sample.molecule.size)
    with torch.no_grad():
        parts = [compute(block)[1].double().numpy() for block in whole.split(size)]
    return np.concatenate(parts, axis=-3)
