"""Metric `wasserstein_improper`: are planar centres planar, and pyramidal ones pyramidal?

The improper dihedral of a bead c with exactly three bonded neighbours i < j < k, in order of bead
numbers, is the dihedral of c, i, j, k: the angle between the planes (c, i, j) and (i, j, k), with
IUPAC's sign, as in the force fields of CHARMM and GROMACS. It is 0 where the four lie in a plane,
about ±0.6 where the bead has a fourth neighbour that is not a bead, and a mirror image has the
other sign.
"""

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.structure import (
    alike,
    coordinates_of,
    distribution,
    wasserstein_row,
)
from meanforce.analysis.rows import Quantity, Row
from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology


def rows(comparison: Comparison) -> list[Row]:
    """Mean Wasserstein-1 distance over all impropers, rad; none without a bead of three bonds."""
    model, reference = comparison.model, comparison.reference
    if reference is None:
        return []
    listed = impropers(model.molecule)
    if not listed:
        return []
    coordinates = CoordinateList(dihedrals=listed)
    ours, theirs = coordinates_of(coordinates, model), coordinates_of(coordinates, reference)
    items = [
        # Binned like dihedrals: a broken model may turn them all the way round.
        distribution("dihedral", comparison, ours[:, columns], theirs[:, columns])
        for columns in alike(model.molecule, listed)
    ]
    quantity = Quantity("wasserstein_improper", Group.STRUCTURE, "rad")
    return [wasserstein_row(comparison, quantity, items)]


def impropers(molecule: Topology) -> tuple[tuple[int, int, int, int], ...]:
    """Beads of each improper, the centre first, its neighbours in ascending order."""
    neighbours: list[list[int]] = [[] for _ in molecule.names]
    for i, j in molecule.bonds:
        neighbours[i].append(j)
        neighbours[j].append(i)
    return tuple(
        (center, *sorted(bonded)) for center, bonded in enumerate(neighbours) if len(bonded) == 3
    )
