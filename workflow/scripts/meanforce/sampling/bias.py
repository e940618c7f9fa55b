"""What a campaign kind adds to plain dynamics."""

import abc

import numpy as np
import openmm

from meanforce.errors import InputError
from meanforce.sampling.collective_variables import Variable, values_in

GROUPS = 32
"""Force groups that a system can have."""


class Bias(abc.ABC):
    """A bias on collective variables: one force in its own force group, which may grow.

    Attributes:
        group: force group of the bias; set when it is added to a system.
        idle: force group of what only gives the values of the variables, and is left out of the
            dynamics; None: the bias gives them.
        variables: the biased collective variables, in order.
    """

    group: int | None = None
    idle: int | None = None
    variables: tuple[Variable, ...] = ()

    @abc.abstractmethod
    def force(self) -> openmm.Force | None:
        """The biasing force, or None if nothing is biased."""

    def watching(self) -> openmm.CustomCVForce | None:
        """A force without energy that gives the values of the variables, where the bias cannot."""
        return None

    def add_to(self, system: openmm.System) -> None:
        """Add the forces to a system, in force groups that nothing else uses.

        Raises:
            InputError: too few groups are left.
        """
        force, watching = self.force(), self.watching()
        if force is None:
            return
        self.group, self.added = _added(system, force)
        self._valued = self.added
        if watching is not None:
            self.idle, self._valued = _added(system, watching)

    @property
    def integrated(self) -> set[int]:
        """Force groups that take part in the dynamics."""
        return set(range(GROUPS)) - {self.idle}

    def values(self, context: openmm.Context, energy: float) -> np.ndarray:
        """Values of the variables, shape (n_variables,), where the bias is `energy` (kJ/mol)."""
        return values_in(self._valued, context, self.variables)

    def walker(self, copy: int) -> int:
        """Number under which the frames of a copy are stored."""
        return copy

    def begin(self, context: openmm.Context, copy: int) -> None:
        """Set the bias of one copy at its start, if copies have different ones."""
        return

    def pull(self, contexts: list[openmm.Context], fraction: float) -> None:
        """Move the biases of copies by a fraction of their way from the start; 1: they arrive."""
        return

    def period(self, time_step: float) -> int | None:
        """Ticks between updates; None where the bias never changes."""
        return None

    def update(self, contexts: list[openmm.Context], time: float) -> None:
        """Let the bias grow; `time` in ps."""
        raise NotImplementedError("a bias that never changes has no updates")

    def offset(self) -> float:
        """c(t) in kJ/mol: the log-weight of a frame is (bias energy − c(t))/kT."""
        return 0.0

    def state(self) -> dict[str, np.ndarray]:
        """The state that a restart needs."""
        return {}

    def restore(self, arrays: dict[str, np.ndarray], contexts: list[openmm.Context]) -> None:
        """Restore a state; parameters of contexts must then be set again."""
        return

    def wants_bundle(self, time: float) -> bool:
        """Whether a restart bundle is needed now."""
        return False

    def bundle_written(self, contexts: list[openmm.Context]) -> None:
        """Called when a restart bundle with the present state is in place."""
        return

    def record(self) -> dict[str, np.ndarray]:
        """Arrays that describe the bias, stored with the trajectory."""
        return {}

    def summary(self, frames: np.ndarray) -> list[str]:
        """Lines for the log when the run is complete; `frames` are records without positions."""
        return []


def _added(system: openmm.System, force: openmm.Force) -> tuple[int, openmm.Force]:
    """Add a force in a group of its own; returns the group, and the force as the system has it.

    Raises:
        InputError: no group is left.
    """
    left = set(range(GROUPS)) - {other.getForceGroup() for other in system.getForces()}
    if not left:
        raise InputError(
            f"system: its forces and the bias need more than OpenMM's {GROUPS} force groups; put "
            "forces of the system that are never asked for one by one into one group"
        )
    group = max(left)
    force.setForceGroup(group)
    system.addForce(force)
    return group, system.getForce(system.getNumForces() - 1)
