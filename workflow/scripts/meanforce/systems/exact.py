"""Exact results for systems whose potential of mean force has a formula or a quadrature."""

import dataclasses
from collections.abc import Callable

import numpy as np

from meanforce.settings.systems.base import ExactlySolvableSettings
from meanforce.units import kt

JACOBIANS = {"coordinate": np.ones_like, "distance": np.square}
"""Volume of configuration space at a value of a collective variable, up to a constant factor."""

AXES = ("x", "y", "z")

FINE = 20
"""Points of the midpoint rule in a bin."""


@dataclasses.dataclass(frozen=True)
class ExactPmf:
    """The potential of mean force W(s; T) of the beads that a collective variable s depends on.

    It is a function of the beads' positions, as the potential of a CG model is: the density of s
    is J(s) exp(−W/kT), with the volume J of configuration space at s (r² of a distance r).

    Attributes:
        system: settings of the system; they define the kind of s.
        pmf: W in kJ/mol, up to a constant, at s in nm, shape (n,), and a temperature in K.
        wells: lower end of the range with the first well, upper end of that with the second, nm.
        barrier: range in which the highest point between them is sought, nm.
    """

    system: type[ExactlySolvableSettings]
    pmf: Callable[[np.ndarray, float], np.ndarray]
    wells: tuple[float, float]
    barrier: tuple[float, float]

    def populations(self, edges: np.ndarray, temperature: float) -> np.ndarray:
        """Exact populations of equal bins in s, shape (n_bins,), by quadrature.

        Args:
            edges: of the bins, nm, shape (n_bins + 1,).
            temperature: K.
        """
        bins = len(edges) - 1
        fine = np.linspace(edges[0], edges[-1], FINE * bins + 1)
        middle = 0.5 * (fine[1:] + fine[:-1])
        pmf = self.pmf(middle, temperature) / kt(temperature)
        weights = JACOBIANS[self.system.exact_kind](middle) * np.exp(-(pmf - pmf.min()))
        populations = weights.reshape(bins, FINE).sum(axis=1)
        return populations / populations.sum()

    def positions(self, s: np.ndarray) -> np.ndarray:
        """Beads at given values of s: nm, shape (n, n_beads, 3), from s in nm, shape (n,).

        All but the last bead are at the origin, the last one is s away from it along an axis.
        """
        placed = np.zeros((len(s), len(self.system.exact_atoms), 3))
        placed[:, -1, AXES.index(self.system.exact_axis or "x")] = s
        return placed

    def features(self, s: np.ndarray, curve: np.ndarray) -> tuple[float, float]:
        """Second well minus first, and barrier above the first well, in the unit of a curve.

        The barrier is the highest point in its range, the wells are the lowest points on either
        side of it.

        Args:
            s: nm, ascending, shape (n,).
            curve: a PMF at s, shape (n,).
        """
        between = (s > self.barrier[0]) & (s < self.barrier[1])
        top = int(np.flatnonzero(between)[np.argmax(curve[between])])
        first = curve[(s > self.wells[0]) & (s < s[top])].min()
        second = curve[(s > s[top]) & (s < self.wells[1])].min()
        return float(second - first), float(curve[top] - first)
