"""Campaign kind `replica_exchange`: temperature replica exchange by OpenMM's own sampler."""

import random
from collections.abc import Iterator

import numpy as np
import openmm
from openmm import app, unit

from meanforce.sampling.dynamics import Dynamics, Frame, box_of, seed_of_copy
from meanforce.sampling.task import Host, Task
from meanforce.sampling.walkers import check_energies
from meanforce.systems.platform import choose_platform, made_on, platform_properties
from meanforce.systems.prepared import degrees_of_freedom
from meanforce.units import BOLTZMANN


class Exchange(Dynamics):
    """Copies at several temperatures that exchange them; frames of all levels are stored.

    At every instant frames are ordered by level, the coldest first.

    Args:
        task: the job; its temperature is that of the coldest level.
        host: what the job runs on.
    """

    # One context serves all copies in turn, and its random numbers with it.
    divisible = False
    has_levels = True

    def __init__(self, task: Task, host: Host) -> None:
        campaign, temperature, seed = task.campaign, task.temperature, task.seed
        prepared = host.prepared
        self._system, self._seed = prepared.system, seed
        self._temperatures = np.array(campaign.temperatures(temperature))
        self.copies = campaign.levels
        self.degrees_of_freedom = degrees_of_freedom(prepared.system)
        self.period = max(1, round(campaign.exchange_every / campaign.time_step))
        self.platform = choose_platform(
            host.platform or campaign.platform,
            prepared.system,
            prepared.positions,
            host.threads,
        )
        self._periodic = prepared.system.usesPeriodicBoundaryConditions()
        self._ticks_to_steps = 1
        integrator = openmm.LangevinMiddleIntegrator(
            temperature, campaign.friction, campaign.time_step
        )
        integrator.setRandomNumberSeed(seed_of_copy(seed, 0))
        simulation = app.Simulation(
            prepared.topology,
            prepared.system,
            integrator,
            self.platform,
            platform_properties(self.platform, host.threads),
        )
        self._integrator, self._context = integrator, simulation.context
        self.made_on = made_on(self._context)
        self._context.setPositions(prepared.positions)
        states = [{"temperature": level * unit.kelvin} for level in self._temperatures]
        self._sampler = app.ReplicaExchangeSampler(states, simulation, self.period)
        for copy, level in enumerate(self._temperatures):
            self._context.setVelocitiesToTemperature(level, seed_of_copy(seed, copy))
            self._sampler.replicaConformation[copy] = self._conformation()
        self.levels: list[list[int]] = []

    def _conformation(self) -> openmm.State:
        return self._context.getState(
            positions=True, velocities=True, parameters=True, integratorParameters=True
        )

    def advance(self, ticks: int) -> None:
        for copy in range(self.copies):
            self._sampler.simulateReplica(copy, ticks * self._ticks_to_steps)

    def event(self, time: float) -> None:
        # At every level the potential energy is the same function.
        energies = self.potential_energies() * unit.kilojoules_per_mole
        self._sampler.replicaStateEnergy = [[energy] * self.copies for energy in energies]
        # The sampler draws from Python's generator.
        random.seed(f"{self._seed}-{len(self.levels)}")
        self._sampler.exchangeReplicas()
        self.levels.append(list(self._sampler.replicaStateIndex))

    def _load(self, copy: int) -> openmm.Context:
        self._context.setState(self._sampler.replicaConformation[copy])
        return self._context

    def _coldest(self) -> openmm.Context:
        return self._load(self._sampler.replicaStateIndex.index(0))

    def frames(self, with_forces: bool = False) -> Iterator[Frame]:
        for level, temperature in enumerate(self._temperatures.tolist()):
            copy = self._sampler.replicaStateIndex.index(level)
            state = self._load(copy).getState(
                positions=True, forces=with_forces, enforcePeriodicBox=self._periodic
            )
            positions = state.getPositions(asNumpy=True)._value
            forces = state.getForces(asNumpy=True)._value if with_forces else None
            yield Frame(copy, copy, positions, temperature=temperature, forces=forces)

    def box(self) -> np.ndarray | None:
        return box_of(self._context)

    def unbiased_forces(self) -> np.ndarray:
        return self._coldest().getState(forces=True).getForces(asNumpy=True)._value

    def potential_energies(self) -> np.ndarray:
        return np.array(
            [
                self._load(copy).getState(energy=True).getPotentialEnergy()._value
                for copy in range(self.copies)
            ]
        )

    def temperature_ratios(self) -> np.ndarray:
        # Velocities are rescaled when a copy is next stepped: until then they have the old level.
        levels = self._temperatures[self._sampler._previousReplicaStateIndex]
        kinetic = [
            self._load(copy).getState(energy=True, groups=0).getKineticEnergy()._value
            for copy in range(self.copies)
        ]
        return np.array(kinetic) * 2.0 / (self.degrees_of_freedom * BOLTZMANN * levels)

    def halve_time_step(self) -> None:
        self._ticks_to_steps = 2
        half = self._integrator.getStepSize() / 2
        self._integrator.setStepSize(half)
        for copy in range(self.copies):
            self._load(copy)
            # The loaded state may contain the old step.
            self._integrator.setStepSize(half)
            self._sampler.replicaConformation[copy] = self._conformation()

    def state(self) -> dict[str, np.ndarray]:
        arrays = {
            "energies": self.potential_energies(),
            "level_of_copy": np.array(self._sampler.replicaStateIndex),
            "level_before": np.array(self._sampler._previousReplicaStateIndex),
            "levels": np.array(self.levels, dtype=np.int16).reshape(-1, self.copies),
            "checkpoint": np.frombuffer(self._context.createCheckpoint(), np.uint8),
        }
        for copy, state in enumerate(self._sampler.replicaConformation):
            arrays[f"state_{copy}"] = np.frombuffer(
                openmm.XmlSerializer.serialize(state).encode(), np.uint8
            )
        return arrays

    def restore(self, arrays: dict[str, np.ndarray], fresh: int | None = None) -> None:
        if fresh is None:
            self._context.loadCheckpoint(arrays["checkpoint"].tobytes())
        else:
            self._integrator.setRandomNumberSeed(seed_of_copy(self._seed + fresh, 0))
            self._context.reinitialize()
        for copy in range(self.copies):
            self._sampler.replicaConformation[copy] = openmm.XmlSerializer.deserialize(
                arrays[f"state_{copy}"].tobytes().decode()
            )
        self._sampler.replicaStateIndex = arrays["level_of_copy"].tolist()
        self._sampler._previousReplicaStateIndex = arrays["level_before"].tolist()
        self.levels = arrays["levels"].tolist()
        check_energies(arrays["energies"], self.potential_energies(), self._system, self.platform)

    def record(self) -> dict[str, np.ndarray]:
        return {
            "exchange_temperatures": self._temperatures,
            "exchange_levels": np.array(self.levels, dtype=np.int16).reshape(-1, self.copies),
        }

    def summary(self, frames: np.ndarray) -> list[str]:
        return exchange_statistics(np.array(self.levels).reshape(-1, self.copies), self.copies)


def exchange_statistics(levels: np.ndarray, n_levels: int) -> list[str]:
    """Lines about how copies move between levels.

    Args:
        levels: level of each copy after each attempt, shape (n_attempts, n_levels).
        n_levels: number of levels.
    """
    moved = float((np.diff(levels, axis=0) != 0).mean()) if len(levels) > 1 else 0.0
    trips = sum(round_trips(column, n_levels) for column in levels.T)
    lines = [
        f"exchange: {100 * moved:.0f} % of copies change their level at an attempt, "
        f"{trips} round trips between the coldest and the hottest level"
    ]
    if trips == 0:
        lines.append(
            "exchange: no copy went from the coldest level to the hottest and back; sample "
            "longer, or use more levels"
        )
    return lines


def round_trips(levels: np.ndarray, n_levels: int) -> int:
    """How often one copy went from the lowest to the highest level and back."""
    ends = levels[(levels == 0) | (levels == n_levels - 1)]
    turns = int((np.diff(ends) != 0).sum())
    return turns // 2


def dynamics(task: Task, host: Host) -> Exchange:
    """Dynamics of a job."""
    return Exchange(task, host)
