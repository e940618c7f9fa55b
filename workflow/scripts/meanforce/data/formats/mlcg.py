"""Data of mlcg: HDF5 files with a group `/metaset/molecule` for each molecule; Å and kcal/mol/Å.

mlcg, https://github.com/ClementiGroup/mlcg, class `H5Dataset`: attributes `cg_embeds` (a number
for each bead's type) and `N_frames`, and arrays `cg_coords` and `cg_forces` or `cg_delta_forces`.
From the latter a prior was subtracted that is not in the file, so they are no mean forces.
"""

import contextlib
from pathlib import Path

import h5py
import numpy as np

from meanforce.data.formats.arrays import ANGSTROM, ArraysFile
from meanforce.data.formats.base import Opened, opening
from meanforce.errors import InputError

LISTED = 20
"""Most molecules in a message."""


def mlcg(path: Path, known: Opened) -> ArraysFile:
    """The molecule of a file, or the one that is known by its name.

    Raises:
        InputError: the file is missing or damaged, or has no such molecule or forces.
    """
    with contextlib.ExitStack() as stack:
        with opening(path, "HDF5 file"):
            file = stack.enter_context(h5py.File(path, "r"))
            groups = _molecules(file)
        group = groups[_chosen(path, sorted(groups), known.molecule)]
        with opening(path, "file of mlcg"):
            has = sorted(name for name, one in group.items() if isinstance(one, h5py.Dataset))
            attributes = dict(group.attrs)
        if "cg_forces" not in has:
            raise InputError(
                f"{path}: {group.name} has 'cg_delta_forces' only, from which a prior was "
                "subtracted that is not in the file; allowed are whole forces, 'cg_forces'"
                if "cg_delta_forces" in has
                else f"{path}: {group.name} has no 'cg_forces'; it has: {', '.join(has)}"
            )
        arrays = group["cg_coords"], group["cg_forces"]
        opened = ArraysFile(path, *arrays, ANGSTROM, stack.pop_all())
    for key, number, what in (
        ("N_frames", opened.n_frames, "frames"),
        ("cg_embeds", opened.n_atoms, "beads"),
    ):
        given = attributes.get(key, number)
        given = len(given) if np.ndim(given) else int(given)
        if given != number:
            name = group.name
            opened.__exit__()
            raise InputError(
                f"{path}: '{key}' of {name} is of {given} {what}, but its arrays have {number}"
            )
    return opened


def _molecules(file: h5py.File) -> dict[str, h5py.Group]:
    """Groups of molecules, by metaset/molecule."""
    return {
        f"{metaset}/{name}": group
        for metaset, groups in file.items()
        if isinstance(groups, h5py.Group)
        for name, group in groups.items()
        if isinstance(group, h5py.Group) and isinstance(group.get("cg_coords"), h5py.Dataset)
    }


def _chosen(path: Path, molecules: list[str], wanted: str | None) -> str:
    if not molecules:
        raise InputError(
            f"{path}: has no molecule; allowed are groups /metaset/molecule with 'cg_coords'"
        )
    listed = ", ".join(molecules[:LISTED]) + (", …" if len(molecules) > LISTED else "")
    if wanted is None and len(molecules) > 1:
        raise InputError(
            f"{path}: has {len(molecules)} molecules; choose one with 'molecule', such as "
            f"'{molecules[0]}'; there are: {listed}"
        )
    if wanted is not None and wanted.strip("/") not in molecules:
        raise InputError(f"{path}: has no molecule '{wanted}'; there are: {listed}")
    return molecules[0] if wanted is None else wanted.strip("/")
