"""Starting configurations of CG chains: spread over all that the training data visited."""

from pathlib import Path

import numpy as np
import torch

from meanforce.data.dataset import Dataset
from meanforce.dynamics.engine import CgRun
from meanforce.errors import InputError
from meanforce.potentials.variables import evaluate_variables
from meanforce.settings.collective_variables import CollectiveVariableSettings

CELLS = 24
"""Cells along each collective variable."""


START_FRAMES = 20000
"""Frames of each dataset among which starts are chosen."""

OFF_GRID = 0.1
"""Share of the chains that may start beyond the ends of the grid of their bias: starts are spread
evenly over the training data, so that the rare values at their ends have some."""


def candidates(paths: list[Path], windows: list[tuple[float, float]] | None) -> np.ndarray:
    """Training frames among which starts are chosen, all at their state points' temperatures.

    Args:
        paths: H5MD datasets.
        windows: what the models were trained on of each, ps; None: everything.

    Returns:
        nm, shape (n_frames, n_beads, 3).
    """
    # A chain must not start from conformations that only hotter levels of replica exchange visit.
    dataset = Dataset.of(paths).windows(windows).at_state_points()
    some = [
        Dataset((part,)).stride(max(1, len(part.frames) // START_FRAMES)) for part in dataset.parts
    ]
    return np.concatenate([part.positions() for part in some])


def spread_starts(
    positions: np.ndarray,
    variables: list[CollectiveVariableSettings],
    bead_names: list[str],
    chains: int,
    rng: np.random.Generator,
    box: np.ndarray | None = None,
) -> np.ndarray:
    """Frames for the chains, as evenly as possible over the cells of the variables.

    Every basin of the training data gets chains, however rare it is at equilibrium. Without
    variables frames are drawn at random.

    Args:
        positions: nm, shape (n_frames, n_beads, 3), of the training data.
        variables: along which to spread.
        bead_names: names of the beads.
        chains: how many frames to choose.
        rng: source of random numbers.
        box: periodic cell, nm, shape (3, 3), or None; variables are then those of nearest images.

    Returns:
        nm, shape (chains, n_beads, 3).
    """
    if not variables:
        return positions[rng.choice(len(positions), chains, replace=chains > len(positions))]
    vectors = None if box is None else torch.from_numpy(box)
    s = evaluate_variables(variables, bead_names, torch.from_numpy(positions), vectors).numpy()
    low, high = s.min(axis=0), s.max(axis=0)
    cell = ((s - low) / np.maximum(high - low, 1e-9) * CELLS).astype(int).clip(0, CELLS - 1)
    number = np.ravel_multi_index(tuple(cell.T), (CELLS,) * s.shape[1])
    occupied = rng.permutation(np.unique(number))
    members = {int(cell): np.flatnonzero(number == cell) for cell in occupied}
    chosen = [rng.choice(members[int(occupied[i % len(occupied)])]) for i in range(chains)]
    return positions[np.array(chosen)]


def check_starts_on_grid(run: CgRun, where: str) -> str | None:
    """Refuse a run of which many chains start beyond the grid of its bias, where that is constant.

    Args:
        run: what is to be run.
        where: key of the simulation's settings.

    Returns:
        A sentence where a few chains do, or None.

    Raises:
        InputError: more than a share `OFF_GRID` of the chains does.
    """
    starts, potential = run.starts, run.potential
    bias = run.system.bias(run.simulation, float(starts.temperature), potential, starts.cell)
    if bias is None:
        return None
    bias.visit(torch.from_numpy(starts.positions).to(potential.device, potential.dtype))
    share = bias.visits.share
    if not share:
        return None
    text = (
        f"{where}.bias: {share:.1%} of the chains start outside the grid, where the bias has no "
        f"effect; {bias.where_outside} (chains start in frames of the training data)"
    )
    if share > OFF_GRID:
        raise InputError(f"{text}; give 'lower' and 'upper' that contain these values")
    return text
