"""Two particles in a double well of their distance."""

import numpy as np
import openmm
from openmm import app, unit

from meanforce.systems.prepared import Prepared


def pair() -> Prepared:
    """Wells at 0.4 and 0.8 nm, 8 kJ/mol deep; a start at 0.4. F(r) = U(r) − 2kT ln r, exactly."""
    system, force = openmm.System(), openmm.CustomBondForce("8*((r-0.6)^2/0.04-1)^2")
    for _ in range(2):
        system.addParticle(20.0)
    force.addBond(0, 1)
    system.addForce(force)
    topology = app.Topology()
    residue = topology.addResidue("MOL", topology.addChain())
    for name in "AB":
        topology.addAtom(name, app.Element.getBySymbol("C"), residue)
    return Prepared(system, topology, np.array([[0.0, 0, 0], [0.4, 0, 0]]) * unit.nanometer)
