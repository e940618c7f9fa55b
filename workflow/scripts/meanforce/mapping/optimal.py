"""The least noisy force map with constant coefficients, fitted to forces.

Krämer, Durumeric, Charron, Chen, Clementi, Noé, J. Phys. Chem. Lett. 14, 3970 (2023): of all B
with B Mᵀ = 1 and equal coefficients on rigidly bonded atoms, whose forces have the same mean given
R, the one of least mean square carries the least noise. By groups of atoms, each bead's row b
solves a quadratic programme,

    min_b  b C bᵀ + λ s |b − a|²   with  b M̄ᵀ = e,

where C are the second moments of group forces, M̄ the sums of M over groups, and a the `aggregate`
map. With b = a + z N, N an orthonormal basis of the null space of M̄, it is the linear system
z (N C Nᵀ + λ s 1) = −a C Nᵀ, and s is the mean diagonal of N C Nᵀ.

Noise augmentation (Durumeric, Chen, Clementi et al., arXiv:2407.01286 (2024)) is the same problem
with more coordinates: R' = M r + η with Gaussian η of variance σ² is a linear map [M, 1] of (r, η),
whose forces are (f, −kT η/σ²). So B f + D (−kT η/σ²) with B Mᵀ + D = 1 has the mean force of the
density of R', and D follows from B.
"""

import dataclasses

import numpy as np
from scipy.linalg import block_diag, null_space

SHRINKAGE = np.logspace(-8, 3, 12)
"""Strengths λ to choose from, by cross-validation over time blocks."""

FEASIBLE = 1e-10
"""Largest deviation of B Mᵀ from 1."""


@dataclasses.dataclass(frozen=True)
class Programme:
    """What the rows of a force map must fulfil, by groups.

    Attributes:
        start: rows to shrink to, shape (n_beads, n_groups).
        basis: orthonormal directions in which rows may differ from them, shape (n_free, n_groups).
    """

    start: np.ndarray
    basis: np.ndarray

    def path(self, moments: np.ndarray) -> np.ndarray:
        """Best rows at each strength of `SHRINKAGE`, shape (n_strengths, n_beads, n_groups).

        Args:
            moments: C, shape (n_groups, n_groups).
        """
        values, vectors = np.linalg.eigh(self.basis @ moments @ self.basis.T)
        scale = values.mean() if len(values) else 0.0
        pull = -self.start @ moments @ self.basis.T @ vectors
        # Without any data the rows stay where they start.
        stiffness = np.maximum(values, 0.0) + SHRINKAGE[:, None] * scale + np.finfo(float).tiny
        return self.start + (pull / stiffness[:, None]) @ vectors.T @ self.basis


def programme(configuration_map: np.ndarray, start: np.ndarray | None) -> Programme | None:
    """The programme of a configuration map by groups.

    Args:
        configuration_map: M̄, shape (n_beads, n_groups).
        start: rows to shrink to; the shortest possible ones where it is None or not allowed.

    Returns:
        None where no row is allowed.
    """
    if start is None or not _allowed(configuration_map, start):
        start = np.linalg.pinv(configuration_map).T
    if not _allowed(configuration_map, start):
        return None
    return Programme(start, null_space(configuration_map).T)


def _allowed(configuration_map: np.ndarray, rows: np.ndarray) -> bool:
    identity = rows @ configuration_map.T
    return bool(np.abs(identity - np.eye(len(rows))).max() < FEASIBLE)


def squares(rows: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """b C bᵀ of rows, shape (..., n_beads); `rows` (..., n_beads, n_groups)."""
    return np.einsum("...bg,gh,...bh->...b", rows, moments, rows, optimize=True)


def cross_fitted(problem: Programme, moments: np.ndarray) -> np.ndarray:
    """Rows for each time block, fitted to the other blocks, and rows fitted to all.

    λ is chosen for each bead among `SHRINKAGE`, within the blocks of the fit: the one with the
    least mean square when each of them in turn is left out as well.

    Args:
        problem: the programme.
        moments: C of each block, shape (n_blocks, n_groups, n_groups).

    Returns:
        Shape (n_blocks + 1, n_beads, n_groups).
    """
    total, n_blocks = moments.sum(axis=0), len(moments)
    # The fit without j and k serves both choices: for j, judged on k, and for k, judged on j.
    scores = np.zeros((n_blocks + 1, len(SHRINKAGE), len(problem.start)))
    for first in range(n_blocks):
        for second in range(first):
            path = problem.path(total - moments[first] - moments[second])
            scores[first] += squares(path, moments[second])
            scores[second] += squares(path, moments[first])
    rows = np.empty((n_blocks + 1, *problem.start.shape))
    for block, out in enumerate([*moments, np.zeros_like(total)]):
        path = problem.path(total - out)
        if block < n_blocks:
            scores[-1] += squares(path, out)
        # Among equals the strongest: it is nearest to `aggregate`.
        best = len(SHRINKAGE) - 1 - np.argmin(scores[block][::-1], axis=0)
        rows[block] = path[best, np.arange(len(best))]
    return rows


def with_noise(
    configuration_map: np.ndarray, moments: np.ndarray, frames: np.ndarray, stiffness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Configuration map and moments of atoms and noise together.

    The moments of the noise are known: Σ_xyz ⟨(kT/σ²)² η ηᵀ⟩ = 3 (kT/σ)² 1, and those with the
    forces vanish. So only the forces' own are fitted.

    Args:
        configuration_map: M̄, shape (n_beads, n_groups).
        moments: C of each block, shape (n_blocks, n_groups, n_groups).
        frames: number of frames in each block.
        stiffness: kT/σ in kJ/mol/nm.
    """
    identity = np.eye(len(configuration_map))
    noise = 3.0 * stiffness**2 * identity
    extended = [block_diag(matrix, n * noise) for matrix, n in zip(moments, frames, strict=True)]
    return np.hstack([configuration_map, identity]), np.array(extended)
