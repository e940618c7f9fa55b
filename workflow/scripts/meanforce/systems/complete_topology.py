"""Topologies without bonds or with equal names, completed from the forces of their system.

Test systems describe simple molecules by elements alone: two atoms N in a residue, argon atoms that
a bond of the force field joins. Mappings need names that differ, and bonds.
"""

import collections
import re
from collections.abc import Sequence

import numpy as np
import openmm
from openmm import app

from meanforce.errors import InputError

OTHER_CHARACTERS = re.compile(r"[^A-Za-z0-9_]")
"""Characters that names of beads cannot have, such as the sign of an ion."""


def completed(topology: app.Topology, system: openmm.System) -> app.Topology:
    """A topology whose atoms have unique names in each residue, and with the missing bonds.

    Residues of several atoms without any bond get those of the system's forces, or else of its
    constraints. Single-atom residues of one name that are bonded to each other become one residue,
    called by the name and the number of atoms.

    Args:
        topology: of all particles of the system, in their order.
        system: whose forces and constraints join them.

    Raises:
        InputError: particles and atoms differ in number.
    """
    atoms = list(topology.atoms())
    if len(atoms) != system.getNumParticles():
        raise InputError(
            f"topology: has {len(atoms)} atoms, but the system {system.getNumParticles()} particles"
        )
    bonds = [(bond[0].index, bond[1].index) for bond in topology.bonds()]
    new = app.Topology()
    new.setPeriodicBoxVectors(topology.getPeriodicBoxVectors())
    placed: list[app.topology.Atom] = []
    for number, chain in enumerate(topology.chains()):
        own = new.addChain(chain.id.strip() or _letters(number))
        for members in _residues(chain, bonds):
            residue = members[0].residue
            name = OTHER_CHARACTERS.sub("", residue.name) or "UNK"
            if len({atom.residue.index for atom in members}) > 1:
                name += str(len(members))
            added = new.addResidue(name, own, residue.id, residue.insertionCode)
            for label, atom in zip(_names(members), members, strict=True):
                placed.append(new.addAtom(label, atom.element, added))
    for i, j in [*bonds, *_missing(new, bonds, system)]:
        new.addBond(placed[i], placed[j])
    return new


def _letters(number: int) -> str:
    """Name of a chain without one: A, B, …, Z, AA, …"""
    letters = ""
    while number >= 0:
        letters = chr(ord("A") + number % 26) + letters
        number = number // 26 - 1
    return letters


def _residues(
    chain: app.topology.Chain, bonds: Sequence[tuple[int, int]]
) -> list[list[app.topology.Atom]]:
    """Atoms of each residue; bonded neighbours that are single-atom residues of one name joined."""
    bonded = {frozenset(pair) for pair in bonds}
    found: list[list[app.topology.Atom]] = []
    for residue in chain.residues():
        atoms = list(residue.atoms())
        last = found[-1] if found else []
        joins = (
            len(atoms) == 1
            and last
            and frozenset((last[-1].index, atoms[0].index)) in bonded
            and all(len(list(atom.residue.atoms())) == 1 for atom in last)
            and last[-1].residue.name == residue.name
        )
        if joins:
            last += atoms
        else:
            found.append(atoms)
    return found


def _names(members: list[app.topology.Atom]) -> list[str]:
    """Names of a residue's atoms, numbered from 1 where several have the same."""
    counts = collections.Counter(atom.name for atom in members)
    numbers: dict[str, int] = collections.Counter()
    names = []
    for atom in members:
        numbers[atom.name] += 1
        names.append(atom.name if counts[atom.name] == 1 else f"{atom.name}{numbers[atom.name]}")
    return names


def _missing(
    topology: app.Topology, bonds: Sequence[tuple[int, int]], system: openmm.System
) -> list[tuple[int, int]]:
    """Bonds of residues whose atoms nothing joins: of the forces, or else of the constraints."""
    residue = np.array([atom.residue.index for atom in topology.atoms()])
    has_bond = np.zeros(residue.max() + 1, dtype=bool)
    for pair in bonds:
        has_bond[residue[list(pair)]] = True
    found: list[tuple[int, int]] = []
    for pairs in (pairs_of_forces(system), pairs_of_constraints(system)):
        new = {
            (min(i, j), max(i, j))
            for i, j in pairs
            if residue[i] == residue[j] and not has_bond[residue[i]]
        }
        found += sorted(new)
        for i, _ in new:
            has_bond[residue[i]] = True
    return found


def pairs_of_forces(system: openmm.System) -> list[tuple[int, int]]:
    """Pairs of particles that bonds of a system's forces join."""
    kinds = (openmm.HarmonicBondForce, openmm.CustomBondForce)
    return [
        tuple(force.getBondParameters(number)[:2])
        for force in system.getForces()
        if isinstance(force, kinds)
        for number in range(force.getNumBonds())
    ]


def pairs_of_constraints(system: openmm.System) -> list[tuple[int, int]]:
    """Pairs of particles at a fixed distance."""
    return [
        tuple(system.getConstraintParameters(number)[:2])
        for number in range(system.getNumConstraints())
    ]
