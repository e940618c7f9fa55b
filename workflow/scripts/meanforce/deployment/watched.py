"""Evaluation of a deployed model that notices when a run leaves the training data."""

import warnings

import numpy as np

from meanforce.core.domain import Domain
from meanforce.deployment.evaluator import Evaluator
from meanforce.potentials.card import SELDOM

EVERY = 100
"""Evaluations between two that are looked at: looking takes longer than a small network."""

FIRST = 100
"""Frames that have been looked at before the first warning."""


class Watched:
    """An evaluator that warns once, as soon as more than 1 % of frames were outside.

    Args:
        evaluator: computes energies and forces.
        domain: of the training data.
        cell: periodic box vectors, nm, shape (3, 3), or None.
    """

    def __init__(
        self, evaluator: Evaluator, domain: Domain, cell: np.ndarray | None = None
    ) -> None:
        self._evaluator, self._domain, self._cell = evaluator, domain, cell
        self._calls, self._looked, self._outside, self._warned = 0, 0, 0, False

    def energy_and_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """See `Evaluator`."""
        self._calls += 1
        if not self._warned and self._calls % EVERY == 0:
            self._look(positions)
        return self._evaluator.energy_and_forces(positions)

    def _look(self, positions: np.ndarray) -> None:
        outside = self._domain.outside(positions[None], self._cell)[0]
        self._looked += 1
        self._outside += bool(outside.any())
        if self._looked >= FIRST and self._outside > SELDOM * self._looked:
            self._warned = True
            names = [name for name, out in zip(self._domain.names, outside, strict=True) if out]
            now = f"; now {', '.join(names[:3])}" if names else ""
            warnings.warn(
                f"{self._outside} of the last {self._looked} frames that were looked at lie "
                f"outside of the training data, where the model is not to be trusted{now}",
                stacklevel=2,
            )
