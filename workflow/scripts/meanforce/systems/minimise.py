"""Energy minimisation of start structures; the same input gives the same result."""

import openmm
from openmm import unit

ITERATIONS_IN_A_BOX = 200
"""Enough to separate atoms that are too close; the equilibration does the rest."""

LARGE = 200
"""Number of atoms above which the CPU platform is faster than the Reference platform."""


def minimised(system: openmm.System, positions: unit.Quantity) -> unit.Quantity:
    """Positions of a nearby minimum; in a periodic box, on the way to it.

    Args:
        system: without a bias.
        positions: nm, shape (n_atoms, 3).
    """
    if system.usesPeriodicBoundaryConditions():
        return _minimised(system, positions, "CPU", ITERATIONS_IN_A_BOX)
    large = system.getNumParticles() > LARGE
    return _minimised(system, positions, "CPU" if large else "Reference", 0)


def _minimised(
    system: openmm.System, positions: unit.Quantity, platform: str, iterations: int
) -> unit.Quantity:
    # With one thread set, the CPU platform is deterministic too.
    options = {"Threads": "1", "DeterministicForces": "true"} if platform == "CPU" else {}
    context = openmm.Context(
        system,
        openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName(platform),
        options,
    )
    context.setPositions(positions)
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=iterations)
    return context.getState(positions=True).getPositions()
