"""Collective variables of beads as OpenMM forces."""

import copy
import dataclasses
import functools
import itertools

import numpy as np
import openmm

from meanforce.core.beads import Beads
from meanforce.sampling.bead_function_force import bead_function_force
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic

CENTROIDS = {2: "distance(g1, g2)", 3: "angle(g1, g2, g3)", 4: "dihedral(g1, g2, g3, g4)"}
"""Internal coordinates of bead centroids, by their number of beads."""

ATOMS = {
    2: (openmm.CustomBondForce, "Bond", "r"),
    3: (openmm.CustomAngleForce, "Angle", "theta"),
    4: (openmm.CustomTorsionForce, "Torsion", "theta"),
}
"""OpenMM's own forces for beads of one atom, which are faster: class, kind of term, coordinate."""

FUNCTIONS = {
    "cos_dihedral": "cos({q})",
    "sin_dihedral": "sin({q})",
    # [1 − (r/r₀)⁶]/[1 − (r/r₀)¹²]; Iannuzzi, Laio, Parrinello, PRL 90, 238302 (2003).
    "coordination": "1/(1+({q}/{radius})^6)",
}
"""Expressions in an internal coordinate q, for kinds that are functions of one."""


@dataclasses.dataclass(frozen=True)
class Variable:
    """A collective variable s = Σ_k v_k, each v_k the energy of an OpenMM force.

    Attributes:
        parts: forces whose energies are the v_k.
        periodic: whether s lives on the circle [-π, π].
        unit: of s, for messages; empty for numbers.
    """

    parts: tuple[openmm.Force, ...]
    periodic: bool
    unit: str = ""

    def with_energy(self, expression: str) -> openmm.Force | None:
        """A force on the same beads with an energy in s0, the variable, in kJ/mol.

        None where the variable is a sum of several terms, or no expression.
        """
        if len(self.parts) != 1 or _number_of_terms(self.parts[0]) != 1:
            return None
        force = copy.deepcopy(self.parts[0])
        force.setEnergyFunction(f"{expression}; s0={force.getEnergyFunction()}")
        return force


def _number_of_terms(force: openmm.Force) -> int | None:
    """Terms of a force of `_Parts`; None for another one."""
    for item in ("Bond", "Angle", "Torsion"):
        if hasattr(force, f"getNum{item}s"):
            return getattr(force, f"getNum{item}s")()
    return None


def as_variable(settings: CollectiveVariableSettings, beads: Beads, where: str) -> Variable:
    """The collective variable, in nm or rad or without a unit.

    Bead positions are the mapping's weighted centroids, so the variable is a function of the CG
    coordinates only.

    Raises:
        InputError: a bead does not exist, or structures are not filled in.
    """
    if settings.function is not None:
        force = bead_function_force(settings, beads, where)
        return Variable((force,), periodic=False, unit=settings.unit)
    parts = _Parts(beads, weighted=settings.kind == "combination")
    for coefficient, term in settings.terms:
        for names in term.bead_tuples:
            parts.add(term, [beads.index(name, where) for name in names], coefficient)
    return Variable(tuple(parts.forces.values()), is_periodic(settings.kind), settings.unit)


class _Parts:
    """The forces of one variable: terms of the same form share a force.

    A CustomCVForce evaluates each of its at most 32 forces by itself, so a combination of many
    terms cannot have one force for each term.

    Args:
        beads: of the mapping.
        weighted: whether terms have coefficients.
    """

    def __init__(self, beads: Beads, weighted: bool) -> None:
        self.forces: dict[tuple[str, str], openmm.Force] = {}
        self._beads, self._weighted = beads, weighted
        self._groups: dict[tuple[str, str, int], int] = {}

    def add(self, term: CollectiveVariableSettings, indices: list[int], coefficient: float) -> None:
        """Add a term that is a function of the beads with the given indices."""
        atoms = [self._beads.atoms[bead] for bead in indices]
        native = len(atoms) in ATOMS and all(len(members) == 1 for members in atoms)
        if native:
            make, item, q = ATOMS[len(atoms)]
        else:
            make, item = functools.partial(openmm.CustomCentroidBondForce, len(atoms)), "Bond"
            q = CENTROIDS.get(len(atoms), f"{term.axis}1")
        expression = FUNCTIONS.get(term.kind, "{q}").format(q=q, radius=term.radius)
        key = (item, expression)
        if key not in self.forces:
            force = make(f"weight*{expression}" if self._weighted else expression)
            if self._weighted:
                getattr(force, f"addPer{item}Parameter")("weight")
            self.forces[key] = force
        values = [coefficient] if self._weighted else []
        if native:
            getattr(self.forces[key], f"add{item}")(*(members[0] for members in atoms), values)
        else:
            self.forces[key].addBond([self._group(key, bead) for bead in indices], values)

    def _group(self, key: tuple[str, str], bead: int) -> int:
        """Group of a bead in a force of centroids."""
        if (*key, bead) not in self._groups:
            self._groups[*key, bead] = self.forces[key].addGroup(
                self._beads.atoms[bead], self._beads.weights[bead]
            )
        return self._groups[*key, bead]


def bias_force(expression: str, variables: list[Variable]) -> openmm.CustomCVForce:
    """A force with an energy in kJ/mol that is an expression in s0, s1, ..., the variables."""
    terms, parts = [], {}
    for number, variable in enumerate(variables):
        names = [f"v{number}_{k}" for k in range(len(variable.parts))]
        parts |= dict(zip(names, variable.parts, strict=True))
        terms.append(f"s{number}=" + "+".join(names))
    force = openmm.CustomCVForce("; ".join([expression, *terms]))
    for name, part in parts.items():
        force.addCollectiveVariable(name, part)
    return force


def values_in(
    force: openmm.CustomCVForce, context: openmm.Context, variables: list[Variable]
) -> np.ndarray:
    """Values of the variables, shape (n_variables,), at a context's positions."""
    parts = iter(force.getCollectiveVariableValues(context))
    # Plain sums: arrays of one or two numbers take longer to make than to use.
    return np.array([sum(itertools.islice(parts, len(v.parts))) for v in variables])
