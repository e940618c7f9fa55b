"""Metric `compressibility`: isothermal compressibility κ, from fluctuations of the density.

At constant volume and number of molecules the volume does not fluctuate, but the density of parts
of the box does. The structure factors of the molecules' centres of mass at the shortest wave
vectors k = 2π·(n₁b₁ + n₂b₂ + n₃b₃) of the box are continued to k = 0. With S_ab(k) = ⟨ρ_a(k)
ρ_b(−k)⟩/√(N_a N_b) of molecules of kinds a and b, and x_a = N_a/N,

    1/(ρ kT κ) = lim_{k→0} y(k),    y(k) = Σ_ab √(x_a x_b) [S⁻¹(k)]_ab,

by Kirkwood, Buff, J. Chem. Phys. 19, 774 (1951); for one kind y = 1/S, and ρ kT κ = S(0). The
integrals of g(r) − 1 hold the same, but with errors of the order of 1/N from the number of
molecules being fixed, and with tails beyond half of the box; S(k) at k ≠ 0 has neither. y(k) = 1 −
ρc(k) for one kind, with the direct correlation function c, whose range is short, so that y is
nearly linear in k² (Ornstein and Zernike): a straight line in k² is fitted through the shells of
`SHELLS`, by least squares, each shell counting by its number of vectors. c reaches as far as the
molecules: where the box is too small for that, there is no metric (`LARGEST`).

That κ is −(∂V/∂P)/V of the model if its potential does not depend on the volume; it follows from
the structure, so a model with the right g(r) has the right κ, whatever its pressure.
"""

import itertools

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.chain_dimensions import extents
from meanforce.analysis.molecules import centres_of, in_boxes, volumes
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.analysis.samples import Sample
from meanforce.core.cell import reciprocal
from meanforce.core.molecules import Molecules
from meanforce.core.pressure import BAR
from meanforce.statistics.resampling import DRAWS, resampled_means
from meanforce.units import kt

SHELLS = 6
"""Largest n₁² + n₂² + n₃² of the wave vectors in a cube; in other boxes, vectors as short."""

LARGEST = 1.5
"""Largest wave number times radius of gyration, root mean square, of molecules of three beads or
more. A melt of C24H50 with 3.0 was given 13/GPa; liquid alkanes have 1 to 2."""

TERMS = 10**8
"""Molecules times wave vectors that are evaluated, over all frames."""

CHUNK = 2 * 10**6
"""The same, at once."""

GIGAPASCAL = 1e4 * BAR


def rows(comparison: Comparison) -> list[Row]:
    """κ of model and reference, 1/GPa, and the error.

    None for one molecule, without a box, or where molecules are large for the box.
    """
    sides = comparison.samples
    if not in_boxes(*sides.values()) or any(map(_molecules_too_large, sides.values())):
        return []
    found = [
        _estimate(comparison, sample, comparison.stream("compressibility", name))
        for name, sample in sides.items()
    ]
    if not all(np.isfinite(one.value) and np.isfinite(one.noise.stderr) for one in found):
        return []
    model, *others = found
    quantity = Quantity("compressibility", Group.THERMODYNAMICS, "1/GPa")
    return compared(quantity, model, others[0] if others else None)


def _molecules_too_large(sample: Sample) -> bool:
    radii = extents(sample).get("radius_of_gyration")
    if radii is None:
        return False
    box = sample.boxes(np.arange(1)).reshape(3, 3)
    waves = 2 * np.pi * np.linalg.norm(wave_vectors(box) @ reciprocal(box), axis=1)
    return waves.max() * np.sqrt(np.square(radii, dtype=float).mean()) > LARGEST


