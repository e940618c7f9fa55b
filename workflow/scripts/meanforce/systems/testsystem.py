"""Builder of the test systems of openmmtools, by name and options.

Importing this module takes half a second, because openmmtools imports all its parts, scipy.stats
and numba among them: `registry` imports it on demand.
"""

import dataclasses
import functools
import inspect
import random
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import openmm
from openmm import unit
from openmmtools import testsystems

from meanforce.core.cell import smallest_width
from meanforce.errors import InputError
from meanforce.settings.systems.testsystem import TestSystemSettings
from meanforce.systems.complete_topology import completed
from meanforce.systems.described import Described
from meanforce.systems.force_field import sentence
from meanforce.systems.prepared import Prepared
from meanforce.systems.testsystem_options import argument

MINIMISER_ITERATIONS = 200
"""Enough to separate particles that are too close; equilibration does the rest."""

LARGEST_FORCE = 1e4
"""Force on an atom, kJ/mol/nm, above which a start is minimised: at 300 K, forces stay below half
of it, so that configurations from a simulation are taken as they are."""

SET_TWICE = re.compile(r"multiple values for (?:keyword )?argument '(\w+)'")
"""Python's message where a constructor passes on an argument that it sets itself."""


def build(settings: TestSystemSettings, seed: int) -> Prepared:
    """Build a test system; its start is minimised where atoms are too close.

    Args:
        settings: of the system.
        seed: decides which water molecules ions replace.

    Raises:
        InputError: an option does not exist or does not fit, or the system cannot be built.
    """
    prepared = constructed(settings, seed)
    return dataclasses.replace(prepared, positions=_relaxed(prepared))


def describe(settings: TestSystemSettings) -> Described:
    """A test system before its energy is minimised; built once in a process.

    Raises:
        InputError: an option does not exist or does not fit, or the system cannot be built.
    """
    return _described(settings.model_dump_json())


@functools.lru_cache(maxsize=16)
def _described(text: str) -> Described:
    settings = TestSystemSettings.model_validate_json(text, context={"internal": True})
    return Described.of(constructed(settings, 0))


def options_of(name: str) -> dict[str, Any]:
    """Options of a test system, with their defaults.

    Constructors with `*args` pass further arguments on to the class that they inherit from; others
    ignore them.
    """
    found: dict[str, Any] = {}
    for kind in getattr(testsystems, name).__mro__:
        if kind in (testsystems.TestSystem, object):
            break
        parameters = inspect.signature(kind.__init__).parameters.values()
        for one in list(parameters)[1:]:
            if one.kind is one.POSITIONAL_OR_KEYWORD:
                found.setdefault(one.name, one.default)
        if not any(one.kind is one.VAR_POSITIONAL for one in parameters):
            break
    return found


def constructed(settings: TestSystemSettings, seed: int) -> Prepared:
    """A test system as openmmtools makes it, with a complete topology.

    Args:
        settings: of the system.
        seed: decides which water molecules ions replace.

    Raises:
        InputError: an option does not exist or does not fit, or the system cannot be built.
    """
    name, allowed = settings.name, options_of(settings.name)
    arguments = {}
    for option, value in settings.options.items():
        if option not in allowed:
            raise InputError(f"options: {name} has no option '{option}'; {_listed(allowed)}")
        arguments[option] = argument(option, value, allowed[option])
    made = _made(name, arguments, allowed, seed)
    _drop_empty(made.system)
    if not made.system.getNumParticles():
        raise InputError(f"options: {name} has no particles with these options")
    topology = completed(made.topology, made.system)
    positions = np.array(made.positions.value_in_unit(unit.nanometer), dtype=float)
    prepared = Prepared(made.system, topology, positions * unit.nanometer)
    _check(settings, prepared)
    return prepared


def _made(
    name: str, arguments: dict[str, Any], allowed: dict[str, Any], seed: int
) -> testsystems.TestSystem:
    before = random.getstate()
    # OpenMM's Modeller draws the water molecules that ions replace from Python's own generator.
    random.seed(seed)
    try:
        return getattr(testsystems, name)(**arguments)
    except Exception as error:  # constructors check nothing themselves
        twice = SET_TWICE.search(str(error))
        if twice:
            others = {key: value for key, value in allowed.items() if key != twice[1]}
            raise InputError(
                f"options: {name} sets '{twice[1]}' itself; {_listed(others)}"
            ) from None
        given = ", ".join(arguments) or "none"
        raise InputError(
            f"options: {name} cannot be built with the options given ({given}): {sentence(error)}"
        ) from error
    finally:
        random.setstate(before)


def _drop_empty(system: openmm.System) -> None:
    """Take out forces on groups of atoms that have none.

    AMOEBA adds its terms of planar groups to a box of ions too, and to differentiate their formulas
    takes 9 s each time that a context is made.
    """
    for number in reversed(range(system.getNumForces())):
        force = system.getForce(number)
        if isinstance(force, openmm.CustomCompoundBondForce) and not force.getNumBonds():
            system.removeForce(number)


def _listed(allowed: Iterable[str]) -> str:
    return f"allowed: {', '.join(allowed)}" if allowed else "it has no options"


def _check(settings: TestSystemSettings, prepared: Prepared) -> None:
    """Refuse what later jobs could not simulate.

    Raises:
        InputError: the box is smaller than twice a cutoff, or a system without a box is to be
            equilibrated at a pressure.
    """
    system = prepared.system
    if not system.usesPeriodicBoundaryConditions():
        if settings.equilibration is not None:
            raise InputError(
                f"equilibration: {settings.name} is not in a periodic box, so that it has no "
                "density to equilibrate; leave 'equilibration' out"
            )
        return
    vectors = [v.value_in_unit(unit.nanometer) for v in system.getDefaultPeriodicBoxVectors()]
    width = smallest_width(np.array(vectors))
    for force in system.getForces():
        if not force.usesPeriodicBoundaryConditions() or not hasattr(force, "getCutoffDistance"):
            continue
        cutoff = force.getCutoffDistance().value_in_unit(unit.nanometer)
        if 2.0 * cutoff > width:
            raise InputError(
                f"options: the box of {settings.name} is {width:.3g} nm wide, less than twice the "
                f"cutoff of {cutoff:.3g} nm; choose options for a larger box or a smaller cutoff"
            )


def _relaxed(prepared: Prepared) -> unit.Quantity:
    """Positions that satisfy the constraints, minimised where a force is above `LARGEST_FORCE`."""
    # With one thread set, the CPU platform is deterministic too, and fast enough.
    context = openmm.Context(
        prepared.system,
        openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("CPU"),
        {"Threads": "1", "DeterministicForces": "true"},
    )
    context.setPositions(prepared.positions)
    context.applyConstraints(1e-6)
    forces = context.getState(forces=True).getForces(asNumpy=True)._value
    if not (np.linalg.norm(forces, axis=1) < LARGEST_FORCE).all():
        openmm.LocalEnergyMinimizer.minimize(context, maxIterations=MINIMISER_ITERATIONS)
    return context.getState(positions=True).getPositions()
