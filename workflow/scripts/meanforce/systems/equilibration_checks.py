"""Is a system equilibrated? Temperature and density, with their statistical errors.

Errors come from the scatter of time blocks (Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989)),
with Student's quantile: a good run fails once in 10⁵, even without the allowances.
"""

import itertools
import math

import numpy as np
from scipy.special import stdtrit

from meanforce.core.cell import reciprocal
from meanforce.errors import InputError

BLOCKS = 20
FALSE_ALARM = 1e-5

EVAPORATED = 0.6
"""Part of the first density that is left when a liquid is called a vapour."""

GRAMS_PER_CM3 = 1.66053906660e-3
"""g/cm³ in u/nm³ (CODATA 2018)."""

UNEVEN = 0.2
"""Least amplitude of a density wave, in units of the mean density, in a box with liquid and vapour:
where a third of it is a round hole, it is 0.22, where a third is a slab, 0.41."""

WAVES = np.array([n for n in itertools.product((-1, 0, 1), repeat=3) if n > (0, 0, 0)])
"""The longest waves that fit a box, of each direction and its opposite one only one."""


def check_temperature(temperatures: np.ndarray, target: float, allowance: float) -> None:
    """Refuse a mean temperature that is not the thermostat's.

    The allowance is for the error of the kinetic energy that grows with the square of the time
    step: in rigid water about 0.2 % at 2 fs and 0.7 % at 4 fs, with the configurations right.

    Args:
        temperatures: kinetic temperatures in K at equal times, shape (n,).
        target: temperature of the thermostat, K.
        allowance: relative difference that is allowed beyond the statistical error.

    Raises:
        InputError: with the figures.
    """
    mean, error = _block_mean(temperatures, BLOCKS)
    allowed = allowance * target + _quantile(BLOCKS - 1) * error
    if not abs(mean - target) <= allowed:
        raise InputError(
            f"equilibration: the mean temperature of the last phase is {mean:.1f} ± {error:.1f} K, "
            f"but the thermostat's is {target:g} K (allowed: a difference of {allowed:.1f} K); "
            "a longer 'nvt_final' or a smaller 'time_step' may help"
        )


def settled_density(densities: np.ndarray, allowance: float) -> float:
    """Mean density of the second half of a run at constant pressure.

    Args:
        densities: g/cm³ at equal times of the whole run, shape (n,).
        allowance: relative difference of the halves of this second half that is allowed beyond
            the statistical error, and the largest relative standard error of the mean.

    Returns:
        g/cm³.

    Raises:
        InputError: the system evaporates, the density still drifts, or the error of its mean is
            too large; with the figures.
    """
    second = np.array_split(np.asarray(densities), 2)[1]
    quarters = np.array_split(second, 2)
    (early, early_error), (late, late_error) = (_block_mean(part, BLOCKS // 2) for part in quarters)
    mean, error = 0.5 * (early + late), 0.5 * math.hypot(early_error, late_error)
    allowed = allowance * mean + _quantile(BLOCKS - 3) * _error_beside_drift(quarters)
    if late < EVAPORATED * densities[0]:
        raise InputError(
            f"equilibration: the density fell from {densities[0]:.4f} to {late:.4f} g/cm³ in "
            "'npt', as of a liquid that evaporates; the force field does not hold a liquid at this "
            "temperature and pressure: give a lower temperature, a higher pressure, or 'npt: null' "
            "to keep the given density"
        )
    if not abs(late - early) <= allowed:
        raise InputError(
            f"equilibration: the density still drifts, from {early:.4f} ± {early_error:.4f} to "
            f"{late:.4f} ± {late_error:.4f} g/cm³ between the third and the fourth quarter of "
            f"'npt' (allowed: a difference of {allowed:.4f} g/cm³); give a longer 'npt'"
        )
    if not error <= allowance * mean:
        raise InputError(
            f"equilibration: the error of the mean density is too large: {mean:.4f} ± {error:.4f} "
            f"g/cm³ (allowed: an error of {allowance * mean:.4f} g/cm³); give a longer 'npt'"
        )
    return mean


def check_even_density(
    positions: np.ndarray, masses: np.ndarray, owner: np.ndarray, box: np.ndarray
) -> None:
    """Refuse a box in which the density is far from even, as of a liquid beside its vapour.

    That of a wave vector k is |Σ m exp(ik·r)|/Σm. For molecules at random places its square,
    divided by Σm²/(Σm)² over molecules, is distributed exponentially with mean 1 (the structure
    factor of an ideal gas); in a liquid it is less. See Hansen, McDonald, Theory of Simple Liquids.

    Args:
        positions: nm, shape (n_atoms, 3).
        masses: u, shape (n_atoms,).
        owner: number of the molecule of each atom, shape (n_atoms,).
        box: periodic box vectors, nm, shape (3, 3).

    Raises:
        InputError: the longest waves are too strong, with the figures.
    """
    total = masses.sum()
    phases = 2.0 * np.pi * (positions @ reciprocal(box).T) @ WAVES.T
    amplitude = float(np.abs(masses @ np.exp(1j * phases)).max() / total)
    by_chance = float((np.bincount(owner, weights=masses) ** 2).sum()) / total**2
    if amplitude > UNEVEN and amplitude**2 > by_chance * math.log(len(WAVES) / FALSE_ALARM):
        density = total / abs(np.linalg.det(box)) * GRAMS_PER_CM3
        raise InputError(
            f"equilibration: at {density:.4f} g/cm³ the box is partly empty (its longest density "
            f"wave has {amplitude:.0%} of the mean density; allowed are {UNEVEN:.0%}): the force "
            "field does not hold this density in one phase at this temperature; give another "
            "density or temperature, or let 'npt' find the density"
        )


def _block_mean(values: np.ndarray, blocks: int) -> tuple[float, float]:
    """Mean and its standard error from the scatter of time blocks."""
    means = np.array([part.mean() for part in np.array_split(np.asarray(values), blocks)])
    return float(means.mean()), float(means.std(ddof=1) / math.sqrt(blocks))


def _error_beside_drift(halves: list[np.ndarray]) -> float:
    """Standard error of the difference of two means, from blocks.

    What both halves have of one common slope is not noise: else a steady drift would hide itself.
    """
    blocks = np.array(
        [[part.mean() for part in np.array_split(half, BLOCKS // 2)] for half in halves]
    )
    times = np.arange(BLOCKS // 2) - 0.5 * (BLOCKS // 2 - 1)
    blocks -= blocks.mean(axis=1, keepdims=True)
    slope = (blocks * times).sum() / (2 * (times**2).sum())
    variance = ((blocks - slope * times) ** 2).sum() / (BLOCKS - 3)
    return math.sqrt(variance * 2 / (BLOCKS // 2))


def _quantile(degrees_of_freedom: int) -> float:
    # Of Student's t; scipy.stats would take half a second to import.
    return -float(stdtrit(degrees_of_freedom, FALSE_ALARM / 2))
