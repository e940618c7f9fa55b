"""The stage `equilibrate`: a system in a periodic box at the density of its state point.

Constant volume, constant pressure (Monte Carlo barostat: Chow, Ferguson, Comput. Phys. Commun. 91,
283 (1995); Åqvist et al., Chem. Phys. Lett. 384, 288 (2004)), then constant volume in a box of
the mean density. Only the second phase has a barostat.
"""

import copy
import dataclasses
import time
from collections.abc import Callable
from typing import TextIO

import numpy as np
import openmm
from openmm import unit

from meanforce.errors import InputError
from meanforce.progress import Progress, Rate
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.systems.equilibration import EquilibrationSettings
from meanforce.systems.equilibration_checks import (
    GRAMS_PER_CM3,
    check_even_density,
    check_temperature,
    settled_density,
)
from meanforce.systems.force_field import sentence
from meanforce.systems.masses import particle_masses
from meanforce.systems.platform import choose_platform, platform_properties
from meanforce.systems.prepared import Prepared, degrees_of_freedom
from meanforce.units import BOLTZMANN

SAMPLES = 200
"""About this many rows are logged for each phase."""

PHASES = ("nvt", "npt", "nvt_final")

IN_WORDS = {
    "nvt": "equilibration at constant volume",
    "npt": "equilibration at constant pressure",
    "nvt_final": "equilibration at the final volume",
}
"""Names of the phases in the log."""

STRETCH = 0.5
"""Seconds of stepping after which a job checks whether it must stop."""

HEADER = "phase,time_ps,temperature_k,density_g_cm3,potential_energy_kj_mol\n"


@dataclasses.dataclass(frozen=True)
class Bath:
    """Thermostat and barostat with which the system is equilibrated.

    Attributes:
        temperature: K.
        pressure: bar.
        seed: of all random numbers, in [0, 2³¹).
    """

    temperature: float
    pressure: float
    seed: int


