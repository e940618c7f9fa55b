"""Formats of trajectories. One line for each; the names are those of the key `format`."""

from collections.abc import Callable
from pathlib import Path

from meanforce.data.formats import by_mdanalysis, cgnet, chemtrain, gromacs, mlcg
from meanforce.data.formats.base import FrameFile, Opened
from meanforce.data.formats.mdtraj_hdf5 import MdtrajFile
from meanforce.data.formats.npz import NpzFile
from meanforce.errors import InputError

FORMATS: dict[str, Callable[[Path, Opened], FrameFile]] = {
    "trr": gromacs.trr,
    "xtc": gromacs.xtc,
    "dcd": by_mdanalysis.dcd,
    "netcdf": by_mdanalysis.netcdf,
    "h5md": by_mdanalysis.h5md,
    "mdtraj_hdf5": MdtrajFile,
    "lammps_dump": by_mdanalysis.lammps_dump,
    "npz": NpzFile,
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
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "does not exist"
        raise InputError(f"{path}: {what}")
    return FORMATS[kind](path, known)
