"""The table `{mapping}.force_maps.csv`: how noisy each force map is, bead by bead.

The mean square of a mapped force is that of the mean force, which all maps share, plus that of
the noise about it, so that maps differ in their noise alone. With `fit_time` the table is that of
the frames of the fit. Columns, in (kJ/mol/nm)² except for ratios:

`slice`, `aggregate`, `optimal`
    mean squares, `optimal` on frames other than those it was fitted to; empty where the map
    would be wrong (`slice` under constraints).
`dataset`
    of the forces in the dataset.
`optimal_over_aggregate`, `optimal_over_aggregate_stderr`
    ratio of these two; standard errors of ratios are from leaving out a time block each.
`mean_force`, `mean_force_stderr`
    mean square S of the mean force: that of the dataset's forces less their noise, which
    `meanforce.mapping.irreducible` finds from differences of near frames. Where these are too far
    apart, the noise comes out too large, and S too small.
`data_saving`, `data_saving_stderr`
    ratio of the noise of `aggregate` and `optimal`: `aggregate` needs this many times more frames
    for the same noise. As their noise is rather too large, this is rather too small. Empty with
    noise augmentation, where S belongs to another density.
`data_saving_at_least`
    the same with S = 0, which needs no estimate: aggregate/optimal.

For molecule types with several molecules there is a row TYPE-BEAD for each bead of the template,
with means over the molecules; columns of the mean force are empty.
"""

import csv
from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.mapping.irreducible import bead_noise

FRAMES = 20000
"""Frames in which the noise is looked for."""

FEWEST = 100
"""With fewer frames it is not known."""

BLOCKS = 20
"""Time blocks of these frames, for standard errors."""

COLUMNS = (
    "bead", "slice", "aggregate", "optimal", "dataset", "optimal_over_aggregate",
    "optimal_over_aggregate_stderr", "mean_force", "mean_force_stderr", "data_saving",
    "data_saving_stderr", "data_saving_at_least",
)  # fmt: skip


SAVING = ("data_saving", "data_saving_stderr")
"""Columns of the row `all` that stand in the report."""


def noise_squares(positions: np.ndarray, forces: np.ndarray, chains: np.ndarray) -> np.ndarray:
    """Mean squares of the noise by time block, at most (BLOCKS, n_beads); (0, n_beads) if unknown.

    Args:
        positions: of the beads in nm, shape (n_frames, n_beads, 3).
        forces: mapped, kJ/mol/nm, shape (n_frames, n_beads, 3).
        chains: walker of each frame, shape (n_frames,).
    """
    if len(positions) < FEWEST:
        return np.zeros((0, positions.shape[1]))
    numbers, noise = bead_noise(positions, forces, chains)
    block = numbers * BLOCKS // len(positions)
    # A block whose frames have no near ones of another time has no estimate.
    found = [noise[block == b].mean(axis=0) for b in np.unique(block)]
    return np.array(found).reshape(-1, positions.shape[1])


def rows(
    bead_names: tuple[str, ...],
    squares: dict[str, np.ndarray],
    frames: np.ndarray,
    noise: np.ndarray,
    augmented: bool,
) -> list[dict[str, str | float]]:
    """A row for each bead and a last one, `all`, for their sum.

    Args:
        bead_names: n_beads of them.
        squares: by force map, and of the `dataset`: sums over frames of |F_I|² by time block, each
            of shape (n_blocks, n_beads).
        frames: number of frames in each block.
        noise: of the dataset's forces, from `noise_squares`.
        augmented: whether the dataset's positions have noise.
    """
    sums = {kind: _with_sum(values) for kind, values in squares.items()}
    noise = _with_sum(noise)
    table = []
    for number, name in enumerate((*bead_names, "all")):
        own = {kind: values[:, number] for kind, values in sums.items()}
        row = {"bead": name}
        row |= {kind: float(values.sum() / frames.sum()) for kind, values in own.items()}
        table.append(row | _ratios(own, frames, noise[:, number], augmented))
    return table


