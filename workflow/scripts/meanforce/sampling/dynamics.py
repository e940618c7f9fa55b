"""What the engine needs from the copies of a system that a job runs."""

import abc
import dataclasses
from collections.abc import Iterator

import numpy as np
import openmm


@dataclasses.dataclass(frozen=True)
class Frame:
    """One copy at one instant.

    Attributes:
        copy: number of the copy.
        walker: number under which its frames are stored: its own, or that of its window.
        positions: nm, shape (n_atoms, 3).
        bias_energy: kJ/mol.
        log_weight: of the unbiased ensemble, up to a constant.
        variables: values of the biased collective variables, nm or rad.
        temperature: of its thermostat, K, if copies have different ones.
        forces: without the bias, kJ/mol/nm, shape (n_atoms, 3), if they were asked for.
    """

    copy: int
    walker: int
    positions: np.ndarray
    bias_energy: float = 0.0
    log_weight: float = 0.0
    variables: tuple[float, ...] = ()
    temperature: float | None = None
    forces: np.ndarray | None = None


class Dynamics(abc.ABC):
    """Copies of a system that advance together.

    Attributes:
        platform: the one on which they run.
        made_on: version and device, on which an exact restart depends.
        copies: how many there are.
        degrees_of_freedom: of one copy.
        n_variables: biased collective variables.
        has_levels: whether copies have temperatures of their own; their frames come in the same
            order of temperatures each time.
        period: ticks between events of the campaign's kind (hills, exchanges), or None.
        divisible: whether steps may be taken in any number of parts with bitwise equal results.
    """

    platform: openmm.Platform
    made_on: str
    copies: int
    degrees_of_freedom: int
    n_variables: int = 0
    has_levels: bool = False
    period: int | None = None
    divisible: bool = True

    @abc.abstractmethod
    def advance(self, ticks: int) -> None:
        """Step all copies; may raise `openmm.OpenMMException` where they explode."""

    @abc.abstractmethod
    def frames(self, with_forces: bool = False) -> Iterator[Frame]:
        """The frames of this instant that belong in the trajectory.

        Forces are evaluated for it: OpenMM drops those that the step before was made with, and
        they are of other positions. The next step evaluates them again, with the bias.
        """

    @abc.abstractmethod
    def box(self) -> np.ndarray | None:
        """Periodic box vectors in nm, shape (3, 3), the same for all copies; None without."""

    @abc.abstractmethod
    def unbiased_forces(self) -> np.ndarray:
        """Unbiased forces on the first of these frames, kJ/mol/nm, shape (n_atoms, 3)."""

    def bias_forces(self) -> np.ndarray:
        """Forces of the bias alone on the same frame, kJ/mol/nm, shape (n_atoms, 3).

        Only where there are biased collective variables.
        """
        raise NotImplementedError("nothing is biased")

    @abc.abstractmethod
    def potential_energies(self) -> np.ndarray:
        """Energies of all copies with their biases, kJ/mol, shape (copies,)."""

    @abc.abstractmethod
    def temperature_ratios(self) -> np.ndarray:
        """Instantaneous kinetic over target temperature of all copies, shape (copies,)."""

    @abc.abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """All that a restart needs."""

    @abc.abstractmethod
    def restore(self, arrays: dict[str, np.ndarray], fresh: int | None = None) -> None:
        """Go back to a state.

        Args:
            arrays: from `state`.
            fresh: None: random numbers continue too. Otherwise only the state that all versions and
                devices can read is restored, and this number seeds new random numbers: if the
                earlier ones were repeated, copies of a path would converge.
        """

    @abc.abstractmethod
    def halve_time_step(self) -> None:
        """From now on a tick is two steps of half the length."""

    def pull(self, fraction: float) -> None:
        """Move the bias of each copy by a fraction of its way from the start; 1: it arrives."""
        return

    def event(self, time: float) -> None:
        """What happens every `period`; `time` in ps since equilibration."""
        raise NotImplementedError("no events without a period")

    def wants_bundle(self, time: float) -> bool:
        """Whether the campaign's kind needs a restart bundle now."""
        return False

    def bundle_written(self) -> None:
        """Called when a restart bundle with the present state is in place."""
        return

    def record(self) -> dict[str, np.ndarray]:
        """Arrays that describe the campaign, stored with the trajectory."""
        return {}

    def summary(self, frames: np.ndarray) -> list[str]:
        """Lines for the log when the run is complete; `frames` are records without positions."""
        return []


def seed_of_copy(seed: int, copy: int) -> int:
    """Seed in [1, 2³¹) of one copy; OpenMM takes 0 for "any"."""
    return (seed + 7919 * copy) % (2**31 - 2) + 1


def box_of(context: openmm.Context) -> np.ndarray | None:
    """Periodic box vectors of a context in nm, shape (3, 3), or None."""
    if not context.getSystem().usesPeriodicBoundaryConditions():
        return None
    return context.getState().getPeriodicBoxVectors(asNumpy=True)._value
