"""Copies of a system under one bias, or each under its own: Langevin dynamics with OpenMM."""

from collections.abc import Iterator

import numpy as np
import openmm

from meanforce.errors import InputError
from meanforce.sampling.bias import Bias
from meanforce.sampling.dynamics import Dynamics, Frame, box_of, seed_of_copy
from meanforce.sampling.task import Host, Task
from meanforce.systems.platform import choose_platform, made_on, platform_properties
from meanforce.systems.prepared import degrees_of_freedom
from meanforce.units import BOLTZMANN, kt


class Walkers(Dynamics):
    """Langevin dynamics of copies that may share a growing bias.

    BAOAB-type splitting of OpenMM's `LangevinMiddleIntegrator`; Zhang et al., J. Phys. Chem. A
    123, 6056 (2019).

    Args:
        task: the job.
        bias: of the copies; it is added to the system.
        host: what the job runs on.
    """

    def __init__(self, task: Task, bias: Bias, host: Host) -> None:
        campaign, temperature, seed = task.campaign, task.temperature, task.seed
        prepared, copies = host.prepared, task.campaign.copies(task.job)
        self._system, self._bias, self._temperature = prepared.system, bias, temperature
        bias.add_to(prepared.system)
        self.copies, self.n_variables = copies, len(bias.variables)
        # On the Reference platform all contexts of a process draw from one random-number generator.
        self.divisible = copies == 1
        self.degrees_of_freedom = degrees_of_freedom(prepared.system)
        self.period = bias.period(campaign.time_step)
        self.platform = choose_platform(
            host.platform or campaign.platform,
            prepared.system,
            prepared.positions,
            host.threads,
            groups=bias.integrated,
        )
        self._seed = seed
        self._periodic = prepared.system.usesPeriodicBoundaryConditions()
        self._unbiased_groups = bias.integrated - {bias.group}
        self._ticks_to_steps = 1
        self._integrators, self._contexts = [], []
        for copy in range(copies):
            integrator = openmm.LangevinMiddleIntegrator(
                temperature, campaign.friction, campaign.time_step
            )
            integrator.setRandomNumberSeed(seed_of_copy(seed, copy))
            integrator.setIntegrationForceGroups(bias.integrated)
            context = openmm.Context(
                prepared.system,
                integrator,
                self.platform,
                platform_properties(self.platform, host.threads),
            )
            context.setPositions(prepared.positions)
            context.setVelocitiesToTemperature(temperature, seed_of_copy(seed, copy))
            bias.begin(context, copy)
            self._integrators.append(integrator)
            self._contexts.append(context)
        self.made_on = made_on(self._contexts[0])

    def advance(self, ticks: int) -> None:
        for integrator in self._integrators:
            integrator.step(ticks * self._ticks_to_steps)

    def pull(self, fraction: float) -> None:
        self._bias.pull(self._contexts, fraction)

    def event(self, time: float) -> None:
        self._bias.update(self._contexts, time)

    def frames(self, with_forces: bool = False) -> Iterator[Frame]:
        offset, kT = self._bias.offset(), kt(self._temperature)
        group = self._bias.group
        for copy, context in enumerate(self._contexts):
            state = context.getState(
                positions=True,
                energy=group is not None,
                groups=-1 if group is None else {group},
                enforcePeriodicBox=self._periodic,
            )
            positions = state.getPositions(asNumpy=True)._value
            forces = self._forces(context, self._unbiased_groups) if with_forces else None
            if group is None:
                yield Frame(copy, copy, positions, forces=forces)
                continue
            energy = state.getPotentialEnergy()._value
            yield Frame(
                copy,
                self._bias.walker(copy),
                positions,
                energy,
                (energy - offset) / kT,
                tuple(self._bias.values(context, energy)),
                forces=forces,
            )

    def box(self) -> np.ndarray | None:
        return box_of(self._contexts[0])

    def unbiased_forces(self) -> np.ndarray:
        return self._forces(self._contexts[0], self._unbiased_groups)

    def bias_forces(self) -> np.ndarray:
        return self._forces(self._contexts[0], {self._bias.group})

    @staticmethod
    def _forces(context: openmm.Context, groups: set[int]) -> np.ndarray:
        return context.getState(forces=True, groups=groups).getForces(asNumpy=True)._value

    def potential_energies(self) -> np.ndarray:
        return np.array(
            [c.getState(energy=True).getPotentialEnergy()._value for c in self._contexts]
        )

    def temperature_ratios(self) -> np.ndarray:
        # No force group: kinetic energies need no forces.
        kinetic = [
            c.getState(energy=True, groups=0).getKineticEnergy()._value for c in self._contexts
        ]
        return np.array(kinetic) * 2.0 / (self.degrees_of_freedom * BOLTZMANN * self._temperature)

    def halve_time_step(self) -> None:
        self._ticks_to_steps = 2
        for integrator in self._integrators:
            integrator.setStepSize(integrator.getStepSize() / 2)

    def state(self) -> dict[str, np.ndarray]:
        arrays = {f"bias_{name}": values for name, values in self._bias.state().items()}
        arrays["energies"] = self.potential_energies()
        for copy, context in enumerate(self._contexts):
            state = context.getState(positions=True, velocities=True)
            arrays[f"positions_{copy}"] = state.getPositions(asNumpy=True)._value
            arrays[f"velocities_{copy}"] = state.getVelocities(asNumpy=True)._value
            arrays[f"checkpoint_{copy}"] = np.frombuffer(context.createCheckpoint(), np.uint8)
        return arrays

    def restore(self, arrays: dict[str, np.ndarray], fresh: int | None = None) -> None:
        if fresh is not None:
            for copy, context in enumerate(self._contexts):
                self._integrators[copy].setRandomNumberSeed(seed_of_copy(self._seed + fresh, copy))
                context.reinitialize()
        prefix = "bias_"
        bias = {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}
        self._bias.restore(bias, self._contexts)
        for copy, context in enumerate(self._contexts):
            if fresh is None:
                context.loadCheckpoint(arrays[f"checkpoint_{copy}"].tobytes())
            else:
                context.setPositions(arrays[f"positions_{copy}"])
                context.setVelocities(arrays[f"velocities_{copy}"])
        check_energies(arrays["energies"], self.potential_energies(), self._system, self.platform)

    def wants_bundle(self, time: float) -> bool:
        return self._bias.wants_bundle(time)

    def bundle_written(self) -> None:
        self._bias.bundle_written(self._contexts)

    def record(self) -> dict[str, np.ndarray]:
        return self._bias.record()

    def summary(self, frames: np.ndarray) -> list[str]:
        return self._bias.summary(frames)


def check_energies(
    before: np.ndarray, after: np.ndarray, system: openmm.System, platform: openmm.Platform
) -> None:
    """Compare potential energies (kJ/mol) before and after a restart.

    Raises:
        InputError: they differ by more than the platform's rounding.
    """
    relative = 1e-9 if platform.getName() == "Reference" else 1e-4
    allowed = relative * (np.abs(before) + 10.0 * system.getNumParticles())
    if not (np.abs(after - before) <= allowed).all():
        worst = int(np.argmax(np.abs(after - before)))
        raise InputError(
            f"the restart bundle does not fit the system: a potential energy of "
            f"{before[worst]:.6f} kJ/mol became {after[worst]:.6f} kJ/mol on loading it; delete "
            "its folder to start anew"
        )
