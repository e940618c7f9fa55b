"""Whether a mapping's force map exists, which the constraints of the system decide."""

import mdtraj
import numpy as np

from meanforce.core.beads import Beads
from meanforce.mapping.block_force_maps import MappedMolecule, refuse_no_optimal_map
from meanforce.mapping.copies import copied_molecules
from meanforce.mapping.force_maps import FORCE_MAPS, build_force_map
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.settings.mappings import MappingSettings


def refuse_impossible(
    settings: MappingSettings,
    beads: Beads,
    topology: mdtraj.Topology,
    constraints: np.ndarray,
    where: str,
) -> None:
    """Refuse a force map that would be wrong, before there are any forces.

    Args:
        settings: of the mapping.
        beads: of the mapping.
        topology: of the atoms.
        constraints: pairs of atoms at a fixed distance, shape (n, 2).
        where: config key, for messages.

    Raises:
        InputError: constrained partners would get unequal coefficients, or constraints join beads.
    """
    pairs = [(int(i), int(j)) for i, j in constraints]
    atoms = SystemAtoms.of(topology, pairs)
    molecule = MappedMolecule.of(beads, atoms, settings.solvent_groups)
    ones = [molecule]
    if beads.topology.has_copies:
        ones = [kind.one for kind in copied_molecules(molecule, atoms, where)]
    if settings.force_map in FORCE_MAPS:
        build_force_map(settings.force_map, beads, topology.n_atoms, pairs, molecule.names, where)
        return
    for one in ones:
        refuse_no_optimal_map(one, where)
