"""Lennard-Jones interactions of unlike atoms by geometric means of σ and of ε.

OpenMM's `NonbondedForce` takes the mean of σ (Lorentz, Berthelot); OPLS takes geometric means of
both: Jorgensen, Maxwell, Tirado-Rives, J. Am. Chem. Soc. 118, 11225 (1996).
"""

import math
from typing import Literal
from xml.etree import ElementTree

import openmm
from openmm import unit

from meanforce.errors import InputError

ATTRIBUTE = "combining_rule"
"""Of a file's root; OpenMM ignores it."""

RULES = {"geometric": "geometric", "lorentz": "lorentz_berthelot"}
"""Values of the attribute, as in foyer's files."""

ENERGY = "a1*a2*x*x - b1*b2*x; x = 1/(r2*r2*r2); r2 = r*r"
"""4ε((σ/r)¹² − (σ/r)⁶) with ε = √(ε₁ε₂), σ = √(σ₁σ₂) is a product of the atoms' own parameters
a = 2√ε σ⁶ and b = 2√ε σ³, so that no table of types has to be looked up for each pair."""

Mixing = Literal["lorentz_berthelot", "geometric"]


def mixing_of(files: list[str], chosen: Mixing | None) -> Mixing:
    """The rule that the user chose, or else that of the force field files.

    Args:
        files: of the force field; only the user's own can have the attribute.
        chosen: by the user, or None.

    Raises:
        InputError: files have different rules, or one that is not known.
    """
    if chosen is not None:
        return chosen
    found: dict[str, str] = {}
    for name in files:
        given = _attribute(name)
        if given is not None and given not in RULES:
            raise InputError(
                f"force_field: '{name}' has {ATTRIBUTE}=\"{given}\"; allowed: {', '.join(RULES)}"
            )
        if given is not None:
            found[RULES[given]] = name
    if len(found) > 1:
        raise InputError(
            "force_field: "
            + " and ".join(f"'{name}' ({rule})" for rule, name in found.items())
            + " mix Lennard-Jones parameters of unlike atoms differently; give 'mixing'"
        )
    return next(iter(found), "lorentz_berthelot")


def _attribute(name: str) -> str | None:
    """The attribute of a file of the user; None where it is missing or the file cannot be read."""
    try:
        root = ElementTree.parse(name).getroot()  # noqa: S314  # OpenMM reads it the same way
    except (ElementTree.ParseError, OSError, ValueError, LookupError):
        # Files that OpenMM ships are not found here; `force_field.check` reports all others.
        return None
    return root.get(ATTRIBUTE)


def refuse_geometric(files: list[str], kind: str) -> None:
    """Refuse force field files whose rule a kind of system does not apply.

    Args:
        files: of the force field.
        kind: of the system, for the message.

    Raises:
        InputError: names the file and the kind that applies its rule.
    """
    for name in files:
        if mixing_of([name], None) == "geometric":
            raise InputError(
                f"force_field: '{name}' needs geometric means of Lennard-Jones parameters, which "
                f"the kind '{kind}' does not apply; use the kind 'liquid'"
            )


def with_geometric_mixing(system: openmm.System, long_range_correction: bool) -> None:
    """Replace the mixing of a system's Lennard-Jones interactions, in place.

    Pairs with parameters of their own, those of 1-4 neighbours, stay in the `NonbondedForce`; their
    ε, already scaled, is the same for both rules.

    Args:
        system: parametrised by OpenMM, in a periodic box.
        long_range_correction: for the interactions beyond the cutoff.

    Raises:
        InputError: its Lennard-Jones interactions are not all in one `NonbondedForce`.
    """
    forces = [one for one in system.getForces() if isinstance(one, openmm.NonbondedForce)]
    others = [one for one in system.getForces() if isinstance(one, openmm.CustomNonbondedForce)]
    if len(forces) != 1 or others:
        raise InputError(
            "mixing: 'geometric' needs a force field whose Lennard-Jones parameters are all in "
            "<NonbondedForce>; this one has interactions of pairs in other elements"
        )
    (plain,) = forces
    pairs = openmm.CustomNonbondedForce(ENERGY)
    pairs.setName("geometric Lennard-Jones")
    pairs.addPerParticleParameter("a")
    pairs.addPerParticleParameter("b")
    pairs.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    pairs.setCutoffDistance(plain.getCutoffDistance())
    pairs.setUseSwitchingFunction(plain.getUseSwitchingFunction())
    if plain.getUseSwitchingFunction():
        pairs.setSwitchingDistance(plain.getSwitchingDistance())
    pairs.setUseLongRangeCorrection(long_range_correction)
    sigmas = []
    for index in range(plain.getNumParticles()):
        charge, sigma, epsilon = plain.getParticleParameters(index)
        s = sigma.value_in_unit(unit.nanometer)
        root = 2.0 * math.sqrt(epsilon.value_in_unit(unit.kilojoule_per_mole))
        pairs.addParticle([root * s**6, root * s**3])
        plain.setParticleParameters(index, charge, sigma, 0.0)
        sigmas.append(s)
    for index in range(plain.getNumExceptions()):
        one, other, charge, _, epsilon = plain.getExceptionParameters(index)
        mixed = math.sqrt(sigmas[one] * sigmas[other])
        plain.setExceptionParameters(index, one, other, charge, mixed, epsilon)
        pairs.addExclusion(one, other)
    plain.setUseDispersionCorrection(False)
    system.addForce(pairs)
