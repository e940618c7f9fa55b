"""Tables as an OpenMM System of many molecules in a periodic box, for dynamics.

Unlike `openmm_system`, non-bonded pairs are found by their distance, and curves are tabulated
densely, walls included, so that an ensemble's mean costs as much as one potential.
"""

from collections.abc import Sequence

import numpy as np
import openmm

from meanforce.core.topology import Topology
from meanforce.tables.curve_tables import AnyTable, pair_table
from meanforce.tables.openmm_system import COORDINATES

POINTS = 2000
"""Of a table, cubic splines in between."""

ENDS = (0.5, 2.0)
"""Bonds are tabulated from and to these multiples of the ends of the data; constant beyond, where a
molecule counts as broken."""

BETWEEN = 40
"""Points that separate the curves of pairs in their common table: the spline of one fades there."""


def build_box_system(
    molecule: Topology, tables: Sequence[AnyTable], masses: np.ndarray, cell: np.ndarray
) -> openmm.System:
    """The potential of beads in a periodic box.

    Args:
        molecule: the beads.
        tables: of the potential's curves.
        masses: u, shape (n_beads,).
        cell: nm, shape (3, 3), in OpenMM's reduced form.
    """
    system = openmm.System()
    for mass in masses:
        system.addParticle(float(mass))
    system.setDefaultPeriodicBoxVectors(*map(openmm.Vec3, *np.asarray(cell, dtype=float).T))
    for table in tables:
        if table.kind != "pairs":
            system.addForce(_bonded(table))
    if any(table.kind == "pairs" for table in tables):
        system.addForce(_pairs(molecule, tables))
    return system


def _bonded(table: AnyTable) -> openmm.CustomCompoundBondForce:
    circle = table.kind == "dihedrals"
    if table.kind == "bonds":
        low, high = ENDS[0] * float(table.sampled[0]), ENDS[1] * float(table.sampled[1])
    else:
        low, high = -np.pi if circle else 0.0, np.pi
    values = table.at(np.linspace(low, high, POINTS))[0]
    place = "q"
    if circle:
        values[-1] = values[0]
    else:
        place = f"min(max(q, {low!r}), {high!r})"
    force = openmm.CustomCompoundBondForce(
        len(table.beads[0]), f"curve({place}); q = {COORDINATES[table.kind]}"
    )
    force.addTabulatedFunction("curve", openmm.Continuous1DFunction(values, low, high, circle))
    force.setUsesPeriodicBoundaryConditions(True)
    force.setName(table.label)
    for beads in table.beads:
        force.addBond(beads, [])
    return force


def _pairs(molecule: Topology, tables: Sequence[AnyTable]) -> openmm.CustomNonbondedForce:
    """All curves of pairs in one table, one behind the other: a look-up costs more than all else.

    A curve begins at a distance of zero, as OpenMM's functions vanish outside of their range.
    """
    kinds = list(dict.fromkeys(molecule.types))
    numbers = pair_table(tables, kinds)
    curves = sorted(set(numbers.values()))
    cutoff = max(tables[n].cutoff for n in curves)
    x = np.linspace(0.0, cutoff, POINTS)
    gap = np.linspace(0.0, 1.0, BETWEEN + 2)[1:-1]
    values, starts, step = [], {}, float(x[1])
    for number in curves:
        energy = tables[number].at(x)[0]
        if values:
            # From the zero at the end of one curve up to the wall where the next one begins.
            values.extend((energy[0] * gap**3).tolist())
        starts[number] = step * len(values)
        values.extend(energy.tolist())
    # Types without a curve do not interact: they look up the zero at the end.
    last = step * (len(values) - 1)
    single = len(kinds) == 1
    shift = "" if single else " + start(kind1, kind2)"
    place = f"r{shift}" if single else f"min(r{shift}, {last!r})"
    force = openmm.CustomNonbondedForce(f"curve({place})")
    force.addTabulatedFunction("curve", openmm.Continuous1DFunction(values, 0.0, last))
    if not single:
        force.addPerParticleParameter("kind")
        count = len(kinds)
        table = np.full((count, count), last)
        for (i, j), number in numbers.items():
            table[i, j] = table[j, i] = starts[number]
        force.addTabulatedFunction(
            "start", openmm.Discrete2DFunction(count, count, table.flatten().tolist())
        )
    for kind in molecule.types:
        force.addParticle([] if single else [kinds.index(kind)])
    force.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    force.setCutoffDistance(cutoff)
    apart = tables[curves[0]].exclude
    force.createExclusionsFromBonds(list(molecule.bonds), apart - 1)
    force.setName("pairs")
    return force
