"""What distinguishes the methods that share the loop of CG runs."""

from typing import Protocol

import numpy as np
import torch

from meanforce.fitting.iterative.iterate import Row
from meanforce.fitting.iterative.moments import Features
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.turn import Turn
from meanforce.potentials.linear import LinearPotential


class Method(Protocol):
    """Gives the updates of a potential's coefficients (of a network, its weights).

    Args:
        problem: what does not change from iteration to iteration.
    """

    def __init__(self, problem: Problem) -> None: ...

    @staticmethod
    def features(potential: LinearPotential) -> Features | None:
        """Quantities whose moments the method needs beside the histograms.

        Args:
            potential: in double precision.
        """

    def columns(self, observed: list[Observed]) -> Row:
        """Numbers of an iteration, for the table of the progress, beside the distances.

        Args:
            observed: in the CG run at each state point.
        """

    def off(self, row: Row) -> float:
        """How far an iterate is from its goal besides the distances; 1 and less is at the goal.

        Args:
            row: numbers of the iteration, those of `columns` included.
        """

    def errors(self, observed: list[Observed]) -> dict[str, torch.Tensor]:
        """Tensors behind the errors of the coefficients; empty where there are none.

        Args:
            observed: in the CG run at each state point, of a fit that has reached its goal.
        """

    def update(self, observed: list[Observed], turn: Turn) -> np.ndarray:
        """Change of the coefficients at full step.

        Args:
            observed: in the CG run at each state point.
            turn: where the fit is.

        Returns:
            shape (forms · K,), in kJ/mol where the potential is linear in them.
        """


class ByDistances:
    """Base of methods that look at nothing but histograms, and end when these are their targets."""

    @staticmethod
    def features(potential: LinearPotential) -> None:
        """Histograms are enough."""

    def columns(self, observed: list[Observed]) -> Row:
        """None."""
        return {}

    def off(self, row: Row) -> float:
        """The distances are all."""
        return 0.0

    def errors(self, observed: list[Observed]) -> dict[str, torch.Tensor]:
        """None."""
        return {}
