"""Autocorrelation times of the conformations in a dataset."""

import itertools
import math

import numpy as np

from meanforce.core.cell import reciprocal
from meanforce.core.invariants import invariant_features
from meanforce.core.topology import Topology
from meanforce.mapping.irreducible import FRAMES
from meanforce.statistics.autocorrelation import Correlation, correlation

SLOW = 3
"""Number of principal components of the features that stand for conformations."""


def stride_of(walkers: np.ndarray) -> int:
    """Stride that leaves enough frames, and skips no walker where walkers take turns.

    Args:
        walkers: number of each frame's walker, shape (n,).
    """
    step = max(1, -(-len(walkers) // FRAMES))
    while math.gcd(step, len(np.unique(walkers))) > 1:
        step += 1
    return step


def conformations(positions: np.ndarray, carries: np.ndarray, walkers: np.ndarray) -> Correlation:
    """Correlation of the slowest of the features' leading principal components, in frames.

    Args:
        positions: nm, in order of time for each walker, shape (n, n_beads, 3).
        carries: components that carry force, bool, shape (n_beads, 3).
        walkers: number of each frame's walker, shape (n,).
    """
    described = invariant_features(positions, carries)
    described -= described.mean(axis=0)
    _, vectors = np.linalg.eigh(described.T @ described)
    leading = (described @ vectors[:, ::-1][:, :SLOW]).T
    every = [walkers == walker for walker in np.unique(walkers)]
    found = [correlation([row[own] for own in every]) for row in leading]
    return max(found, key=lambda one: one.inefficiency)


def slow_modes_of_liquid(
    positions: np.ndarray, cell: np.ndarray | None, molecule: Topology
) -> np.ndarray:
    """What is slow where molecules of a type may change places: density modes, sizes of molecules.

    Density modes are Re ρ_a(k) ρ_b(k)* of the bead types a and b at the three longest wavelengths
    of the cell; they decay by diffusion. Sizes are squared radii of gyration, means over the
    molecules of each type.

    Args:
        positions: nm, molecules whole, shape (n, n_beads, 3).
        cell: nm, shape (n, 3, 3), or None.
        molecule: the beads.

    Returns:
        shape (n, n_modes).
    """
    positions, modes, first = positions.astype(np.float64), [], 0
    for kind, count in molecule.composition:
        last = first + kind.size * count
        own = positions[:, first:last].reshape(len(positions), count, kind.size, 3)
        if kind.size > 1:
            modes.append(own.var(axis=2).sum(axis=2).mean(axis=1))
        first = last
    if cell is not None:
        types, kinds = np.array(molecule.types), sorted(set(molecule.types))
        phases = 2j * np.pi * positions @ reciprocal(cell.astype(np.float64)).swapaxes(1, 2)
        waves = np.exp(phases)
        density = [waves[:, types == one].mean(axis=1) for one in kinds]
        for one, other in itertools.combinations_with_replacement(density, 2):
            modes += list((one * other.conj()).real.T)
    return np.stack(modes, axis=1) if modes else np.zeros((len(positions), 1))


def liquid(modes: np.ndarray, walkers: np.ndarray) -> Correlation:
    """Correlation of the slowest of the modes of `slow_modes_of_liquid`, in frames.

    Args:
        modes: in order of time for each walker, shape (n, n_modes).
        walkers: number of each frame's walker, shape (n,).
    """
    every = [walkers == walker for walker in np.unique(walkers)]
    found = [correlation([row[own] for own in every]) for row in modes.T]
    return max(found, key=lambda one: one.inefficiency)
