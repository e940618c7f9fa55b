"""The space of CG runs: the periodic cell of the data for several molecules, none for one."""

from pathlib import Path

import numpy as np

from meanforce.core.graph import molecules
from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.potentials.interface import Potential


def cell_of(
    molecule: Topology, box: np.ndarray | None, potential: Potential, where: str
) -> np.ndarray | None:
    """Periodic cell of a CG run.

    A single molecule that bonds hold together runs without a cell, as its data hold it whole.
    Several molecules of a periodic system would drift apart there.

    Args:
        molecule: the beads.
        box: of the data, nm, shape (3, 3), or None.
        potential: that is to run.
        where: file of the data, for messages.

    Returns:
        nm, shape (3, 3); None without periodic boundaries.

    Raises:
        InputError: a cell is needed, but the potential does not support one.
    """
    number = len(molecules(molecule))
    if box is None or number == 1:
        return None
    try:
        potential.require_periodic()
    except InputError as error:
        raise InputError(
            f"{where}: has beads of {number} molecules in a periodic box, and they would drift "
            "apart without one; allowed are mappings with beads of one molecule, or a potential "
            f"that supports a periodic cell ({error})"
        ) from error
    return box


def in_one_box(
    paths: list[Path], windows: list[tuple[float, float]] | None, temperature: float
) -> tuple[list[Path], list[tuple[float, float]] | None]:
    """Datasets of one periodic box, among whose frames a CG run of several molecules starts.

    All datasets if they have the same box, otherwise those at the simulated temperature.

    Args:
        paths: H5MD datasets.
        windows: begin and end of the part of each that is used, ps; None: all of it.
        temperature: of the run, K.

    Returns:
        the datasets and their windows.

    Raises:
        InputError: those at the simulated temperature have different boxes, or there are none.
    """
    if _with_another_box(paths) is None:
        return paths, windows
    own = [n for n, path in enumerate(paths) if _temperature(path) == temperature]
    chosen = [paths[n] for n in own] or paths
    other = _with_another_box(chosen)
    # A box that changes within the first file is reported by its reader.
    if other is not None and other != chosen[0]:
        raise InputError(
            f"{other}: has another periodic box than {chosen[0]}, but a CG run of several "
            "molecules has one box; allowed are training data that all have the same one, or "
            "whose datasets at the simulated temperature have the same one "
            f"({len(own)} of {len(paths)} datasets are at {temperature:g} K)"
        )
    return chosen, windows and [windows[n] for n in own or range(len(paths))]


def nearest_box(
    paths: list[Path], windows: list[tuple[float, float]] | None, box: np.ndarray
) -> tuple[list[Path], list[tuple[float, float]] | None]:
    """Datasets of the box whose volume is nearest to that of another one, and their windows.

    Args:
        paths: H5MD datasets of periodic systems.
        windows: begin and end of the part of each that is used, ps; None: all of it.
        box: nm, shape (3, 3).
    """
    volumes = []
    for path in paths:
        with H5mdReader(path) as reader:
            own = reader.boxes(slice(0, 1))
        volumes.append(float("nan") if own is None or not len(own) else np.linalg.det(own[0]))
    apart = np.abs(np.log(np.abs(volumes) / abs(np.linalg.det(box))))
    chosen = np.flatnonzero(apart <= np.nanmin(apart) + 1e-6) if np.isfinite(apart).any() else [0]
    return [paths[n] for n in chosen], windows and [windows[n] for n in chosen]


def _with_another_box(paths: list[Path]) -> Path | None:
    """The first file with another box than the first frame of the first file; None: all agree."""
    seen = []
    for path in paths:
        with H5mdReader(path) as reader:
            boxes = reader.boxes()
            if not reader.n_frames:
                continue
        seen.append(None if boxes is None else boxes[:1])
        if (boxes is None) != (seen[0] is None):
            return path
        # Boxes that differ by rounding, as in files of other programs, are the same.
        if boxes is not None and not np.allclose(boxes, seen[0], rtol=0, atol=1e-6):
            return path
    return None


def _temperature(path: Path) -> float | None:
    with H5mdReader(path) as reader:
        return reader.parameters.get("temperature")
