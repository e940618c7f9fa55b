"""Data of mlcg: HDF5 files with a group `/metaset/molecule` for each molecule; Å and kcal/mol/Å.

mlcg, https://github.com/ClementiGroup/mlcg, class `H5Dataset`: attributes `cg_embeds` (a number
for each bead's type) and `N_frames`, and arrays `cg_coords` and `cg_forces` or `cg_delta_forces`.
From the latter a prior was subtracted that is not in the file, so they are no mean forces.
"""

import contextlib
from pathlib import Path

import h5py

from meanforce.data.formats.base import Opened, opening
from meanforce.data.formats.cg_arrays import ANGSTROM, CgArrays, CgArraysFile, named
from meanforce.errors import InputError


def mlcg(path: Path, known: Opened) -> CgArraysFile:
    """The molecule of a file, or the one that `known.arrays["molecule"]` names.

    Raises:
        InputError: the file is missing or damaged, or has no such molecule or forces.
    """
    with contextlib.ExitStack() as stack:
        with opening(path, "HDF5 file"):
            file = stack.enter_context(h5py.File(path, "r"))
            found = _molecules(file)
        group = found[_chosen(path, sorted(found), known)]
        forces = known.arrays.get("forces", "cg_forces")
        if forces not in group and "cg_delta_forces" in group:
            raise InputError(
                f"{path}: {group.name} has 'cg_delta_forces' only, from which a prior was "
                f"subtracted that is not in the file; allowed are whole forces ('{forces}')"
            )
        arrays = CgArrays(
            positions=named(path, group, known.arrays.get("positions", "cg_coords")),
            forces=named(path, group, forces),
        )
        opened = CgArraysFile(path, arrays, known, ANGSTROM, stack.pop_all())
    _check_attributes(path, group, opened)
    return opened


def _molecules(file: h5py.File) -> dict[str, h5py.Group]:
    """Groups of molecules by metaset/molecule."""
    return {
        f"{metaset}/{name}": group
        for metaset, groups in file.items()
        if isinstance(groups, h5py.Group)
        for name, group in groups.items()
        if isinstance(group, h5py.Group) and "cg_coords" in group
    }


def _chosen(path: Path, molecules: list[str], known: Opened) -> str:
    wanted = known.arrays.get("molecule")
    if not molecules:
        raise InputError(
            f"{path}: has no molecule; allowed are groups /metaset/molecule with 'cg_coords'"
        )
    if wanted is None and len(molecules) > 1:
        raise InputError(
            f"{path}: has {len(molecules)} molecules; name one with 'arrays: {{molecule: "
            f"{molecules[0]}}}'; there are: {_listed(molecules)}"
        )
    if wanted is not None and wanted.strip("/") not in molecules:
        raise InputError(f"{path}: has no molecule '{wanted}'; there are: {_listed(molecules)}")
    return molecules[0] if wanted is None else wanted.strip("/")


def _listed(names: list[str]) -> str:
    return ", ".join(names[:20]) + (", …" if len(names) > 20 else "")


def _check_attributes(path: Path, group: h5py.Group, opened: CgArraysFile) -> None:
    """Refuse attributes that contradict the arrays; files may lack them."""
    for key, number in (("N_frames", opened.n_frames), ("cg_embeds", opened.n_atoms)):
        value = group.attrs.get(key)
        if value is None:
            continue
        given = len(value) if key == "cg_embeds" else int(value)
        if given != number:
            what = "frames" if key == "N_frames" else "beads"
            raise InputError(
                f"{path}: '{key}' of {group.name} is of {given} {what}, but its arrays have {number}"
            )
