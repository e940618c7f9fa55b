"""The turn of a method in an iteration: where the fit is, and what lasts from turn to turn."""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from meanforce.fitting.iterative.iterate import Row

Memory = dict[str, np.ndarray]
"""What a method keeps from turn to turn, as a restart bundle has it."""


@dataclasses.dataclass
class Turn:
    """What an update may depend on besides the CG runs.

    Attributes:
        iteration: number of CG runs at each state point before.
        coefficients: of the potential that was run, shape (K,).
        device: where the fit computes.
        row: numbers of the iteration, for the table of its progress; the method may add some.
        memory: of the turn before; the method puts there what the next one is to have. It is empty
            in the first turn, and after the fit has gone back to an earlier iterate.
        pause: makes a restart bundle if it is time for one, in which `memory` is what the given
            function returns; a later process then begins this turn with it.
        differences: of all distributions from their targets; in each term the sum of their squares
            is its squared distance, shape (n,).
        terms: number of the term to which each belongs, shape (n,).
        floors: distance of each term that is noise, shape (n_terms,).
    """

    iteration: int
    coefficients: np.ndarray
    device: torch.device
    row: Row
    memory: Memory
    pause: Callable[[Callable[[], Memory]], None]
    differences: np.ndarray
    terms: np.ndarray
    floors: np.ndarray
