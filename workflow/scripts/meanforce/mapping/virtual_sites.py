"""Sites without mass, such as M in four-site water: no degrees of freedom of their own.

OpenMM passes the force on such a site on to the atoms that place it, and still reports it for the
site as well. A force map that counted both would be wrong: the sites are in no bead and in no group
of atoms.
"""

import mdtraj
import numpy as np

from meanforce.errors import InputError


def virtual_sites(topology: mdtraj.Topology) -> np.ndarray:
    """Whether each atom is such a site: MDTraj gives it no element. Shape (n_atoms,).

    In a system whose atoms are beads, none has an element, and none is such a site.
    """
    found = np.array(
        [atom.element is mdtraj.element.virtual for atom in topology.atoms], dtype=bool
    )
    return found & ~found.all()


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
                raise InputError(
                    f"{where}.beads.{name}: {topology.atom(atom)} is a site without mass, whose "
                    "force is already in those on the atoms that place it; leave it out"
                )
