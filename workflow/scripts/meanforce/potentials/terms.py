"""Which coordinates of a molecule share a curve: those between beads of the same types."""

import collections

from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology

KINDS = ("bonds", "pairs", "angles", "dihedrals")
"""Kinds of terms, in the order of their coordinates in a `CoordinateList`."""


def coordinates_of(
    molecule: Topology, kinds: list[str], exclude: int
) -> tuple[CoordinateList, list[tuple[str, str]]]:
    """Coordinates of a molecule, and (kind, name) of the curve that each belongs to.

    Args:
        molecule: the beads.
        kinds: kinds of terms.
        exclude: pairs have at least so many bonds between them.
    """
    found: dict[str, list[tuple[int, ...]]] = {
        "bonds": sorted(molecule.bonds),
        "pairs": _pairs(molecule, exclude),
        "angles": list(molecule.angles),
        "dihedrals": list(molecule.dihedrals),
    }
    chosen = {kind: found[kind] if kind in kinds else [] for kind in KINDS}
    keys = [
        (kind, type_name([molecule.types[bead] for bead in beads]))
        for kind in KINDS
        for beads in chosen[kind]
    ]
    return CoordinateList(
        distances=(*chosen["bonds"], *chosen["pairs"]),
        angles=tuple(chosen["angles"]),
        dihedrals=tuple(chosen["dihedrals"]),
    ), keys


def type_name(types: list[str]) -> str:
    """Name of a term; a term has no direction."""
    return " – ".join(min(types, types[::-1]))


def _pairs(molecule: Topology, exclude: int) -> list[tuple[int, int]]:
    """Pairs of beads with at least so many bonds between them, or not bonded at all."""
    neighbours: dict[int, list[int]] = collections.defaultdict(list)
    for i, j in molecule.bonds:
        neighbours[i].append(j)
        neighbours[j].append(i)
    result = []
    for start in range(molecule.size):
        near, edge = {start}, {start}
        for _ in range(exclude - 1):
            edge = {other for bead in edge for other in neighbours[bead]} - near
            near |= edge
        result += [(start, other) for other in range(start + 1, molecule.size) if other not in near]
    return result