def means_of_copies(
    topology: Topology, squares: dict[str, np.ndarray]
) -> tuple[tuple[str, ...], dict[str, np.ndarray]]:
    """Means over the molecules of each type.

    Args:
        topology: of the beads.
        squares: arrays of shape (n_blocks, n_beads).

    Returns:
        names TYPE-BEAD of the beads of all molecule types, and arrays with a column for each.
    """
    names = [f"{kind.name}-{bead}" for kind, _ in topology.composition for bead in kind.names]
    means: dict[str, list[np.ndarray]] = {kind: [] for kind in squares}
    first = 0
    for kind, count in topology.composition:
        own = slice(first, first + kind.size * count)
        for name, values in squares.items():
            means[name].append(values[:, own].reshape(-1, count, kind.size).mean(axis=1))
        first = own.stop
    return tuple(names), {name: np.hstack(parts) for name, parts in means.items()}


def _with_sum(values: np.ndarray) -> np.ndarray:
    return np.hstack([values, values.sum(axis=1, keepdims=True)])


def _ratios(
    squares: dict[str, np.ndarray], frames: np.ndarray, noise: np.ndarray, augmented: bool
) -> dict[str, float]:
    aggregate, optimal, dataset = (squares[kind] for kind in ("aggregate", "optimal", "dataset"))
    ratio, ratio_error = _jackknife(optimal, aggregate)
    signal = error = saving = saving_error = np.nan
    if len(noise) > 1:
        error = float(noise.std(ddof=1) / np.sqrt(len(noise)))
        signal = float(dataset.sum() / frames.sum() - noise.mean())
    if len(noise) > 1 and not augmented:
        gained, gained_error = _jackknife(aggregate - optimal, frames)
        lost, lost_error = _jackknife(dataset - optimal, frames)
        left, left_error = noise.mean() - lost, np.hypot(error, lost_error)
        if left > 0:
            saving = float(1.0 + gained / left)
            saving_error = float(np.hypot(gained_error, gained / left * left_error) / left)
    return {
        "optimal_over_aggregate": ratio,
        "optimal_over_aggregate_stderr": ratio_error,
        "mean_force": signal,
        "mean_force_stderr": error,
        "data_saving": saving,
        "data_saving_stderr": saving_error,
        "data_saving_at_least": 1.0 / ratio if ratio > 0 else np.nan,
    }


def _jackknife(above: np.ndarray, below: np.ndarray) -> tuple[float, float]:
    """Ratio of sums over blocks, and its standard error from leaving out a block each.

    Efron, Tibshirani, An Introduction to the Bootstrap, chapter 11.
    """
    if not (below.sum() > 0 and (below.sum() - below > 0).all()):
        return np.nan, np.nan
    without = (above.sum() - above) / (below.sum() - below)
    error = np.sqrt((len(without) - 1) * without.var())
    return float(above.sum() / below.sum()), float(error)


def write(path: Path, table: list[dict[str, str | float]]) -> None:
    """Write the rows; what is not a number is left empty."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in table:
            writer.writerow([_text(row[key]) for key in COLUMNS])


def saving(path: Path) -> dict[str, float | None]:
    """How many times more frames `aggregate` needs than `optimal` for the same noise.

    Args:
        path: file that `write` wrote.

    Returns:
        `data_saving` of all beads and its standard error; None where it is not known.
    """
    with path.open(newline="") as file:
        *_, total = csv.DictReader(file)
    return {name: float(total[name]) if total[name] else None for name in SAVING}


def _text(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return "" if np.isnan(value) else f"{value:.8g}"


def lines(table: list[dict[str, str | float]]) -> list[str]:
    """Lines for the log about the row `all`."""
    total = table[-1]
    if not total["aggregate"] > 0:
        return ["all mapped forces are zero"]
    said = []
    if np.isnan(total["slice"]):
        said.append("force map 'slice': refused, it would be wrong here")
    if not np.isnan(total["optimal"]):
        said.append(
            f"force map 'optimal': mean square {total['optimal_over_aggregate']:.4f} ± "
            f"{total['optimal_over_aggregate_stderr']:.4f} times that of 'aggregate'"
        )
    if total["data_saving"] > 0:
        said.append(
            f"'aggregate' needs {total['data_saving']:.2f} ± {total['data_saving_stderr']:.2f} "
            "times as many frames for the same noise"
        )
    said.append(
        f"forces in the dataset: mean square {total['dataset'] / total['aggregate']:.4f} times "
        "that of 'aggregate'"
    )
    return said