def _estimate(comparison: Comparison, sample: Sample, rng: np.random.Generator) -> Estimate:
    vectors = wave_vectors(sample.boxes(np.arange(1)).reshape(3, 3))
    parts = Molecules.of(sample.molecule)
    frames = sample.some(max(4 * sample.n_units, TERMS // (parts.count * len(vectors))))
    factors, squares = structure_factors(sample, frames, vectors)
    shape = factors.shape[1:]
    sums = sample.sums_by_unit(frames, factors.reshape(len(frames), -1))
    draws = resampled_means(sums, DRAWS, rng).reshape(DRAWS, *shape)
    total = sums.sum(axis=0)
    mean = (total[:-1] / total[-1]).reshape(shape)
    volume = float(np.mean(volumes(sample, frames)))
    shares = np.bincount(parts.kinds) / parts.count
    scale = volume / (parts.count * kt(comparison.temperature)) * GIGAPASCAL
    value = scale * compressibility(mean[None], squares, shares)[0]
    spread = scale * compressibility(draws, squares, shares)
    training = comparison.training_error([])
    return Estimate(float(value), Comparison.noise_of(sample, spread), training)


def wave_vectors(box: np.ndarray) -> np.ndarray:
    """Whole numbers (n₁, n₂, n₃) of the shortest wave vectors, one of k and −k, shape (m, 3)."""
    inverse = reciprocal(box)
    shortest = np.linalg.norm(inverse, axis=1).min()
    limit = np.sqrt(SHELLS + 1e-6) * shortest
    # |n·b| ≥ |n_i| over the length of the box vector a_i.
    reach = np.floor(limit * np.linalg.norm(box, axis=1)).astype(int)
    half = [n for n in itertools.product(*(range(-r, r + 1) for r in reach)) if n > (0, 0, 0)]
    vectors = np.array(half)
    return vectors[np.linalg.norm(vectors @ inverse, axis=1) <= limit]


def structure_factors(
    sample: Sample, frames: np.ndarray, vectors: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """S_ab of each wave vector and frame, and the squares of the wave vectors.

    Args:
        sample: several molecules in a box.
        frames: numbers of frames.
        vectors: whole numbers, shape (m, 3).

    Returns:
        shape (n_frames, m, n_kinds, n_kinds), and 1/nm², shape (m,), mean over frames.
    """
    parts = Molecules.of(sample.molecule)
    n_kinds, found, squares = int(parts.kinds.max()) + 1, [], 0.0
    counts = np.bincount(parts.kinds)
    pieces = max(1, len(frames) * parts.count * len(vectors) // CHUNK)
    for some in np.array_split(frames, min(len(frames), pieces)):
        inverse = np.broadcast_to(reciprocal(sample.boxes(some)), (len(some), 3, 3))
        waves = 2 * np.pi * np.einsum("mk,nkx->nmx", vectors, inverse)
        phases = np.einsum("nmx,nix->nmi", waves, centres_of(sample, some), optimize=True)
        density = np.empty((len(some), len(vectors), n_kinds), dtype=complex)
        for kind in range(n_kinds):
            own = phases[:, :, parts.kinds == kind]
            density[:, :, kind] = np.cos(own).sum(axis=2) + 1j * np.sin(own).sum(axis=2)
        density /= np.sqrt(counts)
        found.append((density[..., :, None] * density[..., None, :].conj()).real)
        squares = squares + (waves**2).sum(axis=2).sum(axis=0)
    return np.concatenate(found), squares / len(frames)


def compressibility(factors: np.ndarray, squares: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """ρ kT κ from mean structure factors.

    Args:
        factors: shape (n_draws, m, n_kinds, n_kinds).
        squares: k², 1/nm², shape (m,).
        shares: x_a of each kind, shape (n_kinds,).

    Returns:
        shape (n_draws,); NaN where a factor is singular.
    """
    shells, owner = np.unique(np.round(squares / squares.min(), 6), return_inverse=True)
    counts = np.bincount(owner)
    means = np.zeros((len(factors), len(shells), *factors.shape[2:]))
    for shell in range(len(shells)):
        means[:, shell] = factors[:, owner == shell].mean(axis=1)
    roots = np.sqrt(shares)
    try:
        y = np.einsum("a,dsab,b->ds", roots, np.linalg.inv(means), roots)
    except np.linalg.LinAlgError:
        return np.full(len(factors), np.nan)
    if len(shells) < 2:
        return 1 / y[:, 0]
    x = shells - (counts * shells).sum() / counts.sum()
    slope = (y * counts * x).sum(axis=1) / (counts * x**2).sum()
    middle = (y * counts).sum(axis=1) / counts.sum()
    return 1 / (middle - slope * (counts * shells).sum() / counts.sum())
