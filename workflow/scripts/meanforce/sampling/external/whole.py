"""Molecules of imported frames, made whole where a periodic box has cut them.

Programs write atoms inside the box, or molecules in pieces. OpenMM looks for the nearest images of
neither bonded atoms nor, in Ewald sums, excluded ones: forces recomputed from pieces are wrong, by
orders of magnitude for flexible molecules and by some percent for rigid water.
"""

import mdtraj
import openmm

from meanforce.mapping.graph import neighbours
from meanforce.mapping.unwrap import BondTree, tree_of_graph


def whole_tree(topology: mdtraj.Topology, system: openmm.System) -> BondTree:
    """Trees of all atoms, along bonds, constraints, and from virtual sites to their atoms.

    Args:
        topology: of the system's atoms, with bonds.
        system: with the constraints and virtual sites.
    """
    graph = [set(bonded) for bonded in neighbours(topology)]

    def join(one: int, other: int) -> None:
        graph[one].add(other)
        graph[other].add(one)

    for number in range(system.getNumConstraints()):
        join(*system.getConstraintParameters(number)[:2])
    for atom in range(system.getNumParticles()):
        if system.isVirtualSite(atom):
            join(atom, system.getVirtualSite(atom).getParticle(0))
    every = [[atom] for atom in range(system.getNumParticles())]
    return tree_of_graph(every, [tuple(sorted(bonded)) for bonded in graph])
