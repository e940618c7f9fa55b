"""Builder of the channel: a pair of particles whose mean force depends on temperature."""

import numpy as np
import openmm
from openmm import app, unit

from meanforce.settings.systems.channel import ChannelSettings
from meanforce.systems.channel_surface import EXPRESSION, HALF_WIDTH, MIDDLE
from meanforce.systems.prepared import Prepared

ELEMENTS = {"A": "C", "B": "C", "Y": "H"}
"""Elements that give the particles their masses: Y, the light one, moves faster than A and B."""

START = MIDDLE - HALF_WIDTH
"""Distance of A and B at the start, nm: the near well."""


def build(settings: ChannelSettings, seed: int = 0) -> Prepared:
    """Particles A and B, which are bonded, and Y between them; one force joins all three."""
    system, topology = openmm.System(), app.Topology()
    residue = topology.addResidue("CHL", topology.addChain())
    atoms = []
    for name, symbol in ELEMENTS.items():
        element = app.Element.getBySymbol(symbol)
        system.addParticle(element.mass)
        atoms.append(topology.addAtom(name, element, residue))
    topology.addBond(atoms[0], atoms[1])

    force = openmm.CustomCompoundBondForce(3, EXPRESSION)
    force.setName("Channel")
    force.addBond([0, 1, 2])
    system.addForce(force)
    # Nothing holds the molecule in place, and far from the origin its positions lose digits.
    system.addForce(openmm.CMMotionRemover(1))
    positions = np.array([[0.0, 0.0, 0.0], [START, 0.0, 0.0], [START / 2, 0.0, 0.0]])
    return Prepared(system, topology, positions * unit.nanometer)
