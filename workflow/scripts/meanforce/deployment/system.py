"""A CG model as an OpenMM System: native forces where the model has a native form, else Python."""

import itertools

import numpy as np
import openmm

from meanforce.core.domain import Domain
from meanforce.deployment.evaluator import Evaluator, evaluator_of
from meanforce.deployment.native import native_forces
from meanforce.deployment.watched import Watched
from meanforce.potentials.interface import EnsembleMean


def build_system(
    potential: EnsembleMean, masses: np.ndarray, temperature: float, domain: Domain | None = None
) -> openmm.System:
    """A System whose only energy is U(R; T) of the model; a particle is a bead.

    Args:
        potential: mean of the ensemble's members.
        masses: of the beads, u, shape (n_beads,).
        temperature: T in K; it does not set a thermostat.
        domain: of the training data: where Python computes the forces, leaving it warns.
    """
    system = openmm.System()
    for mass in masses:
        system.addParticle(float(mass))
    share = 1.0 / len(potential.members)
    native = [native_forces(member, masses, temperature, share) for member in potential.members]
    if None in native:
        evaluator = evaluator_of(potential, temperature)
        if domain is not None:
            evaluator = Watched(evaluator, domain)
        system.addForce(python_force(evaluator, len(masses)))
    else:
        for force in itertools.chain.from_iterable(native):
            system.addForce(force)
    return system


def is_native(system: openmm.System) -> bool:
    """Whether the System needs nothing but OpenMM, so that it can be written as XML.

    OpenMM writes a PythonForce as a pickle, which would run code when it is read.
    """
    return not any(isinstance(force, openmm.PythonForce) for force in system.getForces())


def python_force(evaluator: Evaluator, n_beads: int) -> openmm.PythonForce:
    """The model as a force that OpenMM calls Python for, on any platform.

    Args:
        evaluator: of the model.
        n_beads: number of beads.
    """
    positions = np.empty((n_beads, 3))

    def compute(state: openmm.State) -> tuple[float, np.ndarray]:
        # What `getPositions` calls; its units and look-ups take longer than half a network.
        state._getVectorAsNumpy(openmm.State.Positions, positions)
        return evaluator.energy_and_forces(positions)

    return openmm.PythonForce(compute)
