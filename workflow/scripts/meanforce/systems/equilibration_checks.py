"""Is a system equilibrated? Temperature and density, with their statistical errors.

Errors come from the scatter of time blocks (Flyvbjerg, Petersen, J. Chem. Phys. 91, 461 (1989)),
with Student's quantile: a good run fails once in 10⁵, even without the allowances.
"""

import math

import numpy as np
from scipy.special import stdtrit

from meanforce.errors import InputError

BLOCKS = 20
FALSE_ALARM = 1e-5


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
        InputError: the density still drifts, or the error of its mean is too large; with the
            figures.
    """
    second = np.array_split(np.asarray(densities), 2)[1]
    (early, early_error), (late, late_error) = (
        _block_mean(part, BLOCKS // 2) for part in np.array_split(second, 2)
    )
    mean, error = 0.5 * (early + late), 0.5 * math.hypot(early_error, late_error)
    allowed = allowance * mean + _quantile(BLOCKS - 2) * 2.0 * error
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


def _block_mean(values: np.ndarray, blocks: int) -> tuple[float, float]:
    """Mean and its standard error from the scatter of time blocks."""
    means = np.array([part.mean() for part in np.array_split(np.asarray(values), blocks)])
    return float(means.mean()), float(means.std(ddof=1) / math.sqrt(blocks))


def _quantile(degrees_of_freedom: int) -> float:
    # Of Student's t; scipy.stats would take half a second to import.
    return -float(stdtrit(degrees_of_freedom, FALSE_ALARM / 2))
