"""Which coordinates of a molecule share a curve: those between beads of the same types."""

import collections
from collections.abc import Container

from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology

KINDS = ("bonds", "pairs", "angles", "dihedrals")
"""Kinds of terms, in the order of their coordinates in a `CoordinateList`."""


def coordinates_of(
    molecule: Topology,
    kinds: list[str],
    exclude: int,
    known: Container[tuple[str, str]] | None = None,
) -> tuple[CoordinateList, list[tuple[str, str]]]:
    """Coordinates of a molecule, and (kind, name) of the curve that each belongs to.

    Args:
        molecule: the beads.
        kinds: kinds of terms.
        exclude: least number of bonds between the beads of a pair.
        known: curves of the potential; coordinates of other curves are left out. None: all.
    """

    def key(kind: str, beads: tuple[int, ...]) -> tuple[str, str]:
        return kind, type_name([molecule.types[bead] for bead in beads])

    found: dict[str, list[tuple[int, ...]]] = {
        "bonds": sorted(molecule.bonds),
        "pairs": _pairs(molecule, exclude) if "pairs" in kinds else [],
        "angles": list(molecule.angles),
        "dihedrals": list(molecule.dihedrals),
    }
    chosen = {
        kind: [beads for beads in found[kind] if known is None or key(kind, beads) in known]
        if kind in kinds
        else []
        for kind in KINDS
    }
    keys = [key(kind, beads) for kind in KINDS for beads in chosen[kind]]
    return CoordinateList(
        distances=(*chosen["bonds"], *chosen["pairs"]),
        angles=tuple(chosen["angles"]),
        dihedrals=tuple(chosen["dihedrals"]),
    ), keys


def type_name(types: list[str]) -> str:
    """Name of a term; a term has no direction."""
    return " – ".join(min(types, types[::-1]))


def pair_names(molecule: Topology, exclude: int) -> dict[str, int]:
    """Curves of non-bonded pairs, numbered; pairs of types that are always excluded have none.

    Args:
        molecule: the beads.
        exclude: least number of bonds between the beads of a pair.
    """
    beads = collections.Counter(molecule.types)
    pairs: dict[tuple[str, str], int] = {}
    kinds = sorted(beads)
    for number, one in enumerate(kinds):
        for other in kinds[number:]:
            count = (
                beads[one] * (beads[other] - 1) // 2
                if one == other
                else (beads[one] * beads[other])
            )
            pairs[one, other] = count
    for bead, near in enumerate(near_beads(molecule, exclude)):
        for other in near:
            if other > bead:
                key = tuple(sorted((molecule.types[bead], molecule.types[other])))
                pairs[key] -= 1
    names = [type_name(list(key)) for key, count in pairs.items() if count]
    return {name: number for number, name in enumerate(names)}


def near_beads(molecule: Topology, bonds: int) -> list[set[int]]:
    """For each bead, the beads that are fewer than `bonds` bonds away, including itself."""
    neighbours: dict[int, list[int]] = collections.defaultdict(list)
    for i, j in molecule.bonds:
        neighbours[i].append(j)
        neighbours[j].append(i)
    result = []
    for start in range(molecule.size):
        near, edge = {start}, {start}
        for _ in range(bonds - 1):
            edge = {other for bead in edge for other in neighbours[bead]} - near
            near |= edge
        result.append(near)
    return result


def _pairs(molecule: Topology, exclude: int) -> list[tuple[int, int]]:
    """Pairs of beads with at least `exclude` bonds between them, or not bonded at all."""
    return [
        (bead, other)
        for bead, near in enumerate(near_beads(molecule, exclude))
        for other in range(bead + 1, molecule.size)
        if other not in near
    ]
