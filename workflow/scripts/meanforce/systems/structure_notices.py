"""What a user may not have meant about a structure file, though a molecule can be read from it."""

from pathlib import Path

import numpy as np
from openmm import app
from openmm.app.internal.pdbx.reader.PdbxReader import PdbxReader


def structure_notices(
    path: str, structure: app.PDBFile | app.PDBxFile, positions: np.ndarray
) -> tuple[str, ...]:
    """Sentences on models and atoms that are left out, and on D-amino acids.

    Args:
        path: of the file.
        structure: read from it.
        positions: nm, shape (n_atoms, 3).
    """
    found, models = [], structure.getNumFrames()
    if models > 1:
        found.append(f"'{path}' has {models} models, of which the first is used")
    several = _alternate_locations(path)
    if several:
        named = _list(several)
        found.append(f"'{path}' has alternate locations ({named}), of which the first is used")
    mirrored = _d_amino_acids(structure.topology, positions)
    if mirrored:
        found.append(
            f"'{path}' has D-amino acids ({_list(mirrored)}); if they should be L-amino acids, "
            "the structure is wrong there"
        )
    return tuple(found)


def _list(residues: list[str]) -> str:
    return ", ".join(residues[:3]) + (", …" if len(residues) > 3 else "")


def _alternate_locations(path: str) -> list[str]:
    """Residues of which a file has atoms at several places."""
    if Path(path).suffix == ".cif":
        blocks: list = []
        with Path(path).open(encoding="utf-8") as file:
            PdbxReader(file).read(blocks)
        atoms = blocks[0].getObj("atom_site")
        names = ("label_alt_id", "label_comp_id", "auth_seq_id", "label_seq_id")
        alternate, residue, *numbers = (atoms.getAttributeIndex(name) for name in names)
        number = next((one for one in numbers if one >= 0), residue)
        rows = atoms.getRowList() if alternate >= 0 else []
        found = [f"{row[residue]}{row[number]}" for row in rows if row[alternate] not in ".?"]
    else:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
        found = [
            f"{line[17:20].strip()}{line[22:26].strip()}"
            for line in lines
            if line.startswith(("ATOM", "HETATM")) and line[16:17].strip()
        ]
    return list(dict.fromkeys(found))


def _d_amino_acids(topology: app.Topology, positions: np.ndarray) -> list[str]:
    """Residues whose α carbon has the handedness of a D-amino acid.

    Seen from H, C, CB and N of an L-amino acid's α carbon follow each other clockwise (the CORN
    rule), so that (N − CA) × (C − CA) points to the side of CB.
    """
    found = []
    for residue in topology.residues():
        atoms = {atom.name: positions[atom.index] for atom in residue.atoms()}
        if {"N", "CA", "C", "CB"} <= atoms.keys():
            n, c, side = (atoms[name] - atoms["CA"] for name in ("N", "C", "CB"))
            if np.cross(n, c) @ side < 0:
                found.append(f"{residue.name}{residue.id}")
    return found
