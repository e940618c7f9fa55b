"""Ready-made beads of peptides, named RESIDUE+NUMBER-ATOM, or RESIDUE+NUMBER-SC for side chains."""

import mdtraj

from meanforce.mapping.graph import Graph, neighbours
from meanforce.mapping.names import residue_labels, solute_labels

CORE = ("C", "N", "CA", "CB")

SIDE_CHAIN = "SC"
"""Name of a bead of a side chain."""


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
    return _named(topology, _is_ca)


def ca_side_chain(topology: mdtraj.Topology) -> dict[str, list[int]]:
    """The CA of every residue, and the heavy atoms of its side chain; glycine has only its CA."""
    labels, graph = residue_labels(topology), neighbours(topology)
    beads = {}
    for index, label in labels.items():
        residue = topology.residue(index)
        for atom in filter(_is_ca, residue.atoms):
            beads[f"{label}-{atom.name}"] = [atom.index]
            if members := _side_chain(atom, graph):
                beads[f"{label}-{SIDE_CHAIN}"] = members
    return beads


def _side_chain(ca: mdtraj.core.topology.Atom, graph: Graph) -> list[int]:
    """Heavy atoms that bonds connect to a CA within its residue, but not through N or C."""
    allowed = {
        atom.index
        for atom in ca.residue.atoms
        if atom.element.symbol not in ("H", "VS") and atom.name not in ("N", "C", "CA")
    }
    found, front = set(), [ca.index]
    while front:
        front = [i for atom in front for i in graph[atom] if i in allowed - found]
        found.update(front)
    return sorted(found)


def _is_ca(atom: mdtraj.core.topology.Atom) -> bool:
    return atom.name == "CA" and atom.element.symbol == "C"


def every_atom(topology: mdtraj.Topology) -> dict[str, list[int]]:
    """Every atom of the solute, under its own name where all names are different."""
    found = _named(topology, lambda atom: True)
    names = [topology.atom(i).name for [i] in found.values()]
    return dict(zip(names, found.values(), strict=True)) if len({*names}) == len(names) else found


TEMPLATES = {
    "heavy": heavy,
    "core_beta": core_beta,
    "ca": ca,
    "ca_side_chain": ca_side_chain,
    "all": every_atom,
}
