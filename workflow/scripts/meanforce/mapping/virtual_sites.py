"""Sites without mass, such as M in four-site water: no degrees of freedom of their own.

OpenMM passes the force on such a site on to the atoms that place it, and still reports it for the
site as well. A force map that counted both would be wrong: the sites are in no bead and in no group
of atoms.
"""

import mdtraj
import numpy as np
import openmm

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.systems.masses import particle_masses


def virtual_sites(topology: mdtraj.Topology) -> np.ndarray:
    """Whether each atom is such a site: MDTraj gives it no element. Shape (n_atoms,).

    In a system whose atoms are beads, none has an element, and none is such a site.
    """
    found = np.array(
        [atom.element is mdtraj.element.virtual for atom in topology.atoms], dtype=bool
    )
    return found & ~found.all()


def atoms_without_freedom(
    topology: mdtraj.Topology, system: openmm.System, beads: Beads
) -> np.ndarray:
    """Whether each atom has no degrees of freedom that beads could follow, shape (n_atoms,).

    These are virtual sites, whatever their element, and atoms that are held in place and in no
    bead: the mean force on these is not zero.

    Args:
        topology: of the atoms.
        system: in which they move; atoms without mass are placed by others, or held in place.
        beads: of the mapping.
    """
    massless = particle_masses(system) == 0.0
    for members in beads.atoms:
        massless[list(members)] = False
    return massless | virtual_sites(topology)


def refuse_placed_atoms(
    beads: Beads, system: openmm.System, topology: mdtraj.Topology, where: str
) -> None:
    """Refuse beads with atoms that OpenMM places from others, whatever their element.

    Args:
        beads: of the mapping.
        system: in which they move.
        topology: of the atoms.
        where: config key of the mapping, for messages.

    Raises:
        InputError: names the bead and the atom.
    """
    for name, members in zip(beads.names, beads.atoms, strict=True):
        for atom in members:
            if system.isVirtualSite(atom):
                raise _refusal(f"{where}.beads.{name}", topology.atom(atom))


def _refusal(where: str, atom: object) -> InputError:
    return InputError(
        f"{where}: {atom} is a site without mass, whose force is already in those on the atoms "
        "that place it; leave it out"
    )


def refuse_virtual_sites(
    selected: dict[str, list[int]], topology: mdtraj.Topology, where: str
) -> None:
    """Refuse beads with such sites.

    Args:
        selected: atoms of each bead.
        topology: of the atoms.
        where: config key of the mapping, for messages.

    Raises:
        InputError: names the bead and the site.
    """
    virtual = virtual_sites(topology)
    for name, atoms in selected.items():
        for atom in atoms:
            if virtual[atom]:
                raise _refusal(f"{where}.beads.{name}", topology.atom(atom))
