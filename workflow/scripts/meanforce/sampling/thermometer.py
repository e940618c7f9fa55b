"""Does a stretch of dynamics have its thermostat's temperature?"""

import dataclasses
import math

import numpy as np
from scipy.special import chdtri

from meanforce.errors import InputError

SIGMAS = 6.0
"""Standard errors that a mean may be off: false alarm 2e-9 for a Gaussian."""

ALLOWANCE = 0.05
"""Relative error on top of it, of kinetic energies at a finite time step."""


class Unstable(Exception):
    """The dynamics exploded."""


@dataclasses.dataclass
class Thermometer:
    """Mean kinetic temperature, relative to the thermostat's, since a process started.

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
        # A kinetic energy that equilibrium shows once in 1e15 samples, and twice that.
        self._limit = 2.0 * float(chdtri(self.degrees_of_freedom, 1e-15)) / self.degrees_of_freedom

    def add(self, ratios: np.ndarray) -> None:
        """Add a sample: instantaneous over target temperature of each copy.

        Raises:
            Unstable: a kinetic energy is not finite, or far outside of equilibrium.
        """
        highest = float(np.max(ratios))
        if not highest < self._limit:
            raise Unstable(f"its kinetic temperature rose to {highest:.3g} times the thermostat's")
        self.total += float(np.mean(ratios))
        self.count += 1

    @property
    def mean(self) -> float:
        """Mean ratio of temperatures; 1 before the first sample."""
        return self.total / self.count if self.count else 1.0

    @property
    def error(self) -> float:
        """Its standard error: a kinetic energy forgets itself within about 1/γ."""
        independent = self.copies * (1.0 + self.count * min(1.0, self.interval * self.friction))
        return math.sqrt(2.0 / (self.degrees_of_freedom * independent))

    def check(self, temperature: float) -> None:
        """Compare with the thermostat's temperature in K.

        Raises:
            InputError: the mean is off by more than chance allows.
        """
        allowed = SIGMAS * self.error + ALLOWANCE
        if abs(self.mean - 1.0) > allowed:
            raise InputError(
                f"the run since its last start has {self.mean * temperature:.0f} K, but its "
                f"thermostat {temperature:g} K (allowed ± {allowed * temperature:.0f} K); its "
                "restart or its time step is wrong, so that nothing of it was kept"
            )
