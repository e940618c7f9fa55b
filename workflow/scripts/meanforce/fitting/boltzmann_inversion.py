"""Fitting method `boltzmann_inversion`: CG runs until all distributions are the targets."""

import functools

import numpy as np
import torch

from meanforce.fitting.iterative import pressure
from meanforce.fitting.iterative.acceleration import accelerated
from meanforce.fitting.iterative.direct import HALF
from meanforce.fitting.iterative.fit import fit_with
from meanforce.fitting.iterative.method import ByDistances
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.projection import project
from meanforce.fitting.iterative.states import State
from meanforce.fitting.iterative.turn import Turn
from meanforce.units import kt


class BoltzmannInversion(ByDistances):
    """U ← U + kT ln(g/g_target), projected on the basis of each curve.

    Reith, Pütz, Müller-Plathe, J. Comput. Chem. 24, 1624 (2003). Both distributions are counted in
    the same bins, so that volumes of shells and Jacobians drop out of their ratio. Updates of all
    curves at once are made better by those before (`acceleration`).

    Args:
        problem: what does not change from iteration to iteration.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem, self._potential = problem, problem.blank.to(torch.float64)

    def update(self, observed: list[Observed], turn: Turn) -> np.ndarray:
        """See `Method`; of all curves, or of the one whose turn it is, and the pressure's ramp."""
        problem = self._problem
        update = problem.combined(
            [self._of_state(*pair) for pair in zip(problem.states, observed, strict=True)]
        )
        if problem.settings.updates == "by_turns":
            # Updates of one curve each cannot be compared.
            update = update * problem.of_curve(turn.iteration % len(problem.blank.curves))
        else:
            update = accelerated(update, turn)
        if problem.settings.pressure is not None:
            # After it, since a ramp has a largest height, which nothing is to exceed.
            given = problem.settings.pressure, problem.states[0], observed[0], problem.histograms
            ramp = pressure.ramp(problem.blank, problem.histograms, pressure.height(*given))
            update = update + problem.combined([ramp])
        return update

    def _of_state(self, state: State, observed: Observed) -> np.ndarray:
        """kJ/mol, shape (K,); half a count more on both sides keeps the ratio finite."""
        histograms, parts = self._problem.histograms, []
        for number, (bins, part) in enumerate(zip(histograms.bins, histograms.parts, strict=True)):
            n, m = observed.counts.number[part], state.target.number[part]
            frames, of_target = observed.counts.frames, state.target.frames
            values = np.log((n + HALF) / frames) - np.log((m + HALF) / of_target)
            weights = np.where(n + m > 0, 1 / (1 / (n + HALF) + 1 / (m + HALF)), 0.0)
            parts.append(project(self._potential, number, bins, values, weights, order=1))
        return kt(state.temperature) * np.concatenate(parts)


fit = functools.partial(fit_with, BoltzmannInversion)
