"""A template of a molecule's beads."""

import dataclasses
import functools
import itertools
from typing import Any, Self


@dataclasses.dataclass(frozen=True)
class MoleculeType:
    """Beads of one molecule and their graph; beads are counted from 0 in the molecule.

    Attributes:
        name: of the molecule type, such as HOH.
        names: of the beads, all different.
        types: of the beads, the same for beads that a potential may treat alike.
        bonds: bonded pairs of beads, the smaller one first.
        stereo: stereo centres (center, a, b, c, sign): the sign of the volume that beads a, b
            and c span from the center.
    """

    name: str
    names: tuple[str, ...]
    types: tuple[str, ...]
    bonds: tuple[tuple[int, int], ...] = ()
    stereo: tuple[tuple[int, int, int, int, int], ...] = ()

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Self:
        """The molecule type of plain values as `parameters` gives them."""
        names = parameters["bead_names"]
        return cls(
            name=parameters["name"],
            names=tuple(names),
            types=tuple(parameters.get("bead_types", names)),
            bonds=tuple((i, j) for i, j in parameters["bonds"]),
            stereo=tuple(tuple(center) for center in parameters.get("stereo_centers", ())),
        )

    def parameters(self) -> dict[str, Any]:
        """Plain values, for files."""
        return {
            "name": self.name,
            "bead_names": list(self.names),
            "bead_types": list(self.types),
            "bonds": [list(pair) for pair in self.bonds],
            "stereo_centers": [list(center) for center in self.stereo],
        }

    @property
    def size(self) -> int:
        """Number of beads."""
        return len(self.names)

    @functools.cached_property
    def angles(self) -> tuple[tuple[int, int, int], ...]:
        """All angles between bonds that share a bead."""
        neighbours = self._neighbours
        return tuple(
            (a, center, c)
            for center in range(self.size)
            for a, c in itertools.combinations(neighbours[center], 2)
        )

    @functools.cached_property
    def dihedrals(self) -> tuple[tuple[int, int, int, int], ...]:
        """All proper dihedrals along three bonds in a row."""
        neighbours = self._neighbours
        return tuple(
            (a, b, c, d)
            for b, c in sorted(tuple(sorted(bond)) for bond in self.bonds)
            for a in neighbours[b]
            for d in neighbours[c]
            if len({a, b, c, d}) == 4
        )

    @functools.cached_property
    def _neighbours(self) -> list[list[int]]:
        found: list[list[int]] = [[] for _ in self.names]
        for i, j in self.bonds:
            found[i].append(j)
            found[j].append(i)
        return [sorted(bonded) for bonded in found]
