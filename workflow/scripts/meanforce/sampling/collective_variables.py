"""Collective variables of beads as OpenMM forces."""

import dataclasses

import numpy as np
import openmm

from meanforce.mapping.configuration import Beads
from meanforce.settings.collective_variables import CollectiveVariable, is_periodic

EXPRESSIONS = {
    "distance": "distance(g1, g2)",
    "angle": "angle(g1, g2, g3)",
    "dihedral": "dihedral(g1, g2, g3, g4)",
}


@dataclasses.dataclass(frozen=True)
class Variable:
    """A collective variable s = Σ_k c_k v_k, each v_k the energy of an OpenMM force.

    Attributes:
        parts: forces whose energies are the v_k.
        coefficients: the c_k.
        periodic: whether s lives on the circle [-π, π].
    """

    parts: tuple[openmm.Force, ...]
    coefficients: tuple[float, ...]
    periodic: bool


def as_variable(settings: CollectiveVariable, beads: Beads, where: str) -> Variable:
    """The collective variable, in nm or rad.

    Bead positions are the mapping's weighted centroids, so that the variable is a function of
    the CG coordinates and of nothing else.

    Raises:
        InputError: a bead does not exist.
    """
    indices = [beads.index(name, where) for name in settings.beads]
    if settings.kind == "coordinate":
        part = _centroids(f"{settings.axis}1", beads, indices)
    elif all(len(beads.atoms[bead]) == 1 for bead in indices):
        part = _atoms(settings.kind, [beads.atoms[bead][0] for bead in indices])
    else:
        part = _centroids(EXPRESSIONS[settings.kind], beads, indices)
    return Variable((part,), (1.0,), is_periodic(settings.kind))


def _centroids(expression: str, beads: Beads, indices: list[int]) -> openmm.Force:
    force = openmm.CustomCentroidBondForce(len(indices), expression)
    for bead in indices:
        force.addGroup(list(beads.atoms[bead]), list(beads.weights[bead]))
    force.addBond(list(range(len(indices))))
    return force


def _atoms(kind: str, atoms: list[int]) -> openmm.Force:
    """Beads of one atom take OpenMM's own bonded forces, which are faster."""
    if kind == "distance":
        force = openmm.CustomBondForce("r")
        force.addBond(*atoms)
    elif kind == "angle":
        force = openmm.CustomAngleForce("theta")
        force.addAngle(*atoms)
    else:
        force = openmm.CustomTorsionForce("theta")
        force.addTorsion(*atoms)
    return force


def bias_force(expression: str, variables: list[Variable]) -> openmm.CustomCVForce:
    """A force with an energy in kJ/mol that is an expression in s0, s1, ..., the variables."""
    terms, parts = [], {}
    for number, variable in enumerate(variables):
        names = [f"v{number}_{k}" for k in range(len(variable.parts))]
        parts |= dict(zip(names, variable.parts, strict=True))
        weighted = zip(variable.coefficients, names, strict=True)
        terms.append(f"s{number}=" + "+".join(f"({c!r})*{name}" for c, name in weighted))
    force = openmm.CustomCVForce("; ".join([expression, *terms]))
    for name, part in parts.items():
        force.addCollectiveVariable(name, part)
    return force


def values_in(
    force: openmm.CustomCVForce, context: openmm.Context, variables: list[Variable]
) -> np.ndarray:
    """Values of the variables at a context's positions, nm or rad, shape (n_variables,)."""
    parts = np.array(force.getCollectiveVariableValues(context))
    values, start = [], 0
    for variable in variables:
        end = start + len(variable.parts)
        values.append(parts[start:end] @ np.array(variable.coefficients))
        start = end
    return np.array(values)
