"""What distinguishes the methods that share the loop of CG runs."""

from typing import Protocol

import numpy as np

from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.states import State


class Method(Protocol):
    """Gives the update of a potential that is linear in its coefficients."""

    def update(self, state: State, observed: Observed) -> np.ndarray:
        """Change of the coefficients at one state point, at full step.

        Args:
            state: with the target.
            observed: in the CG run there.

        Returns:
            kJ/mol, shape (K,).
        """
