"""Whether a force field has the solvent that a system needs, and no other."""

import math

import numpy as np
import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.settings.systems.solvated_peptide import SolvatedPeptideSettings
from meanforce.systems.facts import IMPLICIT, charges_of

SITES = {"tip3p": (), "spce": (), "tip4pew": ("M",), "tip5p": ("M1", "M2")}
"""Sites without mass of each water model."""

SAME_CHARGE = 1e-3
"""Difference of charges that rounding in force field files explains, e."""

MODELS = {0: "'tip3p' or 'spce'", 1: "'tip4pew'", 2: "'tip5p'"}
"""Water models by their sites without mass."""


def check_water(field: app.ForceField, settings: SolvatedPeptideSettings, charge: float) -> None:
    """Refuse a force field without parameters for the water and the ions that are added.

    Args:
        field: the force field.
        settings: of the system.
        charge: of the molecule, e.

    Raises:
        InputError: it has none for this water, or for an ion that will be added.
    """
    given, sites = settings.force_field, len(SITES[settings.water_model])
    if not _has(field, _water(sites)):
        others = [number for number in MODELS if _has(field, _water(number))]
        if others:
            raise InputError(
                f"water_model: '{settings.water_model}' has {sites} sites without mass, but the "
                f"water of 'force_field' ({', '.join(given)}) has {others[0]}; allowed: "
                f"{MODELS[others[0]]}"
            )
        raise InputError(
            f"force_field: {given} has no water, which the kind 'solvated_peptide' adds; add a "
            f"file of a water model, such as {fitting_water(given)}"
        )
    added = []
    if settings.ionic_strength > 0 or (settings.neutralise and charge < -0.5):
        added.append(settings.positive_ion)
    if settings.ionic_strength > 0 or (settings.neutralise and charge > 0.5):
        added.append(settings.negative_ion)
    for ion in added:
        if not _has(field, _ion(ion.rstrip("+-"))):
            raise InputError(
                f"force_field: {given} has no ion {ion}, which is added"
                + (f" because the molecule has a charge of {charge:+.0f} e" if charge else "")
                + "; add a file that has it, choose another ion, or set 'neutralise: false'"
            )


def fitting_water(names: list[str]) -> str:
    """A file of water that fits the family of a force field."""
    for family in ("amber14", "amber19", "charmm36"):
        if any(name.startswith(family) for name in names):
            return f"'{family}/{'water' if family == 'charmm36' else 'tip3p'}.xml'"
    return "'tip3p.xml'"


def check_implicit(system: openmm.System, names: list[str], in_a_box: bool) -> None:
    """Refuse implicit solvent twice, in a box of water, or of another force field.

    Args:
        system: of the molecule alone.
        names: of the force field files.
        in_a_box: whether water is added.

    Raises:
        InputError: see above.
    """
    found = [force for force in system.getForces() if isinstance(force, IMPLICIT)]
    files = ", ".join(names)
    if in_a_box and found:
        raise InputError(
            f"force_field: a file of {files} defines an implicit solvent, but the kind "
            "'solvated_peptide' adds explicit water; leave that file out, or use the kind 'peptide'"
        )
    if len(found) > 1:
        raise InputError(
            f"force_field: {len(found)} files of {files} define an implicit solvent, so that the "
            "molecule would be solvated more than once; leave all but one of them out"
        )
    for force in found:
        own, other = charges_of(system), _charges(force)
        if own is None or other is None:
            continue
        apart = np.abs(own - other)
        if apart.max() > SAME_CHARGE:
            atom = int(apart.argmax())
            raise InputError(
                f"force_field: the implicit solvent in {files} belongs to another force field: its "
                f"charge of atom {atom + 1} is {other[atom]:g} e, that of the force field "
                f"{own[atom]:g} e; use the file of the same family, or one of implicit/ that fits "
                "any, such as 'implicit/obc2.xml'"
            )


def _charges(force: openmm.Force) -> np.ndarray | None:
    """Charges of implicit solvent, e, shape (n_atoms,); None where it takes the force field's."""
    if not isinstance(force, openmm.GBSAOBCForce):
        return None
    numbers = range(force.getNumParticles())
    charges = [force.getParticleParameters(number)[0] for number in numbers]
    return np.array([charge.value_in_unit(unit.elementary_charge) for charge in charges])


def _has(field: app.ForceField, topology: app.Topology) -> bool:
    return not field.getUnmatchedResidues(topology)


def _water(sites: int) -> app.Topology:
    topology = app.Topology()
    residue = topology.addResidue("HOH", topology.addChain())
    oxygen = topology.addAtom("O", app.element.oxygen, residue)
    for name in ("H1", "H2"):
        hydrogen = topology.addAtom(name, app.element.hydrogen, residue)
        topology.addBond(oxygen, hydrogen)
    for number in range(sites):
        topology.addAtom(f"M{number + 1}", None, residue)
    return topology


def _ion(symbol: str) -> app.Topology:
    topology = app.Topology()
    residue = topology.addResidue(symbol.upper(), topology.addChain())
    topology.addAtom(symbol.upper(), app.Element.getBySymbol(symbol), residue)
    return topology


def net_charge(system: openmm.System) -> float:
    """Of a molecule, e; zero where the force field has no charges."""
    charges = charges_of(system)
    return 0.0 if charges is None else math.fsum(charges)
