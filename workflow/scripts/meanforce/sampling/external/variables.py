"""Collective variables of frames from files: their values, and forces of a bias along them."""

import math

import numpy as np
import openmm

from meanforce.errors import InputError
from meanforce.sampling.collective_variables import Variable, bias_force, values_in

AGREES = 0.01
"""Largest root mean square difference from a column of the same name: rad, nm, or no unit."""


def values_and_forces(
    variables: list[Variable], positions: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of variables, and the forces of a bias that is their sum.

    A bias V(s) has the forces −Σ_k (∂V/∂s_k) ∇s_k. Whether they are those of a function of the
    beads depends on the ∇s_k alone, so the sum, with all ∂V/∂s_k = 1, is as good as any other.

    Args:
        variables: that a bias depends on.
        positions: of whole molecules, nm, shape (n_frames, n_atoms, 3).

    Returns:
        values, shape (n_frames, n_variables), and forces, shape (n_frames, n_atoms, 3).
    """
    system = openmm.System()
    for _ in range(positions.shape[1]):
        system.addParticle(1.0)
    force = bias_force("+".join(f"s{k}" for k in range(len(variables))), variables)
    system.addForce(force)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    values, forces = np.empty((len(positions), len(variables))), np.empty(positions.shape)
    for number, frame in enumerate(positions.astype(float)):
        context.setPositions(frame)
        values[number] = values_in(force, context, variables)
        forces[number] = context.getState(forces=True).getForces(asNumpy=True)._value
    return values, forces


def refuse_other_values(
    name: str, own: np.ndarray, given: np.ndarray, periodic: bool, path: str
) -> None:
    """Refuse a file whose column of a variable differs from the variable in the frames.

    Args:
        name: of the variable.
        own: computed from the frames, shape (n,).
        given: of the file, shape (n,).
        periodic: whether it is an angle on the circle.
        path: the file, for the message.

    Raises:
        InputError: they differ.
    """
    apart = own - given
    if periodic:
        apart = (apart + math.pi) % (2.0 * math.pi) - math.pi
    difference = float(np.sqrt((apart**2).mean()))
    if not difference <= AGREES:
        raise InputError(
            f"{path}: its column '{name}' differs from the collective variable '{name}' of the "
            f"frames by {difference:.2g} (root mean square, allowed {AGREES:g}); it belongs to "
            "other frames, or the variable is defined otherwise"
        )
