"""Weights of atoms in bead positions, and masses of beads."""

from collections.abc import Sequence

import mdtraj
import numpy as np

from meanforce.errors import InputError
from meanforce.mapping.graph import Graph
from meanforce.settings.mappings import Weights

LEAST_CHARGE = 1e-6
"""Sum of a bead's |charges| below which they give no position, e."""


def element_masses(topology: mdtraj.Topology) -> np.ndarray:
    """Masses of the elements in u, shape (n_atoms,); at least 1 u.

    A topology has no others; `systems.masses` gives those of a parametrised system.
    """
    return np.array([max(float(atom.element.mass), 1.0) for atom in topology.atoms])


def bead_weights(
    weights: Weights,
    name: str,
    atoms: Sequence[int],
    masses: np.ndarray,
    charges: np.ndarray | None,
    where: str,
) -> np.ndarray:
    """Weights of a bead's atoms in its position, shape (n,), 1 in sum.

    By mass c_i = m_i/Σm, by geometry 1/n, by charge |q_i|/Σ|q|, or as given; 1 for a single atom.

    Args:
        weights: a kind, or bead name: numbers.
        name: of the bead.
        atoms: indices of its atoms.
        masses: of all atoms, u.
        charges: of all atoms, e, or None where the system has none.
        where: config key, for messages.

    Raises:
        InputError: there are no charges, or those of a bead are zero; weights are missing, or their
            number is not that of the atoms.
    """
    if len(atoms) == 1 and not isinstance(weights, dict):
        return np.ones(1)
    if isinstance(weights, dict):
        row = np.array(_given(weights.get(name), name, len(atoms), where))
    elif weights == "mass":
        row = masses[list(atoms)]
    elif weights == "geometry":
        row = np.ones(len(atoms))
    elif charges is None:
        raise InputError(
            f"{where}.weights: 'charge' is given, but the system has no charges; allowed are "
            "'mass', 'geometry' or numbers"
        )
    else:
        row = np.abs(charges[list(atoms)])
        if row.sum() < LEAST_CHARGE:
            raise InputError(
                f"{where}.weights: 'charge' gives bead '{name}' no position, because the |charges| "
                f"of its atoms sum to {row.sum():.3g} e; use 'mass', 'geometry' or numbers"
            )
    return row / row.sum()


def _given(row: list[float] | None, name: str, n_atoms: int, where: str) -> list[float]:
    if row is None and n_atoms > 1:
        raise InputError(
            f"{where}.weights: there are none for bead '{name}', which has {n_atoms} atoms"
        )
    row = [1.0] if row is None else row
    if len(row) != n_atoms:
        raise InputError(
            f"{where}.weights: {len(row)} given for bead '{name}', which takes {n_atoms}"
        )
    return row


def bead_masses(
    kind: str,
    atoms: Sequence[Sequence[int]],
    weights: Sequence[Sequence[float]],
    masses: np.ndarray,
    topology: mdtraj.Topology,
    graph: Graph,
) -> np.ndarray:
    """Masses of beads, u, shape (n_beads,).

    ``sum``: over the bead's atoms, and the hydrogens bonded to them that are in no bead.

    ``consistent``: M_I = (Σ_i c_Ii²/m_i)⁻¹ over the bead's atoms. Velocities V_I = Σ c_Ii v_i of
    mapped atoms have the variance kT/M_I along each axis, so that with these masses a CG model
    has the momenta of the mapped atomistic one; Noid et al., J. Chem. Phys. 128, 244114 (2008).
    That holds without constraints, and where no atom is in two beads. With weights by mass it is
    the sum over the bead's own atoms.

    Args:
        kind: ``sum`` or ``consistent``.
        atoms: of each bead.
        weights: of these atoms.
        masses: of all atoms, u.
        topology: of the molecule.
        graph: of the molecule.
    """
    if kind == "consistent":
        return np.array(
            [
                1.0 / (np.array(row) ** 2 / masses[list(members)]).sum()
                for members, row in zip(atoms, weights, strict=True)
            ]
        )
    taken = {atom for members in atoms for atom in members}
    total = []
    for members in atoms:
        bonded = {i for atom in members for i in graph[atom]} - taken
        hydrogens = [i for i in bonded if topology.atom(i).element.symbol == "H"]
        total.append(masses[[*members, *sorted(hydrogens)]].sum())
    return np.array(total)
