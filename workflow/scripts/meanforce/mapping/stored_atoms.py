"""Mappings on frames that have some of a system's atoms only."""

import dataclasses

import mdtraj
import numpy as np

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.mapping.solvent import is_solvent, solute_atoms
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.settings.mappings import MappingSettings


def on_stored_atoms(
    beads: Beads, atoms: SystemAtoms, stored: np.ndarray, where: str
) -> tuple[Beads, SystemAtoms]:
    """Beads and atoms in the indices of the atoms that frames have.

    Args:
        beads: of the mapping, in the indices of the system.
        atoms: all of them.
        stored: indices of the atoms that frames have, ascending, shape (n_stored,).
        where: what to blame, such as the trajectory.

    Raises:
        InputError: a bead has an atom that frames do not have, or a molecule has copies.
    """
    refuse_missing_atoms(beads, stored, where)
    number = {int(atom): k for k, atom in enumerate(stored)}
    parts = tuple(
        dataclasses.replace(
            part,
            atoms=tuple(
                tuple(number[part.first_atoms[0] + atom] for atom in members)
                for members in part.atoms
            ),
            first_atoms=(0,),
        )
        for part in beads.parts
    )
    return Beads(parts), atoms.part(stored)


def refuse_missing_atoms(beads: Beads, stored: np.ndarray, where: str) -> None:
    """Refuse beads that need atoms which frames do not have.

    Raises:
        InputError: names a bead.
    """
    if beads.topology.has_copies:
        raise InputError(
            f"{where}: frames with the solute's atoms only serve mappings of a solute, but this "
            "mapping has several molecules of a type; allowed is 'store: all'"
        )
    known = set(np.asarray(stored).tolist())
    for name, members in zip(beads.names, beads.atoms, strict=True):
        if not known.issuperset(members):
            raise InputError(
                f"{where}: bead '{name}' has atoms of water or ions, but frames have the solute's "
                "atoms only; allowed is 'store: all'"
            )


def refuse_solute_only(
    mapping: MappingSettings, beads: Beads, topology: mdtraj.Topology, solvated: bool, where: str
) -> None:
    """Refuse a mapping that frames with the solute's atoms only cannot serve, before a run.

    Args:
        mapping: its settings.
        beads: its beads.
        topology: of the system's atoms, as far as they are known before it is prepared.
        solvated: whether water or ions may be added to them.
        where: what to blame.

    Raises:
        InputError: beads have atoms outside of the solute, or the force map needs the solvent.
    """
    refuse_missing_atoms(beads, np.array(solute_atoms(topology)), where)
    solvent = solvated or any(is_solvent(residue) for residue in topology.residues)
    if mapping.force_map == "optimal" and mapping.solvent_groups == "whole" and solvent:
        raise InputError(
            f"{where}: 'force_map: optimal' with 'solvent_groups: whole' needs the forces on all "
            "atoms; allowed are 'solvent_groups: none', another force map, or 'store: all'"
        )
