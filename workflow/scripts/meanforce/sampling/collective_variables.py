"""Collective variables of beads as OpenMM forces."""

import openmm

from meanforce.mapping.configuration import Beads
from meanforce.settings.collective_variables import CollectiveVariable

EXPRESSIONS = {
    "distance": "distance(g1, g2)",
    "angle": "angle(g1, g2, g3)",
    "dihedral": "dihedral(g1, g2, g3, g4)",
}


def as_force(
    settings: CollectiveVariable, beads: Beads, where: str
) -> openmm.CustomCentroidBondForce:
    """A force whose energy is the collective variable, in nm or rad.

    Bead positions are the mapping's weighted centroids, so that the variable is a function of
    the CG coordinates and of nothing else.

    Raises:
        InputError: a bead does not exist.
    """
    expression = EXPRESSIONS.get(settings.kind) or f"{settings.axis}1"
    force = openmm.CustomCentroidBondForce(len(settings.beads), expression)
    for name in settings.beads:
        bead = beads.index(name, where)
        force.addGroup(list(beads.atoms[bead]), list(beads.weights[bead]))
    force.addBond(list(range(len(settings.beads))))
    force.setUsesPeriodicBoundaryConditions(False)
    return force
