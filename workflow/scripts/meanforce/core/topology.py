"""The beads of a system: molecule types times counts, and coordinates along their bonds."""

import collections
import dataclasses
import functools
import itertools
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from meanforce.core.coordinates import CoordinateList
from meanforce.core.molecule_type import MoleculeType
from meanforce.errors import InputError

ALL_PAIRS = 1500
"""Most beads whose pairs are all listed: about a million pairs."""

ALONE = "molecule"
"""Name of a molecule type that plain values do not name."""


@dataclasses.dataclass(frozen=True)
class Topology:
    """Molecules, one type after the other; one solute is the special case of one type, once.

    Beads are counted through all molecules. A bead has its name in the molecule type if no other
    molecule has a bead of that name; otherwise it is called TYPE#NUMBER-BEAD, such as HOH#17-W,
    with the number of the copy of its type, from 1.

    Attributes:
        composition: molecule types in order, and how many molecules of each follow each other.

    Raises:
        InputError: two molecule types have the same name.
    """

    composition: tuple[tuple[MoleculeType, int], ...]

    def __post_init__(self) -> None:
        named: dict[str, MoleculeType] = {}
        for kind, _ in self.composition:
            if named.setdefault(kind.name, kind) != kind:
                raise InputError(f"topology: two molecule types are called '{kind.name}'")

    @classmethod
    def of_beads(
        cls,
        names: Sequence[str],
        types: Sequence[str],
        bonds: Sequence[tuple[int, int]],
        stereo: Sequence[tuple[int, int, int, int, int]] = (),
    ) -> Self:
        """Beads without molecule types: each connected component is a type that occurs once.

        Where beads or bonds of different components alternate, or names repeat, all beads are of
        one type, so that the order and the names of beads and bonds stay as they are given.

        Args:
            names: of the beads.
            types: of the beads.
            bonds: bonded pairs of bead indices, the smaller one first.
            stereo: stereo centres, as in `MoleculeType`, of bead indices.
        """
        owner = components(bonds, len(names))
        bonds = tuple((int(i), int(j)) for i, j in bonds)
        stereo = tuple(tuple(center) for center in stereo)
        parts = [[owner[entry[0]] for entry in entries] for entries in (bonds, stereo)]
        count = int(owner.max(initial=-1)) + 1
        ordered = all((np.diff(part) >= 0).all() for part in (owner, *parts))
        if count < 2 or not ordered or len(set(names)) < len(names):
            whole = MoleculeType(ALONE, tuple(names), tuple(types), bonds, stereo)
            return cls(((whole, 1),))
        starts, bond_starts, stereo_starts = (
            np.searchsorted(part, np.arange(count + 1)).tolist() for part in (owner, *parts)
        )
        found = []
        for k, start in enumerate(starts[:-1]):
            own, own_bonds, own_stereo = (
                slice(at[k], at[k + 1]) for at in (starts, bond_starts, stereo_starts)
            )
            kind = MoleculeType(
                name=f"{ALONE}{k + 1}",
                names=tuple(names[own]),
                types=tuple(types[own]),
                bonds=tuple((i - start, j - start) for i, j in bonds[own_bonds]),
                stereo=tuple(
                    (*(bead - start for bead in center), sign)
                    for *center, sign in stereo[own_stereo]
                ),
            )
            found.append((kind, 1))
        return cls(tuple(found))

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Self:
        """The topology that a dataset or a model describes by its plain values.

        Values without molecule types are read as in `of_beads`; without bead types, each bead has
        its own.
        """
        if "molecule_types" in parameters:
            return cls(
                tuple((MoleculeType.of(one), one["count"]) for one in parameters["molecule_types"])
            )
        names = parameters["bead_names"]
        return cls.of_beads(
            names,
            parameters.get("bead_types", names),
            parameters["bonds"],
            parameters.get("stereo_centers", ()),
        )

    def parameters(self) -> dict[str, Any]:
        """The inverse of `of`: plain values, of each molecule type once.

        Without copies and names of molecule types they are those of `flat_parameters`.
        """
        if not self.has_copies:
            flat = self.flat_parameters()
            if Topology.of(flat) == self:
                return flat
        return {
            "molecule_types": [kind.parameters() | {"count": n} for kind, n in self.composition]
        }

    def flat_parameters(self) -> dict[str, Any]:
        """Plain values bead by bead."""
        return {
            "bead_names": list(self.names),
            "bead_types": list(self.types),
            "bonds": [list(pair) for pair in self.bonds],
            "stereo_centers": [list(center) for center in self.stereo],
        }

    @functools.cached_property
    def size(self) -> int:
        """Number of beads."""
        return sum(kind.size * count for kind, count in self.composition)

    @property
    def has_copies(self) -> bool:
        """Whether there is more than one molecule of a type."""
        counts = collections.Counter()
        for kind, count in self.composition:
            counts[kind.name] += count
        return any(count > 1 for count in counts.values())

    @functools.cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the beads, all different."""
        carriers = collections.Counter()
        for kind, count in self.composition:
            for name in set(kind.names):
                carriers[name] += count
        done: dict[str, int] = collections.Counter()
        names: list[str] = []
        for kind, count in self.composition:
            first = done[kind.name] + 1
            names += (
                name if carriers[name] == 1 else f"{kind.name}#{number}-{name}"
                for number in range(first, first + count)
                for name in kind.names
            )
            done[kind.name] += count
        return tuple(names)

    @functools.cached_property
    def types(self) -> tuple[str, ...]:
        """Types of the beads, the same for beads that a potential may treat alike."""
        return tuple(
            itertools.chain.from_iterable(kind.types * count for kind, count in self.composition)
        )

    @functools.cached_property
    def offsets(self) -> np.ndarray:
        """First bead of each molecule, and the number of beads, shape (n_molecules + 1,)."""
        sizes = [np.full(count, kind.size) for kind, count in self.composition]
        return np.concatenate([[0], *sizes]).astype(int).cumsum()

    @property
    def molecules(self) -> tuple[slice, ...]:
        """The beads of each molecule."""
        return tuple(itertools.starmap(slice, itertools.pairwise(self.offsets.tolist())))

    @functools.cached_property
    def molecule_of_bead(self) -> np.ndarray:
        """Number of each bead's molecule, shape (n_beads,)."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @functools.cached_property
    def bond_array(self) -> np.ndarray:
        """Bonded pairs of bead indices, shape (n_bonds, 2)."""
        return self._repeated([kind.bonds for kind, _ in self.composition], 2)

    @functools.cached_property
    def bonds(self) -> tuple[tuple[int, int], ...]:
        """Bonded pairs of bead indices, the smaller one first."""
        return _tuples(self.bond_array)

    @functools.cached_property
    def angles(self) -> tuple[tuple[int, int, int], ...]:
        """All angles between bonds that share a bead."""
        return _tuples(self._repeated([kind.angles for kind, _ in self.composition], 3))

    @functools.cached_property
    def dihedrals(self) -> tuple[tuple[int, int, int, int], ...]:
        """All proper dihedrals along three bonds in a row."""
        return _tuples(self._repeated([kind.dihedrals for kind, _ in self.composition], 4))

    @functools.cached_property
    def stereo(self) -> tuple[tuple[int, int, int, int, int], ...]:
        """Stereo centres (center, a, b, c, sign), see `MoleculeType`."""
        beads = [[center[:4] for center in kind.stereo] for kind, _ in self.composition]
        signs = [np.tile([c[4] for c in kind.stereo], count) for kind, count in self.composition]
        found = self._repeated(beads, 4)
        return _tuples(np.column_stack([found, np.concatenate(signs).astype(int)]))

    def _repeated(self, entries: list[Sequence[tuple[int, ...]]], width: int) -> np.ndarray:
        """Tuples of beads of each molecule type, for all molecules, shape (n, width)."""
        found, first = [np.zeros((0, width), dtype=int)], 0
        for (kind, count), own in zip(self.composition, entries, strict=True):
            starts = first + kind.size * np.arange(count)
            own = np.array(own, dtype=int).reshape(1, -1, width)
            found.append((own + starts[:, None, None]).reshape(-1, width))
            first += kind.size * count
        return np.concatenate(found)

    def all_coordinates(self) -> CoordinateList:
        """All pair distances, and all angles and proper dihedrals along the bonds.

        Raises:
            InputError: there are more than `ALL_PAIRS` beads.
        """
        if self.size > ALL_PAIRS:
            raise InputError(
                f"topology: all pairs of {self.size} beads are too many for this potential, which "
                f"takes at most {ALL_PAIRS} beads; use one with a cutoff"
            )
        return CoordinateList(
            distances=tuple(itertools.combinations(range(self.size), 2)),
            angles=self.angles,
            dihedrals=self.dihedrals,
        )


def components(bonds: Sequence[tuple[int, int]] | np.ndarray, size: int) -> np.ndarray:
    """Number of each bead's connected component, in order of their first beads, shape (size,)."""
    pairs = np.array(bonds, dtype=int).reshape(-1, 2)
    graph = coo_array((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), (size, size))
    return connected_components(graph, directed=False)[1]


def with_flat_parameters(parameters: dict[str, Any]) -> dict[str, Any]:
    """Plain values of a dataset or a model, those of molecule types also bead by bead."""
    if "molecule_types" not in parameters:
        return parameters
    return Topology.of(parameters).flat_parameters() | parameters


def _tuples(array: np.ndarray) -> tuple[tuple[int, ...], ...]:
    return tuple(map(tuple, array.tolist()))
