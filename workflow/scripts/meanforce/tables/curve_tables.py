"""Curves of a molecule's potential as tables, in internal units."""

import collections
import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
import torch

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.terms import coordinates_of, type_name


@dataclasses.dataclass(frozen=True)
class Table:
    """One curve at one temperature, and the beads that it acts on.

    Attributes:
        kind: `bonds`, `pairs`, `angles` or `dihedrals`.
        label: short name, such as `bonds_1`; for files and keywords.
        name: types of the beads, see `type_name`.
        beads: indices of the beads of each coordinate; of pairs, where they were asked for.
        curve: where it was fitted.
        potential: that it belongs to.
        temperature: K.
        number: of the curve in the potential.
    """

    kind: str
    label: str
    name: str
    beads: tuple[tuple[int, ...], ...]
    curve: EnergyCurve
    potential: LinearPotential
    temperature: float
    number: int

    @property
    def sampled(self) -> tuple[float, float]:
        """Range of the training data."""
        return self.curve.sampled

    @property
    def cutoff(self) -> float | None:
        """Where a curve of pairs becomes zero, nm."""
        return self.curve.cutoff

    @property
    def exclude(self) -> int:
        """Least number of bonds between the beads of a pair."""
        return self.potential.values["exclude"]

    def at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy in kJ/mol and −dU/dx, each of shape (n,), at x in nm or rad."""
        places = torch.from_numpy(np.asarray(x, dtype=float))
        energy, slope = self.potential.curve(places, self.temperature, self.number)
        return energy.numpy(), -slope.numpy()

    def series_at(self, x: np.ndarray) -> np.ndarray:
        """The sum of basis functions alone, without what takes its place beyond the data."""
        value, _ = self.potential.basis_of(torch.from_numpy(x), self.number)
        form = self.potential.temperature_form(torch.tensor([self.temperature]).double())
        parts = self.potential.coefficients.reshape(form.shape[1], -1)
        own = self.potential.of_curves.index[self.number, : self.curve.functions]
        return (value @ (form @ parts)[0, own]).numpy()


@dataclasses.dataclass(frozen=True)
class MeanTable:
    """The mean of one curve over the members of an ensemble.

    Attributes:
        label: short name, for files and keywords.
        members: tables of the members that have the curve; it is zero in the others.
        count: of all members.
    """

    label: str
    members: tuple[Table, ...]
    count: int

    @property
    def kind(self) -> str:
        """As of its members."""
        return self.members[0].kind

    @property
    def name(self) -> str:
        """As of its members."""
        return self.members[0].name

    @property
    def beads(self) -> tuple[tuple[int, ...], ...]:
        """As of its members."""
        return self.members[0].beads

    @property
    def sampled(self) -> tuple[float, float]:
        """Range of the training data of all members."""
        low, high = zip(*(table.sampled for table in self.members), strict=True)
        return min(low), max(high)

    @property
    def cutoff(self) -> float | None:
        """Where the last curve of pairs becomes zero, nm."""
        ends = [table.cutoff for table in self.members if table.cutoff]
        return max(ends) if ends else None

    @property
    def exclude(self) -> int:
        """As of its members."""
        return self.members[0].exclude

    def at(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Energy in kJ/mol and −dU/dx, each of shape (n,), at x in nm or rad."""
        energies, forces = zip(*(table.at(x) for table in self.members), strict=True)
        return sum(energies) / self.count, sum(forces) / self.count


AnyTable = Table | MeanTable

Tabulated = tuple[Topology, list[MeanTable]]
"""Beads, and the tables of their potential at one temperature."""


def mean_tables(potential: Potential, temperature: float) -> Tabulated:
    """The molecule, and tables of the mean of an ensemble; beads of pairs are not listed.

    Args:
        potential: a spline or rbf of a molecule's terms, or an ensemble of them.
        temperature: K.

    Raises:
        InputError: it is another kind of potential.
    """
    members = potential.members if isinstance(potential, EnsembleMean) else [potential]
    found: dict[tuple[str, str], list[Table]] = {}
    for member in members:
        molecule, tables = tables_of(member, temperature, list_pairs=False)
        for table in tables:
            found.setdefault((table.kind, table.name), []).append(table)
    counts, made = collections.Counter(), []
    for (kind, _), own in found.items():
        counts[kind] += 1
        made.append(MeanTable(f"{kind}_{counts[kind]}", tuple(own), len(members)))
    return molecule, made


def pair_table(tables: Sequence[AnyTable], types: Sequence[str]) -> dict[tuple[int, int], int]:
    """Number of the table of each pair of bead types (i ≤ j, by their number in `types`)."""
    numbers = {table.name: n for n, table in enumerate(tables) if table.kind == "pairs"}
    return {
        (i, j): numbers[name]
        for i, j in itertools.combinations_with_replacement(range(len(types)), 2)
        if (name := type_name([types[i], types[j]])) in numbers
    }


def is_tabulated(potential: Potential) -> bool:
    """Whether it is a sum of curves of a molecule's terms, or a mean of such sums."""
    if isinstance(potential, EnsembleMean):
        return all(map(is_tabulated, potential.members))
    return isinstance(potential, LinearPotential) and "curves" in potential.values


def tables_of(
    potential: Potential, temperature: float, list_pairs: bool = True
) -> tuple[Topology, list[Table]]:
    """The molecule, and tables of all curves.

    Args:
        potential: a spline or rbf of a molecule's terms.
        temperature: K.
        list_pairs: whether to list the beads of all non-bonded pairs, whose number grows with the
            square of the number of beads.

    Raises:
        InputError: it is another kind of potential.
    """
    if not isinstance(potential, LinearPotential) or not is_tabulated(potential):
        raise InputError(
            f"--model: is a '{potential.kind}' that is not a sum of curves of bonds, angles, "
            "dihedrals and pairs; only such a spline or rbf (key 'terms') can be exported as tables"
        )
    if potential.dtype != torch.float64 or potential.device.type != "cpu":
        potential = potential.to(torch.float64)
    molecule = Topology.of(potential.values)
    kinds = [curve.kind for curve in potential.curves if list_pairs or curve.kind != "pairs"]
    listed, keys = coordinates_of(molecule, kinds, potential.values["exclude"])
    places: dict[tuple[str, str], list[tuple[int, ...]]] = {}
    for entry, key in zip(
        (*listed.distances, *listed.angles, *listed.dihedrals), keys, strict=True
    ):
        places.setdefault(key, []).append(entry)
    tables, counts = [], {}
    for number, curve in enumerate(potential.curves):
        counts[curve.kind] = counts.get(curve.kind, 0) + 1
        own = tuple(places.get((curve.kind, curve.name), ()))
        label = f"{curve.kind}_{counts[curve.kind]}"
        tables.append(
            Table(curve.kind, label, curve.name, own, curve, potential, temperature, number)
        )
    return molecule, tables
