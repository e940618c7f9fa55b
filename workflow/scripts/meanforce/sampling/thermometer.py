"""Does a stretch of dynamics have its thermostat's temperature?"""

import dataclasses
import math

import numpy as np
from scipy.special import chdtri

from meanforce.errors import InputError

TAIL = 1e-9
"""Probability of a mean beyond each bound, if equilibrium has the fewest possible independent
samples."""

ALLOWANCE = 0.05
"""Additional relative error of kinetic energies at a finite time step."""


class Unstable(Exception):
    """The dynamics exploded."""


@dataclasses.dataclass
class Thermometer:
    """Mean kinetic temperature, relative to the thermostat's, since a process started.

    A mean of n samples of a velocity squared is a sum Σ λ_j z_j² of independent Gaussians with
    Σ λ_j = 1. Velocities under friction γ correlate at most as e^{−γt}, whose spectrum bounds every
    λ_j by 1/m, m = n·tanh(γΔt/2). The generating function of the sum is convex in the λ_j, so that
    its Chernoff bounds are at most those of χ²_m/m: they hold for few samples and for few degrees
    of freedom too, where a mean is far from Gaussian.

    Args:
        degrees_of_freedom: of one copy.
        copies: copies of the system.
        interval: time between samples, ps.
        friction: of the thermostat, 1/ps.
    """

    degrees_of_freedom: int
    copies: int
    interval: float
    friction: float
    total: float = 0.0
    count: int = 0

    def __post_init__(self) -> None:
        # Twice the kinetic energy that equilibrium exceeds once in 1e15 samples.
        self._limit = 2.0 * float(chdtri(self.degrees_of_freedom, 1e-15)) / self.degrees_of_freedom

    def add(self, ratios: np.ndarray) -> None:
        """Add a sample: instantaneous over target temperature of each copy.

        Raises:
            Unstable: a kinetic energy is not finite, or far outside of equilibrium.
        """
        self.look(ratios)
        self.total += float(np.mean(ratios))
        self.count += 1

    def look(self, ratios: np.ndarray) -> None:
        """Check a sample without adding it.

        Raises:
            Unstable: a kinetic energy is not finite, or far outside of equilibrium.
        """
        highest = float(np.max(ratios))
        if not np.isfinite(highest):
            raise Unstable("its kinetic energy is not finite")
        if not highest < self._limit:
            raise Unstable(f"its kinetic temperature rose to {highest:.3g} times the thermostat's")

    @property
    def mean(self) -> float:
        """Mean ratio of temperatures; 1 before the first sample."""
        return self.total / self.count if self.count else 1.0

    def bounds(self) -> tuple[float, float]:
        """Lowest and highest mean that chance and a finite time step allow."""
        independent = max(1.0, self.count * math.tanh(0.5 * self.interval * self.friction))
        n = self.degrees_of_freedom * self.copies * independent
        low, high = float(chdtri(n, 1.0 - TAIL)), float(chdtri(n, TAIL))
        return low / n - ALLOWANCE, high / n + ALLOWANCE

    def check(self, temperature: float) -> None:
        """Compare with the thermostat's temperature in K.

        Raises:
            InputError: the mean is off by more than chance allows.
        """
        low, high = self.bounds()
        if not low < self.mean < high:
            raise InputError(
                f"the mean temperature since the run's last start is {self.mean * temperature:.0f} "
                f"K, but the thermostat's is {temperature:g} K (allowed: "
                f"{max(0.0, low) * temperature:.0f} to {high * temperature:.0f} K); the restart or "
                "the time step is wrong, and nothing since then was kept"
            )
