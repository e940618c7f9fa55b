"""Rotations of parts of a molecule about its bonds, and what forces must satisfy along them.

The part beyond a bond turns about it by v_I = e × (R_I − R_k), which changes the torsion φ by one
radian for a radian, and has ∇·v = 0. With any factor g(φ), integration by parts gives

    −⟨g(φ) τ⟩ = kT ⟨g′(φ)⟩,    τ = e·Σ_I (R_I − R_k) × F_I,

the torque of the forces about the bond; here g is the sine and the cosine. A torsion equilibrates
within a basin long before it crosses barriers, so that this needs no converged populations. A
dilation leaves torsions as they are, so that these, and not the virial, show whether forces contain
a bias along φ and ψ.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np

from meanforce.core.topology import Topology, components

MOST = 40
"""Most torsions of a molecule that are checked."""


@dataclasses.dataclass(frozen=True, eq=False)
class Rotation:
    """The rotation of a part of a molecule about a bond.

    Attributes:
        torsion: four beads, the bond in the middle.
        turned: beads beyond the bond, shape (n,).
    """

    torsion: tuple[int, int, int, int]
    turned: np.ndarray


def rotations(topology: Topology) -> list[Rotation]:
    """One for each bond that is in no ring and has bonds on either side, at most `MOST`, evenly."""
    first = {}
    for torsion in topology.dihedrals:
        bond = tuple(sorted(torsion[1:3]))
        first.setdefault(bond, torsion)
    places = np.unique(np.linspace(0, len(first) - 1, min(MOST, len(first))).astype(int))
    found = []
    for torsion in (list(first.values())[place] for place in places):
        middle = set(torsion[1:3])
        others = [pair for pair in topology.bonds if set(pair) != middle]
        parts = components(others, topology.size)
        if parts[torsion[1]] != parts[torsion[2]]:
            found.append(Rotation(torsion, np.flatnonzero(parts == parts[torsion[2]])))
    return found


def balances(
    about: Sequence[Rotation], positions: np.ndarray, forces: np.ndarray, kT: float
) -> np.ndarray:
    """g(φ) τ + kT g′(φ) of each frame, whose means vanish; for sine and cosine of each torsion.

    Args:
        about: rotations.
        positions: nm, shape (n, n_beads, 3).
        forces: kJ/mol/nm, of the same shape.
        kT: kJ/mol; 0 for forces of a bias, whose part is g τ alone.

    Returns:
        kJ/mol, float64, shape (n, 2 · n_rotations).
    """
    positions, forces = positions.astype(np.float64), forces.astype(np.float64)
    columns = []
    for rotation in about:
        i, j, k, last = rotation.torsion
        along = positions[:, k] - positions[:, j]
        axis = along / np.linalg.norm(along, axis=1, keepdims=True)
        arms = positions[:, rotation.turned] - positions[:, [k]]
        torque = (np.cross(arms, forces[:, rotation.turned]).sum(axis=1) * axis).sum(axis=1)
        before = np.cross(positions[:, j] - positions[:, i], axis)
        after = np.cross(axis, positions[:, last] - positions[:, k])
        sine = (np.cross(before, after) * axis).sum(axis=1)
        cosine = (before * after).sum(axis=1)
        size = np.hypot(sine, cosine)
        sine, cosine = sine / size, cosine / size
        columns += [sine * torque + kT * cosine, cosine * torque - kT * sine]
    return np.stack(columns, axis=1)
