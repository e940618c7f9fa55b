"""Whether the atoms of a structure file are in the order of a topology file."""

from collections.abc import Sequence

from openmm import app

from meanforce.errors import InputError
from meanforce.systems.atom_names import label


def refuse_other_order(topology: app.Topology, names: Sequence[str] | None, where: str) -> None:
    """Refuse a structure whose atoms are in another order than those of the topology.

    Programs call atoms by different names, so that names alone need not be the same. Refused are
    residues with the same names in another order, and hydrogens in the place of heavy atoms.

    Args:
        topology: of the atoms.
        names: of the atoms in the structure file; None if it has none.
        where: the files, for messages.

    Raises:
        InputError: names the first atom that differs.
    """
    if names is None or len(names) != topology.getNumAtoms():
        return
    for residue in topology.residues():
        atoms = list(residue.atoms())
        there = [names[atom.index] for atom in atoms]
        own = [atom.name for atom in atoms]
        if own == there:
            continue
        same = sorted(own) == sorted(there)
        for atom, name in zip(atoms, there, strict=True):
            if (same and name != atom.name) or _is_hydrogen(atom.name) != _is_hydrogen(name):
                raise InputError(
                    f"structure: {where} have atoms in another order: where the topology has "
                    f"{label(atom)}, the structure has {name}"
                )


def _is_hydrogen(name: str) -> bool:
    """Whether a name is that of a hydrogen: H, with a digit before it in some programs."""
    return name.lstrip("0123456789'\"* ").upper().startswith("H")
