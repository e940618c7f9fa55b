"""What distinguishes the methods that share the loop of CG runs."""

from typing import Protocol

import numpy as np

from meanforce.fitting.iterative.moments import Features
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.potentials.linear import LinearPotential


class Method(Protocol):
    """Gives the updates of a potential that is linear in its coefficients.

    Args:
        problem: what does not change from iteration to iteration.
    """

    def __init__(self, problem: Problem) -> None: ...

    @staticmethod
    def features(potential: LinearPotential) -> Features | None:
        """Functions whose moments the method needs beside the histograms.

        Args:
            potential: in double precision.
        """

    def update(self, observed: list[Observed], iteration: int) -> np.ndarray:
        """Change of the coefficients at full step.

        Args:
            observed: in the CG run at each state point.
            iteration: number of CG runs at each state point before.

        Returns:
            kJ/mol, shape (forms · K,).
        """
