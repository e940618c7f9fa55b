"""Curves of a molecule's potential as tables, in internal units."""

import dataclasses

import numpy as np
import torch

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.interface import Potential
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.terms import coordinates_of


@dataclasses.dataclass(frozen=True)
class Table:
    """One curve at one temperature, and the beads that it acts on.

    Attributes:
        kind: `bonds`, `pairs`, `angles` or `dihedrals`.
        label: short name, such as `bonds_1`; for files and keywords.
        name: types of the beads.
        beads: indices of the beads of each coordinate.
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


def tables_of(potential: Potential, temperature: float) -> tuple[Topology, list[Table]]:
    """The molecule, and tables of all curves.

    Args:
        potential: a spline or rbf of a molecule's terms.
        temperature: K.

    Raises:
        InputError: it is another kind of potential.
    """
    if not isinstance(potential, LinearPotential) or "curves" not in potential.values:
        raise InputError(
            f"--model: is a '{potential.kind}' that is not a sum of curves of bonds, angles, "
            "dihedrals and pairs; only such a spline or rbf (key 'terms') can be exported as tables"
        )
    potential = potential.to(torch.float64)
    molecule = Topology.of(potential.values)
    listed, keys = coordinates_of(
        molecule, [curve.kind for curve in potential.curves], potential.values["exclude"]
    )
    beads = (*listed.distances, *listed.angles, *listed.dihedrals)
    tables, counts = [], {}
    for number, curve in enumerate(potential.curves):
        counts[curve.kind] = counts.get(curve.kind, 0) + 1
        own = tuple(
            entry for entry, key in zip(beads, keys, strict=True) if key == (curve.kind, curve.name)
        )
        label = f"{curve.kind}_{counts[curve.kind]}"
        tables.append(
            Table(curve.kind, label, curve.name, own, curve, potential, temperature, number)
        )
    return molecule, tables
