"""A linear potential as an OpenMM System of compound-bond forces with tabulated functions.

OpenMM puts a cubic spline through the points of a `Continuous1DFunction`. Points lie on the knots
(and between), so that this spline is the curve itself, not an approximation, for kind `spline`.
"""

import numpy as np
import openmm

from meanforce.core.topology import Topology
from meanforce.tables.curve_tables import Table

POINTS = 16
"""Table points in one spacing of the basis."""

MARGIN = 3
"""Spacings by which a table is longer than the part that is used: end conditions decay in them."""

COORDINATES = {
    "bonds": "distance(p1, p2)",
    "pairs": "distance(p1, p2)",
    "angles": "angle(p1, p2, p3)",
    "dihedrals": "dihedral(p1, p2, p3, p4)",
}


def build_system(molecule: Topology, tables: list[Table], masses: np.ndarray) -> openmm.System:
    """The potential of one molecule, without a box.

    Args:
        molecule: the beads.
        tables: of the potential's curves.
        masses: u, shape (n_beads,).
    """
    system = openmm.System()
    for mass in masses:
        system.addParticle(float(mass))
    for table in tables:
        expression, function = _periodic(table) if table.curve.periodic else _open(table)
        force = openmm.CustomCompoundBondForce(
            len(table.beads[0]), f"{expression}; q = {COORDINATES[table.kind]}"
        )
        force.addTabulatedFunction("curve", function)
        force.setName(table.label)
        for beads in table.beads:
            force.addBond(beads, [])
        system.addForce(force)
    return system


def _periodic(table: Table) -> tuple[str, openmm.Continuous1DFunction]:
    x = np.linspace(-np.pi, np.pi, POINTS * table.curve.functions + 1)
    values = table.series_at(x)
    values[-1] = values[0]
    return "curve(q)", openmm.Continuous1DFunction(values, -np.pi, np.pi, True)


def _open(table: Table) -> tuple[str, openmm.Continuous1DFunction]:
    """Inside its range the table, outside its last slope with a wall, or nothing."""
    curve = table.curve
    low, high = curve.range
    step = curve.spacing / POINTS
    # On the knots, which lie at whole numbers of spacings from the first centre.
    first = np.floor((low - curve.lower) / curve.spacing) - MARGIN
    last = np.ceil((high - curve.lower) / curve.spacing) + MARGIN
    count = round((last - first) * POINTS) + 1
    x = curve.lower + first * curve.spacing + step * np.arange(count)
    function = openmm.Continuous1DFunction(table.series_at(x), x[0], x[-1])
    slope_low, slope_high = (-table.at(np.array([low, high]))[1]).tolist()
    below, above = curve.walls
    expression = (
        f"curve(min(max(q, {low!r}), {high!r})) + below*({slope_low!r} + {below / 2!r}*below)"
        f" + above*({slope_high!r} + {above / 2!r}*above);"
        f" below = min(q - {low!r}, 0); above = max(q - {high!r}, 0)"
    )
    return expression, function