class Equilibrator:
    """Runs the phases one after the other and checks the results."""

    def __init__(
        self,
        prepared: Prepared,
        settings: EquilibrationSettings,
        bath: Bath,
        threads: int,
        report: Callable[[str], None],
    ) -> None:
        self._system, self._settings, self._bath = prepared.system, settings, bath
        self._report = report
        self._start = prepared.positions
        with Progress(report).during("choosing a platform"):
            self._platform = choose_platform(
                settings.platform, prepared.system, prepared.positions, threads
            )
        self._properties = platform_properties(self._platform, threads)
        self._mass = sum(particle_masses(prepared.system))
        self._freedom = degrees_of_freedom(prepared.system)
        self._time, self._text = 0.0, ""
        self._rows: dict[str, list[list[float]]] = {}

    def run(self, table: TextIO, job: Job | None = None) -> openmm.State:
        """All phases.

        Args:
            table: CSV text to write, one row per sample; complete up to where a check fails.
            job: folder and restart bundle; without one, nothing of a run that stops is kept.

        Returns:
            positions, velocities and box at the end.

        Raises:
            InputError: a phase fails, or a check of density or temperature does.
            Stopped: the job was asked to stop.
        """
        with or_temporary(job) as self._job:
            return self._run(table)

    def _run(self, table: TextIO) -> openmm.State:
        settings, bath = self._settings, self._bath
        table.write(HEADER)
        self._table = table
        self._resumed = self._job.load()
        if self._resumed is not None:
            self._text, self._time = self._resumed.info["text"], self._resumed.info["time"]
            table.write(self._text)
        self._progress = self._new_progress()
        state, _ = self._phase("nvt", None, self._system)
        density = None
        if settings.at_pressure:
            state, rows = self._phase("npt", state, self._with_barostat())
            density = settled_density(rows[:, 1], settings.density_allowance)
            self._report(
                f"density at {bath.temperature:g} K, {bath.pressure:g} bar: {density:.4f} g/cm³"
            )
        state, rows = self._phase("nvt_final", state, self._system, density)
        check_temperature(rows[:, 0], bath.temperature, settings.temperature_allowance)
        self._check_even(state)
        self._progress.finish()
        return state

    def _check_even(self, state: openmm.State) -> None:
        """Refuse a box that is partly empty."""
        owner = np.empty(self._system.getNumParticles(), dtype=int)
        for number, atoms in enumerate(self._molecules):
            owner[list(atoms)] = number
        check_even_density(
            state.getPositions(asNumpy=True).value_in_unit(unit.nanometer),
            particle_masses(self._system),
            owner,
            state.getPeriodicBoxVectors(asNumpy=True).value_in_unit(unit.nanometer),
        )

    def _steps(self, name: str) -> tuple[int, int]:
        """Steps between samples of a phase, and steps of the phase."""
        steps = round(getattr(self._settings, name) / self._settings.time_step)
        every = max(1, steps // SAMPLES)
        return every, steps // every * every

    def _new_progress(self) -> Progress:
        """Progress of all phases in steps, from where an earlier process stopped."""
        done = 0
        if self._resumed is not None:
            done = self._before(self._resumed.info["phase"]) + self._resumed.info["done"]
        nanoseconds = self._settings.time_step / 1000.0
        rate = Rate(f"ns/day on {self._platform.getName()}", nanoseconds * 86400.0)
        return Progress(
            self._report, sum(self._steps(name)[1] for name in self._settings.phases), done, rate
        )

    def _before(self, name: str) -> int:
        """Steps of all phases before this one."""
        phases = self._settings.phases
        return sum(self._steps(other)[1] for other in phases[: phases.index(name)])

    def _with_barostat(self) -> openmm.System:
        settings, bath = self._settings, self._bath
        system = copy.deepcopy(self._system)
        every = round(settings.barostat_interval / settings.time_step)
        barostat = openmm.MonteCarloBarostat(bath.pressure, bath.temperature, every)
        barostat.setRandomNumberSeed(self._seed("barostat"))
        system.addForce(barostat)
        return system

    def _seed(self, purpose: str) -> int:
        # OpenMM would take 0 for a random seed.
        offset = ("barostat", *PHASES).index(purpose)
        return (self._bath.seed + offset) % (2**31 - 1) + 1

    def _phase(
        self,
        name: str,
        start: openmm.State | None,
        system: openmm.System,
        density: float | None = None,
    ) -> tuple[openmm.State | None, np.ndarray]:
        """One phase; returns its end, and temperature (K) and density (g/cm³), shape (n, 2).

        A phase that an earlier process finished is not run again; its end is then None.
        """
        settings = self._settings
        here = self._resumed.info["phase"] if self._resumed else PHASES[0]
        if PHASES.index(name) < PHASES.index(here):
            return None, np.array(self._resumed.info["rows"][name])
        integrator = openmm.LangevinMiddleIntegrator(
            self._bath.temperature, settings.friction, settings.time_step
        )
        integrator.setRandomNumberSeed(self._seed(name))
        context = openmm.Context(system, integrator, self._platform, self._properties)
        self._molecules = context.getMolecules()
        done, rows = 0, []
        if self._resumed is not None:
            done, rows = self._restore(context, name)
        elif start is None:
            context.setPositions(self._start)
            context.setVelocitiesToTemperature(self._bath.temperature, self._seed(name))
        else:
            context.setPeriodicBoxVectors(*start.getPeriodicBoxVectors())
            context.setPositions(start.getPositions())
            context.setVelocities(start.getVelocities())
        if density is not None and done == 0:
            self._set_density(context, density)
        self._rows[name] = rows
        try:
            self._advance(name, context, done)
            return context.getState(positions=True, velocities=True), np.array(rows)
        except openmm.OpenMMException as error:
            raise InputError(
                f"equilibration: the phase '{name}' failed ({sentence(error)}); a smaller "
                f"'time_step' (given {settings.time_step * 1000:g} fs) or a larger box may help"
            ) from error

    def _restore(self, context: openmm.Context, name: str) -> tuple[int, list]:
        """Restore a context where an earlier process stopped; its steps and rows so far."""
        info, arrays = self._resumed.info, self._resumed.arrays
        context.setPeriodicBoxVectors(*arrays["box"])
        context.setPositions(arrays["positions"])
        context.setVelocities(arrays["velocities"])
        if info["openmm"] == openmm.__version__:
            context.loadCheckpoint(arrays["checkpoint"].tobytes())
        self._rows = info["rows"]
        self._resumed = None
        self._report(f"going on in the phase '{name}'")
        return info["done"], self._rows[name]

    def _save(self, name: str, context: openmm.Context, done: int) -> None:
        state = context.getState(positions=True, velocities=True)
        arrays = {
            "box": state.getPeriodicBoxVectors(asNumpy=True)._value,
            "positions": state.getPositions(asNumpy=True)._value,
            "velocities": state.getVelocities(asNumpy=True)._value,
            "checkpoint": np.frombuffer(context.createCheckpoint(), np.uint8),
        }
        info = {
            "phase": name,
            "done": done,
            "rows": self._rows,
            "text": self._text,
            "time": self._time,
            "openmm": openmm.__version__,
        }
        self._job.save(arrays, info)

    def _advance(self, name: str, context: openmm.Context, done: int) -> None:
        """Step and log."""
        every, end = self._steps(name)
        stretch, before = 1, self._before(name)
        while done < end:
            self._progress.advance(before + done, IN_WORDS[name], lambda: self._now(name))
            part = min(every - done % every, stretch)
            began = time.perf_counter()
            context.getIntegrator().step(part)
            stretch = max(1, int(part * STRETCH / max(time.perf_counter() - began, 1e-6)))
            done += part
            if done % every == 0:
                self._sample(name, context, every * self._settings.time_step)
            if self._job.due():
                self._save(name, context, done)

    def _now(self, name: str) -> str:
        """The last sample of a phase, for the log."""
        if not self._rows[name]:
            return ""
        temperature, density = self._rows[name][-1]
        return f"{temperature:.0f} K, {density:.3f} g/cm³"

    def _sample(self, name: str, context: openmm.Context, elapsed: float) -> None:
        self._time += elapsed
        state = context.getState(energy=True)
        kinetic = state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole)
        potential = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        temperature = 2.0 * kinetic / (self._freedom * BOLTZMANN)
        density = self._density(state)
        line = f"{name},{self._time:.6g},{temperature:.2f},{density:.5f},{potential:.3f}\n"
        self._text += line
        self._table.write(line)
        self._rows[name].append([temperature, density])

    def _density(self, state: openmm.State) -> float:
        volume = state.getPeriodicBoxVolume().value_in_unit(unit.nanometer**3)
        return self._mass / volume * GRAMS_PER_CM3

    def _set_density(self, context: openmm.Context, density: float) -> None:
        """Scale the box, and move molecules as a whole with it, so that no bond changes."""
        state = context.getState(positions=True)
        scale = (self._density(state) / density) ** (1.0 / 3.0)
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        masses = particle_masses(self._system)
        for molecule in context.getMolecules():
            atoms = list(molecule)
            center = np.average(positions[atoms], axis=0, weights=masses[atoms])
            positions[atoms] += (scale - 1.0) * center
        context.setPeriodicBoxVectors(*(scale * v for v in state.getPeriodicBoxVectors()))
        context.setPositions(positions)
