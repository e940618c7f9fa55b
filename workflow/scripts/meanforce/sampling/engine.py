"""The stepping loop of the stage `sample`."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openmm
from openmm import unit

from meanforce.data.trajectory import TrajectoryWriter
from meanforce.errors import InputError
from meanforce.sampling.bias import Bias
from meanforce.sampling.platform import choose_platform, platform_properties
from meanforce.settings.campaigns import Campaign
from meanforce.systems.prepared import Prepared
from meanforce.units import BOLTZMANN

CHECKED_FRAMES = 200
"""In-run unbiased forces are stored for about this many frames, to check the recomputed ones."""

LOGGED_LINES = 100


@dataclasses.dataclass(frozen=True)
class Schedule:
    """A campaign's times as whole numbers of steps."""

    equilibration: int
    burn_in: int
    frames: int
    steps_per_frame: int

    @classmethod
    def of(cls, campaign: Campaign) -> "Schedule":
        """Round the campaign's times to its time step."""

        def steps(duration: float) -> int:
            return round(duration / campaign.time_step)

        burn_in = steps(getattr(campaign, "burn_in", 0.0))
        per_frame = max(1, steps(campaign.stride))
        return cls(
            equilibration=steps(campaign.equilibration),
            burn_in=burn_in,
            frames=(steps(campaign.length) - burn_in) // per_frame,
            steps_per_frame=per_frame,
        )


class Engine:
    """Langevin dynamics of one replica under a bias.

    BAOAB-type splitting of OpenMM's `LangevinMiddleIntegrator`; Zhang et al., J. Phys. Chem. A
    123, 6056 (2019).
    """

    def __init__(
        self,
        prepared: Prepared,
        campaign: Campaign,
        bias: Bias,
        temperature: float,
        seed: int,
        threads: int,
    ) -> None:
        self._campaign, self._bias, self._prepared = campaign, bias, prepared
        self._temperature = temperature
        bias.add_to(prepared.system)
        self._unbiased_groups = set(range(32)) - {bias.group}
        self.platform = choose_platform(
            campaign.platform, prepared.system, prepared.positions, threads
        )
        self._integrator = openmm.LangevinMiddleIntegrator(
            temperature, campaign.friction, campaign.time_step
        )
        self._integrator.setRandomNumberSeed(seed + 1)
        self._context = openmm.Context(
            prepared.system,
            self._integrator,
            self.platform,
            platform_properties(self.platform, threads),
        )
        self._context.setPositions(prepared.positions)
        self._context.setVelocitiesToTemperature(temperature, seed + 1)
        self._update_every = bias.steps_between_updates(campaign.time_step)
        self._step = 0
        self._degrees_of_freedom = _degrees_of_freedom(prepared.system)

    def run(self, trajectory: Path, log: Path, report: Callable[[str], None]) -> None:
        """Equilibrate, let the bias burn in, and store frames.

        Args:
            trajectory: HDF5 file to write.
            log: CSV file to write.
            report: called with a line of progress now and then.

        Raises:
            InputError: the run became unstable.
        """
        schedule = Schedule.of(self._campaign)
        # Neither counted nor biased by hills: the bias's clock starts after it.
        self._integrator.step(schedule.equilibration)
        self._advance(schedule.burn_in)
        every_check = max(1, schedule.frames // CHECKED_FRAMES)
        every_line = max(1, schedule.frames // LOGGED_LINES)
        started = time.perf_counter()
        with (
            TrajectoryWriter(trajectory, self._prepared.topology) as writer,
            log.open("w") as table,
        ):
            table.write("time_ps,potential_energy_kj_mol,bias_kj_mol,temperature_k,ns_per_day\n")
            for frame in range(schedule.frames):
                self._advance(schedule.steps_per_frame)
                bias = self._store(writer, with_forces=frame % every_check == 0)
                if (frame + 1) % every_line == 0:
                    self._log(table, bias, frame + 1, schedule, started, report)
            for name, values in self._bias.record().items():
                writer.store(name, values)
            writer.store_attributes(
                platform=self.platform.getName(),
                temperature=self._temperature,
                time_step=self._campaign.time_step,
                campaign=self._campaign.kind,
            )

    def _advance(self, steps: int) -> None:
        """Steps with the bias's updates at multiples of its interval."""
        if self._update_every is None:
            self._integrator.step(steps)
            self._step += steps
            return
        end = self._step + steps
        while self._step < end:
            until_update = self._update_every - self._step % self._update_every
            chunk = min(end - self._step, until_update)
            self._integrator.step(chunk)
            self._step += chunk
            if self._step % self._update_every == 0:
                self._bias.update(self._context, self._step * self._campaign.time_step)

    def _store(self, writer: TrajectoryWriter, with_forces: bool) -> float:
        context = self._context
        positions = context.getState(positions=True).getPositions(asNumpy=True)._value
        if not np.isfinite(positions).all():
            raise InputError(
                f"the run became unstable at step {self._step}; a smaller time_step may help "
                f"(given {self._campaign.time_step * 1000:g} fs)"
            )
        energy = 0.0
        if self._bias.group is not None:
            energy = context.getState(energy=True, groups={self._bias.group})
            energy = energy.getPotentialEnergy()._value
        forces = None
        if with_forces:
            state = context.getState(forces=True, groups=self._unbiased_groups)
            forces = state.getForces(asNumpy=True)._value
        writer.append(
            positions,
            self._step * self._campaign.time_step,
            energy,
            energy - self._bias.offset() if self._bias.group is not None else 0.0,
            forces,
        )
        return energy

    def _log(self, table, bias: float, frame: int, schedule: Schedule, started, report) -> None:
        state = self._context.getState(energy=True)
        kinetic = state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole)
        temperature = 2.0 * kinetic / (self._degrees_of_freedom * BOLTZMANN)
        potential = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        elapsed = time.perf_counter() - started
        sampled = frame * schedule.steps_per_frame * self._campaign.time_step
        speed = sampled / 1000.0 / elapsed * 86400.0
        table.write(
            f"{self._step * self._campaign.time_step:.6g},{potential:.6f},{bias:.6f},"
            f"{temperature:.2f},{speed:.1f}\n"
        )
        if frame * 10 % schedule.frames < max(1, schedule.frames // LOGGED_LINES) * 10:
            left = elapsed / frame * (schedule.frames - frame)
            report(
                f"{100 * frame / schedule.frames:.0f} %  {speed:.0f} ns/day on "
                f"{self.platform.getName()}  {left:.0f} s left"
            )


def _degrees_of_freedom(system: openmm.System) -> int:
    massive = sum(system.getParticleMass(i)._value > 0 for i in range(system.getNumParticles()))
    removed = any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())
    return 3 * massive - system.getNumConstraints() - 3 * removed
