"""The table `{mapping}.force_maps.csv`: how noisy each force map is, bead by bead.

The mean square of a mapped force is that of the mean force, which all maps share, plus that of
the noise about it. Columns, in (kJ/mol/nm)² where no ratio:

`slice`, `aggregate`, `optimal`
    mean squares, `optimal` on frames other than those it was fitted to; empty where the map
    would be wrong (`slice` under constraints).
`labels`
    of the forces in the dataset.
`optimal_over_aggregate`
    ratio of these two.
`mean_force`, `mean_force_stderr`
    mean square S of the mean force: ⟨F_i·Q F_j⟩ over each frame i and its nearest frame j of
    another time, rotated onto i; the noise of the two is independent. Neighbours at a distance
    have unlike mean forces, so that S comes out too small rather than too large.
`data_saving`, `data_saving_stderr`
    (aggregate − S)/(optimal − S): as many times more frames have the same noise with `aggregate`.
    S being too small, this is too. Empty with noise augmentation, where S is another one's.
`data_saving_at_least`
    the same with S = 0, which needs no estimate: aggregate/optimal.
"""

import csv
from pathlib import Path

import numpy as np

from meanforce.mapping.neighbours import nearest_in_other_half, shape_features, turned_onto

FRAMES = 10000
"""Frames among which neighbours are looked for."""

BLOCKS = 20
"""Time blocks of these frames: for the two halves, and for standard errors."""

COLUMNS = (
    "bead", "slice", "aggregate", "optimal", "labels", "optimal_over_aggregate", "mean_force",
    "mean_force_stderr", "data_saving", "data_saving_stderr", "data_saving_at_least",
)  # fmt: skip


def mean_force_squares(positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
    """Estimates of |F̄_I|² by time block, shape (BLOCKS, n_beads), or (0, n_beads) of few frames.

    Args:
        positions: of the beads in nm, shape (n_frames, n_beads, 3).
        forces: mapped, kJ/mol/nm, shape (n_frames, n_beads, 3).
    """
    if len(positions) < 2 * BLOCKS:
        return np.zeros((0, positions.shape[1]))
    near = nearest_in_other_half(shape_features(positions, forces), BLOCKS)
    products = forces * turned_onto(positions, positions[near], forces[near])
    block = np.arange(len(positions)) * BLOCKS // len(positions)
    return np.array([products[block == b].sum(axis=2).mean(axis=0) for b in range(BLOCKS)])


def write_table(
    path: Path,
    bead_names: tuple[str, ...],
    mean_squares: dict[str, np.ndarray],
    labels: np.ndarray,
    mean_force: np.ndarray,
    with_noise: bool,
) -> dict[str, float]:
    """Write a row for each bead and one, `all`, for their sum.

    Args:
        path: CSV file to write.
        bead_names: n_beads of them.
        mean_squares: by force map, each of shape (n_beads,).
        labels: mean squares of the forces in the dataset, shape (n_beads,).
        mean_force: from `mean_force_squares`.
        with_noise: whether the dataset's positions have noise.

    Returns:
        The row `all`.
    """
    values = np.array([*mean_squares.values(), labels])
    values = np.hstack([values, values.sum(axis=1, keepdims=True)])
    blocks = np.hstack([mean_force, mean_force.sum(axis=1, keepdims=True)])
    rows = []
    for number, name in enumerate((*bead_names, "all")):
        squares = dict(zip((*mean_squares, "labels"), values[:, number].tolist(), strict=True))
        rows.append({"bead": name} | squares | _ratios(squares, blocks[:, number], with_noise))
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        for row in rows:
            writer.writerow({key: _text(row[key]) for key in COLUMNS})
    return rows[-1]


def _ratios(squares: dict[str, float], blocks: np.ndarray, with_noise: bool) -> dict[str, float]:
    aggregate, optimal = squares["aggregate"], squares["optimal"]
    signal = error = saving = saving_error = np.nan
    if len(blocks):
        signal = float(blocks.mean())
        error = float(blocks.std(ddof=1) / np.sqrt(len(blocks)))
    noise = optimal - max(signal, 0.0)
    if noise > 0 and not with_noise:
        saving = (aggregate - max(signal, 0.0)) / noise
        saving_error = abs(aggregate - optimal) / noise**2 * error
    ratio = optimal / aggregate if aggregate > 0 else np.nan
    return {
        "optimal_over_aggregate": ratio,
        "mean_force": signal,
        "mean_force_stderr": error,
        "data_saving": saving,
        "data_saving_stderr": saving_error,
        "data_saving_at_least": 1.0 / ratio if ratio > 0 else np.nan,
    }


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if np.isnan(value) else f"{value:.8g}"
