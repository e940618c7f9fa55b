"""Builder of the Müller–Brown system: the bead machinery on a two-dimensional potential."""

import numpy as np
import openmm
from openmm import app, unit

from meanforce.settings.systems.muller_brown import MullerBrownSettings
from meanforce.systems.muller_brown_surface import ENERGY_UNIT, TERMS
from meanforce.systems.prepared import Prepared

START = (23.0, 31.0)
"""Start near the deeper minimum, nm."""


def build(settings: MullerBrownSettings, seed: int = 0) -> Prepared:
    """Particle X carries x, particle Y carries y; one force joins them.

    Their other coordinates feel no force. Masses are 1 u.
    """
    system = openmm.System()
    for _ in range(2):
        system.addParticle(1.0)
    expression = " + ".join(
        f"({ENERGY_UNIT * height!r})*exp(({a})*(x1-{x0})^2 + ({b})*(x1-{x0})*(y2-{y0})"
        f" + ({c})*(y2-{y0})^2)"
        for height, a, b, c, x0, y0 in TERMS
    )
    force = openmm.CustomCompoundBondForce(2, expression)
    force.setName("MullerBrown")
    force.addBond([0, 1])
    system.addForce(force)

    topology = app.Topology()
    residue = topology.addResidue("MB", topology.addChain())
    for name in ("X", "Y"):
        topology.addAtom(name, app.Element.getBySymbol("H"), residue)
    positions = np.array([[START[0], 0.0, 0.0], [0.0, START[1], 0.0]])
    return Prepared(system, topology, positions * unit.nanometer)
