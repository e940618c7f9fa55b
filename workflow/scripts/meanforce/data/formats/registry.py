"""Formats of trajectories. One line for each; the names are those of the key `format`."""

from collections.abc import Callable
from pathlib import Path

from meanforce.data.formats import cgnet, chemtrain, gromacs, mlcg
from meanforce.data.formats.base import FrameFile, Opened

FORMATS: dict[str, Callable[[Path, Opened], FrameFile]] = {
    "trr": gromacs.trr,
    "xtc": gromacs.xtc,
    "cgnet": cgnet.cgnet,
    "mlcg": mlcg.mlcg,
    "chemtrain": chemtrain.chemtrain,
    "chemtrain_fractional": chemtrain.chemtrain_fractional,
}


def open_frames(path: Path, kind: str, known: Opened) -> FrameFile:
    """Open a trajectory.

    Args:
        path: the file.
        kind: name of its format.
        known: facts that are not in the file.

    Raises:
        InputError: the file is missing, damaged or of another format.
    """
    return FORMATS[kind](path, known)
