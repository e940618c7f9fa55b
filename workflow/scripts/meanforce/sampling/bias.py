"""What a campaign kind adds to plain dynamics."""

import abc

import numpy as np
import openmm


class Bias(abc.ABC):
    """A bias on collective variables: one force in a group of its own, maybe growing.

    Attributes:
        group: force group of the bias; set when it is added to a system.
    """

    group: int | None = None

    @abc.abstractmethod
    def force(self) -> openmm.Force | None:
        """The biasing force, or None where nothing is biased."""

    def add_to(self, system: openmm.System) -> None:
        """Add the force to a system, in a force group that nothing else uses."""
        force = self.force()
        if force is None:
            return
        used = {other.getForceGroup() for other in system.getForces()}
        self.group = max(set(range(32)) - used)
        force.setForceGroup(self.group)
        system.addForce(force)

    def steps_between_updates(self, time_step: float) -> int | None:
        """Steps between calls of `update`; None where the bias never changes."""
        return None

    def update(self, context: openmm.Context, time: float) -> None:
        """Let the bias grow; `time` in ps."""
        raise NotImplementedError("a bias that never changes has no updates")

    def offset(self) -> float:
        """c(t) in kJ/mol: the frame's log-weight is (bias energy − c(t))/kT."""
        return 0.0

    def record(self) -> dict[str, np.ndarray]:
        """Arrays that describe the bias, stored with the trajectory."""
        return {}
