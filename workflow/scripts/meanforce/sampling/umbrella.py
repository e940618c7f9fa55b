"""Campaign kind `umbrella`: harmonic windows, one for each copy of the system."""

import math

import numpy as np
import openmm

from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable, bias_force, values_in
from meanforce.sampling.task import Host, Task
from meanforce.sampling.walkers import Walkers
from meanforce.units import kt

FAR = 2.0
"""Widths √(kT/k) from its centre within which a window must have a frame; else a warning."""

NAMED = 10
"""Most windows that are named in warnings."""


class Windows(Bias):
    """V = Σ_d ½k_d(s_d − c_d)² with different centres for every copy.

    Restraint forces of openmmtools are for one distance between two groups of atoms; these are for
    any collective variables of beads, periodic ones among them.

    All copies start from one structure. Before equilibration the centre of each moves evenly from
    the structure's s to c, along the shorter way where s is periodic, and takes the copy along.

    Args:
        centers: of all windows of the campaign, shape (n_windows, n_variables), nm or rad.
        chosen: windows of this job.
        force_constants: k_d in kJ/mol/nm² or kJ/mol/rad².
        variables: the collective variables, in order.
        temperature: K.
        pulled: whether centres start where the copies are; otherwise they start in their places.
    """

    def __init__(
        self,
        centers: np.ndarray,
        chosen: list[int],
        force_constants: list[float],
        variables: tuple[Variable, ...],
        temperature: float,
        pulled: bool,
    ) -> None:
        self._centers, self._chosen, self._pulled = centers, chosen, pulled
        self._force_constants, self.variables = force_constants, variables
        self._temperature = temperature
        self._starts = centers[chosen].astype(float)
        self._now = self._starts.copy()

    def force(self) -> openmm.CustomCVForce:
        terms, helpers = [], []
        for number, (variable, k) in enumerate(
            zip(self.variables, self._force_constants, strict=True)
        ):
            terms.append(f"{0.5 * k!r}*d{number}^2")
            difference = f"abs(s{number}-center{number})"
            if variable.periodic:
                helpers.append(f"d{number}=min({difference}, {2 * np.pi!r}-{difference})")
            else:
                helpers.append(f"d{number}={difference}")
        force = bias_force("; ".join(["+".join(terms), *helpers]), self.variables)
        for number in range(len(self.variables)):
            force.addGlobalParameter(f"center{number}", 0.0)
        return force

    def walker(self, copy: int) -> int:
        return self._chosen[copy]

    def begin(self, context: openmm.Context, copy: int) -> None:
        if self._pulled:
            self._starts[copy] = values_in(self.added, context, self.variables)
            self._now[copy] = self._starts[copy]
        self._place(context, copy)

    def pull(self, contexts: list[openmm.Context], fraction: float) -> None:
        ends = self._centers[self._chosen]
        way = self._wrapped(ends - self._starts)
        # At the end, centres are exact, without rounding.
        self._now = ends.copy() if fraction >= 1.0 else self._starts + fraction * way
        for copy, context in enumerate(contexts):
            self._place(context, copy)

    def _place(self, context: openmm.Context, copy: int) -> None:
        for number, value in enumerate(self._now[copy]):
            context.setParameter(f"center{number}", float(value))

    def _wrapped(self, difference: np.ndarray) -> np.ndarray:
        """Differences of values of the variables, of periodic ones in [−π, π]."""
        turns = np.round(difference / (2 * math.pi))
        return difference - 2 * math.pi * turns * np.array([v.periodic for v in self.variables])

    def state(self) -> dict[str, np.ndarray]:
        return {"starts": self._starts, "centers": self._now}

    def restore(self, arrays: dict[str, np.ndarray], contexts: list[openmm.Context]) -> None:
        self._starts, self._now = arrays["starts"].copy(), arrays["centers"].copy()
        for copy, context in enumerate(contexts):
            self._place(context, copy)

    def record(self) -> dict[str, np.ndarray]:
        return {
            "window_centers": self._centers,
            "window_force_constants": np.array(self._force_constants),
            "window_periodic": np.array([v.periodic for v in self.variables], dtype=np.int8),
        }

    def summary(self, frames: np.ndarray) -> list[str]:
        """Warnings about windows without a frame near the centre.

        Distances are in widths √(kT/k), as a root mean square over the variables: for the frames of
        a purely harmonic window it is 1. A slope of the free energy shifts them, by F'/√(k kT)
        widths; but a window without a frame within 2 widths has sampled another region.
        """
        lines = []
        for window in self._chosen:
            own = frames["variables"][frames["walker"] == window]
            distance = self._wrapped(own - self._centers[window]) ** 2 * self._force_constants
            widths = np.sqrt(distance.mean(axis=1) / kt(self._temperature))
            if len(widths) and widths.min() > FAR:
                center = ", ".join(f"{value:.4g}" for value in self._centers[window])
                lines.append(
                    f"warning: window {window} at ({center}) never reached its centre: its frames "
                    f"are {widths.mean():.1f} widths √(kT/k) from it, the closest "
                    f"{widths.min():.1f}; pull longer, use a larger force_constant, or leave out "
                    "the window"
                )
        if len(lines) > NAMED:
            lines[NAMED:] = [f"warning: the same of {len(lines) - NAMED} further windows"]
        return lines


def dynamics(task: Task, host: Host) -> Walkers:
    """Dynamics of a job, one copy for each of its windows."""
    campaign = task.campaign
    windows = Windows(
        np.array(campaign.windows()),
        campaign.windows_of(task.job),
        campaign.force_constant,
        tuple(task.variables.values()),
        task.temperature,
        campaign.pull > 0,
    )
    return Walkers(task, windows, host)
