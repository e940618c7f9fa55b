"""Structures of a system in files of the user, whose atoms are found by residue and name."""

from collections.abc import Iterable
from pathlib import Path

import mdtraj
import numpy as np

from meanforce.errors import InputError

FORMATS = (".pdb", ".cif", ".gro")

SAME = {
    "HID": "HIS", "HIE": "HIS", "HIP": "HIS", "HSD": "HIS", "HSE": "HIS", "HSP": "HIS",
    "CYX": "CYS", "CYM": "CYS", "ASH": "ASP", "GLH": "GLU", "LYN": "LYS",
}  # fmt: skip
"""Names of residues that differ in hydrogens."""


def read_structures(
    path: str, topology: mdtraj.Topology, atoms: Iterable[int], where: str
) -> np.ndarray:
    """Positions of some atoms of a system in all structures of a file.

    The file may lack other atoms, such as hydrogens and the solvent. Its residues must come in the
    order of the system's, from the first.

    Args:
        path: of the file.
        topology: of the system.
        atoms: indices of the atoms that are needed.
        where: key of the config, for messages.

    Returns:
        nm, shape (n_structures, n_atoms, 3); not a number for other atoms.

    Raises:
        InputError: the file is missing or damaged, or lacks an atom.
    """
    frames = _read(path, where)
    residues = list(frames.topology.residues)
    names = [{atom.name: atom.index for atom in residue.atoms} for residue in residues]
    positions = np.full((frames.n_frames, topology.n_atoms, 3), np.nan)
    for index in atoms:
        atom = topology.atom(index)
        number = atom.residue.index
        if number >= len(residues):
            raise InputError(
                f"{where}: '{path}' has {len(residues)} residues, but the system's residue "
                f"{atom.residue} with beads is the {number + 1}th; the file must have the same "
                "residues in the same order"
            )
        own, other = atom.residue.name, residues[number].name
        if SAME.get(own, own) != SAME.get(other, other):
            raise InputError(
                f"{where}: residue {number + 1} of '{path}' is {residues[number]}, but that of the "
                f"system is {atom.residue}; the file must have the same residues in the same order"
            )
        if atom.name not in names[number]:
            raise InputError(
                f"{where}: '{path}' has no atom {atom.name} in {residues[number]}, which bead "
                f"positions need; there are {', '.join(names[number])}"
            )
        positions[:, index] = frames.xyz[:, names[number][atom.name]]
    # Files have no more digits than these; those of single precision are noise.
    return positions.round(6)


def _read(path: str, where: str) -> mdtraj.Trajectory:
    if Path(path).suffix.lower() not in FORMATS:
        raise InputError(
            f"{where}: the format of '{path}' is not known; allowed are {', '.join(FORMATS)}"
        )
    if not Path(path).is_file():
        raise InputError(f"{where}: the file '{path}' does not exist")
    try:
        return mdtraj.load(path)
    except Exception as error:  # readers raise many kinds of errors
        raise InputError(f"{where}: '{path}' cannot be read ({error})") from error
