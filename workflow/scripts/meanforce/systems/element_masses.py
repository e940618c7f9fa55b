"""Whether a system's masses and bonds are those of a structure, atom by atom.

A system of OpenMM holds no names. If atoms of its structure are in another order, every map is
wrong, and most averages are not: so masses are compared with elements, and bonds with bonds.
"""

import collections
from collections.abc import Iterable

import numpy as np
import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.systems.atom_names import label
from meanforce.systems.complete_topology import pairs_of_constraints, pairs_of_forces
from meanforce.systems.masses import particle_masses

TOLERANCE = 0.015
"""u for each atom; force fields round masses: 12.01 or 12.011, 16 or 15.9994, 1.008 or 1."""

RELATIVE = 1e-3
"""Of the mass of heavy elements, whose values differ more: zinc of 65.37 to 65.41 u."""

HYDROGEN = 1.008
"""u."""

HEAVIEST_HYDROGEN = 5.0
"""u; hydrogen mass repartitioning makes hydrogens of 3 to 4 u."""

MOST_UNITED = 4
"""Most hydrogens that are part of a united atom."""

Atom = app.topology.Atom


def refuse_other_atoms(topology: app.Topology, system: openmm.System, where: str) -> None:
    """Refuse a structure whose elements or bonds are not those of the system.

    A heavy atom and its hydrogens must have the mass of their elements together, so that mass may
    have moved between them (hydrogen mass repartitioning). A heavy atom without hydrogens may have
    the mass of a united atom. Atoms without an element, such as virtual sites, fit any mass, and so
    do heavy atoms without a mass, which are fixed in space.

    Args:
        topology: of the structure, with as many atoms as the system.
        system: with the masses.
        where: the files, for messages.

    Raises:
        InputError: names the first atom that differs.
    """
    atoms = list(topology.atoms())
    masses = particle_masses(system)
    bonds = [(first.index, second.index) for first, second in topology.bonds()]
    joined = [*pairs_of_forces(system), *pairs_of_constraints(system)]
    for atom in atoms:
        if atom.element is app.element.deuterium:
            raise InputError(
                f"structure: the atom {label(atom)} in {where} is deuterium, which is not "
                "supported, as mappings would treat it as a heavy atom; call it H, and give it the "
                "mass of hydrogen in the system"
            )
    for heavy, hydrogens in _groups(atoms, [*bonds, *joined]).items():
        _check_group(atoms[heavy], [atoms[i] for i in hydrogens], masses, where)
    _refuse_other_bonds(atoms, bonds, joined, where)


def _is_hydrogen(atom: Atom) -> bool:
    return atom.element is app.element.hydrogen


def _groups(atoms: list[Atom], bonds: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    """Hydrogens of each heavy atom with an element; a hydrogen without one is on its own.

    The first bond of a hydrogen counts: those of the structure come before those of the system.
    """
    groups = {atom.index: [] for atom in atoms if atom.element and not _is_hydrogen(atom)}
    owner: dict[int, int] = {}
    for pair in bonds:
        for hydrogen, other in (pair, pair[::-1]):
            if _is_hydrogen(atoms[hydrogen]) and other in groups:
                owner.setdefault(hydrogen, other)
    for atom in atoms:
        if _is_hydrogen(atom):
            groups.setdefault(owner.get(atom.index, atom.index), [])
            if atom.index in owner:
                groups[owner[atom.index]].append(atom.index)
    return groups


def _check_group(heavy: Atom, hydrogens: list[Atom], masses: np.ndarray, where: str) -> None:
    """Compare the masses of a heavy atom and its hydrogens with their elements."""
    own = masses[[atom.index for atom in hydrogens]]
    element = heavy.element.mass.value_in_unit(unit.dalton)
    given, wanted = masses[heavy.index] + own.sum(), element + HYDROGEN * len(own)
    if masses[heavy.index] == 0.0 and not own.any():
        return
    united = 0 if len(own) or _is_hydrogen(heavy) else MOST_UNITED
    off = np.abs(given - wanted - HYDROGEN * np.arange(united + 1)).min()
    # Sums are the same if a heavy atom and one of its hydrogens are exchanged.
    lightest, heaviest = own.min(initial=HEAVIEST_HYDROGEN), own.max(initial=0.0)
    alike = heaviest <= HEAVIEST_HYDROGEN and heaviest - lightest <= 2 * TOLERANCE
    if off <= max(TOLERANCE * (1 + len(own)), RELATIVE * element) and alike:
        return
    names = " and ".join(label(atom) for atom in (heavy, *hydrogens))
    raise InputError(
        f"structure: elements do not fit the masses in {where}: {names} should have "
        f"{wanted:.4g} u together, but the system has "
        f"{' + '.join(f'{mass:.4g}' for mass in (masses[heavy.index], *own))} u; are atoms in "
        "another order? (Hydrogens may have taken mass from their heavy atom, all of them the "
        "same, and united atoms may have that of their hydrogens; deuterium is not supported)"
    )


def _refuse_other_bonds(
    atoms: list[Atom], bonds: list[tuple[int, int]], joined: list[tuple[int, int]], where: str
) -> None:
    """Refuse bonds within a residue in whose place the system has other ones.

    Atoms of one element are told apart only by their bonds. A system may lack bonds that another
    kind of force describes, such as a learned potential, and join atoms that are not bonded.
    """
    known = {frozenset(pair) for pair in joined}
    partners = collections.Counter(i for pair in known for i in pair)
    elsewhere = {i for pair in known - {frozenset(pair) for pair in bonds} for i in pair}
    for first, second in bonds:
        pair = {first, second}
        if frozenset(pair) in known or not pair & elsewhere:
            continue
        one, other = atoms[first], atoms[second]
        if not (one.residue is other.residue and one.element and other.element):
            continue
        if partners[first] and partners[second]:
            raise InputError(
                f"structure: {label(one)} and {label(other)} are bonded in the structure, but not "
                f"in the system ({where}), where they have other bonds; are atoms in another "
                "order?"
            )
