"""Ready-made beads of peptides: one atom a bead, named RESIDUE+NUMBER-ATOM."""

import mdtraj

from meanforce.mapping.solvent import solute_atoms

CORE = ("C", "N", "CA", "CB")


def _named(topology: mdtraj.Topology, keep) -> dict[str, list[int]]:
    return {
        f"{atom.residue.name}{atom.residue.resSeq}-{atom.name}": [atom.index]
        for atom in map(topology.atom, solute_atoms(topology))
        if keep(atom)
    }


def heavy(topology: mdtraj.Topology) -> dict[str, list[int]]:
    """Every atom of the solute that is not hydrogen."""
    return _named(topology, lambda atom: atom.element.symbol != "H")


def core_beta(topology: mdtraj.Topology) -> dict[str, list[int]]:
    """Backbone C, N, CA and side-chain CB; of a terminal cap only its C or N."""

    def keep(atom) -> bool:
        if atom.residue.name in ("ACE", "NME"):
            return atom.name == {"ACE": "C", "NME": "N"}[atom.residue.name]
        return atom.name in CORE

    return _named(topology, keep)


TEMPLATES = {"heavy": heavy, "core_beta": core_beta}
