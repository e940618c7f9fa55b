"""Formats of trajectories that a campaign may take its frames from, and what they hold."""

import dataclasses
from pathlib import PurePath
from typing import Literal

Format = Literal[
    "trr", "xtc", "dcd", "netcdf", "h5md", "mdtraj_hdf5", "lammps_dump", "npz", "cgnet", "mlcg",
    "chemtrain", "chemtrain_fractional",
]  # fmt: skip

UnitStyle = Literal["real", "metal", "electron", "nano", "micro", "si", "cgs"]
"""Unit styles of LAMMPS; reduced units (`lj`) are given as a length and an energy."""


@dataclasses.dataclass(frozen=True)
class FileFormat:
    """A format of trajectories.

    Attributes:
        suffixes: of files, by which it is recognised.
        has_forces: whether it may hold forces.
        has_units: whether its units are fixed, or are in the file.
        has_steps: whether it holds numbers of steps instead of times.
        has_names: whether its arrays have names that the user may give.
        has_molecules: whether a file may hold several molecules, each with frames of its own.
        in_pairs: whether positions and forces may be two `.npy` files.
    """

    suffixes: tuple[str, ...]
    has_forces: bool = True
    has_units: bool = True
    has_steps: bool = False
    has_names: bool = False
    has_molecules: bool = False
    in_pairs: bool = False


FILE_FORMATS: dict[str, FileFormat] = {
    "trr": FileFormat((".trr",)),
    "xtc": FileFormat((".xtc",), has_forces=False),
    "dcd": FileFormat((".dcd",), has_forces=False),
    "netcdf": FileFormat((".nc", ".ncdf", ".netcdf")),
    "h5md": FileFormat((".h5md",)),
    "mdtraj_hdf5": FileFormat((".h5", ".hdf5")),
    "lammps_dump": FileFormat(
        (".dump", ".lammpstrj", ".lammpsdump"), has_units=False, has_steps=True
    ),
    "npz": FileFormat((".npz",), has_units=False, has_names=True),
    # CG data of other programs: nothing in the suffix shows which.
    "cgnet": FileFormat((), in_pairs=True),
    "mlcg": FileFormat((), has_molecules=True),
    "chemtrain": FileFormat((), in_pairs=True),
    "chemtrain_fractional": FileFormat((), in_pairs=True),
}

PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".joblib")
"""Suffixes of files that can run code when they are opened."""


def format_of(path: str) -> str | None:
    """Name of a file's format by its suffix; None if no format has it."""
    suffix = PurePath(path).suffix.lower()
    return next((name for name, one in FILE_FORMATS.items() if suffix in one.suffixes), None)


POSITIONS = ("coordinates", "coords", "positions", "confs")
"""What `.npy` files of positions are called; their files of forces have `forces` in its place."""


def forces_beside(path: str) -> str | None:
    """The `.npy` file of forces that belongs to one of positions; None if the name shows none."""
    place = PurePath(path)
    for word in POSITIONS:
        head, found, tail = place.name.rpartition(word)
        if found:
            return str(place.with_name(f"{head}forces{tail}"))
    return None


def is_pickle(path: str) -> bool:
    """Whether a file's suffix is that of a pickle."""
    return PurePath(path).suffix.lower() in PICKLES
