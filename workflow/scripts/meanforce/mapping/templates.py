"""Ready-made beads of peptides: one atom a bead, named RESIDUE+NUMBER-ATOM."""

import mdtraj

from meanforce.mapping.names import solute_labels

CORE = ("C", "N", "CA", "CB")


def _named(topology: mdtraj.Topology, keep) -> dict[str, list[int]]:
    labels = solute_labels(topology)
    return {label: [i] for i, label in labels.items() if keep(topology.atom(i))}


def heavy(topology: mdtraj.Topology) -> dict[str, list[int]]:
    """Every atom of the solute that is not hydrogen; sites without mass are no atoms."""
    return _named(topology, lambda atom: atom.element.symbol not in ("H", "VS"))


def core_beta(topology: mdtraj.Topology) -> dict[str, list[int]]:
    """Backbone C, N, CA and side-chain CB; of a terminal cap only its C or N."""

    def keep(atom) -> bool:
        if atom.residue.name in ("ACE", "NME"):
            return atom.name == {"ACE": "C", "NME": "N"}[atom.residue.name]
        return atom.name in CORE

    return _named(topology, keep)


def ca(topology: mdtraj.Topology) -> dict[str, list[int]]:
    """The CA of every residue; caps have none."""
    return _named(topology, lambda atom: atom.name == "CA" and atom.element.symbol == "C")


TEMPLATES = {"heavy": heavy, "core_beta": core_beta, "ca": ca}
