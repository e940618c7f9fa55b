"""Direct Boltzmann inversion: −kT ln g of each distribution, from which fits may start."""

import numpy as np
import torch

from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.projection import project
from meanforce.fitting.iterative.states import State
from meanforce.units import kt

HALF = 0.5
"""Added to counts whose logarithm is taken."""


def direct_inversion(problem: Problem) -> np.ndarray:
    """−kT ln g of the targets, up to a constant of each curve; kJ/mol, shape (forms · K,)."""
    return problem.combined([_of_state(problem, state) for state in problem.states])


def _of_state(problem: Problem, state: State) -> np.ndarray:
    potential, histograms, parts = problem.blank.to(torch.float64), problem.histograms, []
    for number, (bins, part) in enumerate(zip(histograms.bins, histograms.parts, strict=True)):
        n, ideal = state.target.number[part], histograms.ideal(number)
        weights = np.where(ideal > 0, n, 0.0)
        values = np.log(np.where(ideal > 0, ideal, 1.0)) - np.log(n + HALF)
        parts.append(project(potential, number, bins, values, weights, order=2))
    return kt(state.temperature) * np.concatenate(parts)
