"""Targets of a fit from tables: distributions in the place of those of frames.

Frames then give molecules, boxes and starts only. The values of tables are taken as exact, so that
noise floors are those of the CG runs alone.
"""

import collections
import dataclasses
from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.distribution_table import DistributionTable
from meanforce.errors import InputError
from meanforce.potentials.terms import coordinates_of, near_beads, pair_names
from meanforce.potentials.whole import is_one
from meanforce.settings.potentials.linear import TermsSettings
from meanforce.settings.target_tables import KINDS, TargetTablesSettings

JOINED = " – "
"""Between the types in the name of a curve."""

LARGEST_START = 0.05
"""Largest value of g(r) in its first row: below it, beads must not come."""

MOST = {"angles": np.pi, "dihedrals": np.pi}
"""Largest value of an angle, rad."""

OFF = 1e-2
"""nm or rad by which a table may be too short or too long."""

Key = tuple[str, str]
"""Kind and name of a curve."""


@dataclasses.dataclass(frozen=True)
class TargetTables:
    """Distributions of all curves at one temperature.

    Attributes:
        temperature: K.
        tables: by kind and name of the curve.
    """

    temperature: float
    tables: dict[Key, DistributionTable]

    @classmethod
    def read(cls, settings: TargetTablesSettings, temperature: float) -> "TargetTables":
        """Read the files.

        Raises:
            InputError: a file is no table, or does not fit the coordinate.
        """
        found: dict[Key, DistributionTable] = {}
        for kind in KINDS:
            for name, path in getattr(settings, kind).items():
                table = DistributionTable.read(Path(path))
                _check(kind, table)
                found[kind, name] = table
        return cls(temperature, found)

    def of_curves(self, molecule: Topology, terms: TermsSettings) -> dict[Key, DistributionTable]:
        """The tables by the names of the molecule's curves, in the order of the curves.

        Raises:
            InputError: a curve has no table, a table has no curve, or a g(r) does not fit.
        """
        if terms.pairs:
            _check_pairs(molecule, terms.pairs.exclude)
        curves = _curves(molecule, terms)
        names = {(kind, one) for kind, name in curves for one in _spellings(name)}
        extra = [f"{kind}.{name}" for kind, name in self.tables if (kind, name) not in names]
        if extra:
            known = ", ".join(f"{kind}.{_spellings(name)[0]}" for kind, name in curves)
            raise InputError(
                f"targets: {extra[0]} does not belong to a curve of the potential; allowed are "
                f"{known}"
            )
        found = {(kind, name): self.table(kind, name) for kind, name in curves}
        for (kind, _), table in found.items():
            if kind == "pairs":
                _check_cutoff(table, terms.pairs.cutoff)
        return found

    def table(self, kind: str, name: str) -> DistributionTable:
        """The table of a curve.

        Raises:
            InputError: there is none.
        """
        spellings = _spellings(name)
        for one in spellings:
            if (kind, one) in self.tables:
                return self.tables[kind, one]
        raise InputError(
            f"targets: there is no table {kind}.{spellings[0]}, but the potential has this curve"
        )


def tables_at(targets: tuple[TargetTables, ...], temperature: float) -> TargetTables:
    """The tables of a temperature.

    Raises:
        InputError: there is none.
    """
    for one in targets:
        if np.isclose(one.temperature, temperature, rtol=1e-5):
            return one
    known = ", ".join(f"{one.temperature:g} K" for one in targets)
    raise InputError(f"targets: there are none at {temperature:g} K, only at {known}")


def density_of_pairs(molecule: Topology, name: str, volume: float) -> float:
    """Pairs in a volume of 1 nm³ where g(r) is 1: N₁N₂/V, half of it for beads of one type.

    Pairs of a bead with itself and within its molecule count, too: with them, g(r) of a liquid
    depends least on the number of molecules, so that tables of another box can be used.
    """
    counts = collections.Counter(molecule.types)
    one, other = name.split(JOINED)
    return counts[one] * counts[other] / (2 if one == other else 1) / volume


def _spellings(name: str) -> tuple[str, str]:
    """How a table of a curve may be called."""
    types = name.split(JOINED)
    return "-".join(types), "-".join(types[::-1])


def _curves(molecule: Topology, terms: TermsSettings) -> list[Key]:
    """Curves of a potential of all terms, in their order."""
    small = Topology(tuple((kind, 1) for kind, _ in molecule.composition))
    listed = [kind for kind in ("bonds", "angles", "dihedrals") if getattr(terms, kind)]
    keys = list(dict.fromkeys(coordinates_of(small, listed, 3)[1])) if listed else []
    if terms.pairs:
        keys += [("pairs", name) for name in pair_names(molecule, terms.pairs.exclude)]
    order = ("bonds", "pairs", "angles", "dihedrals")
    return sorted(keys, key=lambda key: order.index(key[0]))


def _check(kind: str, table: DistributionTable) -> None:
    """Refuse places and values that the coordinate cannot have."""
    least = -np.pi if kind == "dihedrals" else 0.0
    most = MOST.get(kind, np.inf)
    if table.places[0] < least - OFF or table.places[-1] > most + OFF:
        raise InputError(
            f"{table.name}: has places from {table.places[0]:g} to {table.places[-1]:g}; allowed "
            f"are {least:.4g} to {most:.4g} {'rad' if kind in MOST else 'nm'}"
        )
    if kind == "pairs" and table.values[0] > LARGEST_START:
        raise InputError(
            f"{table.name}: begins at {table.places[0]:g} nm with {table.values[0]:g}; g(r) must "
            "begin where it is zero"
        )


def _check_cutoff(table: DistributionTable, cutoff: float) -> None:
    if table.places[-1] < cutoff - 1e-6:
        raise InputError(
            f"{table.name}: ends at {table.places[-1]:g} nm, but 'pairs.cutoff' is {cutoff:g} nm; "
            "use a shorter cutoff, or a longer table"
        )


def _check_pairs(molecule: Topology, exclude: int) -> None:
    """Refuse what g(r) between molecules does not describe."""
    if is_one(molecule):
        raise InputError(
            "targets: a table of pairs is a g(r) between molecules, but the system has only one "
            "molecule; set 'pairs: null'"
        )
    for kind, _ in molecule.composition:
        single = Topology(((kind, 1),))
        if any(len(near) < single.size for near in near_beads(single, exclude)):
            raise InputError(
                f"targets: tables of pairs are g(r) between molecules, but with 'pairs.exclude: "
                f"{exclude}' pairs within a molecule '{kind.name}' count as well; allowed are "
                "molecules all of whose inner pairs are excluded"
            )
