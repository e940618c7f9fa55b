"""The stage `equilibrate`: a solvated system at the density of its state point.

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
from meanforce.sampling.platform import choose_platform, platform_properties
from meanforce.settings.systems import Equilibration
from meanforce.systems.equilibration_checks import check_temperature, settled_density
from meanforce.systems.force_field import sentence
from meanforce.systems.prepared import Prepared, degrees_of_freedom
from meanforce.units import BOLTZMANN

SAMPLES = 200
"""About so many rows are logged of each phase."""

GRAMS_PER_CM3 = 1.66053906660e-3
"""g/cm³ in u/nm³ (CODATA 2018)."""

HEADER = "phase,time_ps,temperature_k,density_g_cm3,potential_energy_kj_mol\n"


@dataclasses.dataclass(frozen=True)
class Bath:
    """What the system is brought into equilibrium with.

    Attributes:
        temperature: K.
        pressure: bar.
        seed: of all random numbers, in [0, 2³¹).
    """

    temperature: float
    pressure: float
    seed: int


class Equilibrator:
    """Runs the phases one after the other and checks what came out."""

    def __init__(
        self,
        prepared: Prepared,
        settings: Equilibration,
        bath: Bath,
        threads: int,
        report: Callable[[str], None],
    ) -> None:
        self._system, self._settings, self._bath = prepared.system, settings, bath
        self._report = report
        self._start = prepared.positions
        self._platform = choose_platform(
            settings.platform, prepared.system, prepared.positions, threads
        )
        self._properties = platform_properties(self._platform, threads)
        self._mass = sum(_masses(prepared.system))
        self._freedom = degrees_of_freedom(prepared.system)
        self._time = 0.0

    def run(self, table: TextIO) -> openmm.State:
        """All phases.

        Args:
            table: CSV text to write, one row a sample; complete up to where a check fails.

        Returns:
            positions, velocities and box at the end.

        Raises:
            InputError: a phase fails, or a check of density or temperature does.
        """
        settings, bath = self._settings, self._bath
        table.write(HEADER)
        state, _ = self._phase("nvt", settings.nvt, None, self._system, table)
        state, rows = self._phase("npt", settings.npt, state, self._with_barostat(), table)
        density = settled_density(rows[:, 1], settings.density_allowance)
        self._report(
            f"density at {bath.temperature:g} K, {bath.pressure:g} bar: {density:.4f} g/cm³"
        )
        state, rows = self._phase(
            "nvt_final", settings.nvt_final, state, self._system, table, density
        )
        check_temperature(rows[:, 0], bath.temperature, settings.temperature_allowance)
        return state

    def _with_barostat(self) -> openmm.System:
        settings, bath = self._settings, self._bath
        system = copy.deepcopy(self._system)
        every = round(settings.barostat_interval / settings.time_step)
        barostat = openmm.MonteCarloBarostat(bath.pressure, bath.temperature, every)
        barostat.setRandomNumberSeed(self._seed("barostat"))
        system.addForce(barostat)
        return system

    def _seed(self, purpose: str) -> int:
        # 0 would mean a random one.
        offset = ("barostat", "nvt", "npt", "nvt_final").index(purpose)
        return (self._bath.seed + offset) % (2**31 - 1) + 1

    def _phase(
        self,
        name: str,
        duration: float,
        start: openmm.State | None,
        system: openmm.System,
        table: TextIO,
        density: float | None = None,
    ) -> tuple[openmm.State, np.ndarray]:
        """One phase; returns its end, and temperature (K) and density (g/cm³), shape (n, 2)."""
        settings = self._settings
        integrator = openmm.LangevinMiddleIntegrator(
            self._bath.temperature, settings.friction, settings.time_step
        )
        integrator.setRandomNumberSeed(self._seed(name))
        context = openmm.Context(system, integrator, self._platform, self._properties)
        if start is None:
            context.setPositions(self._start)
            context.setVelocitiesToTemperature(self._bath.temperature, self._seed(name))
        else:
            context.setPeriodicBoxVectors(*start.getPeriodicBoxVectors())
            context.setPositions(start.getPositions())
            context.setVelocities(start.getVelocities())
        if density is not None:
            self._set_density(context, density)
        steps = round(duration / settings.time_step)
        every = max(1, steps // SAMPLES)
        try:
            rows = self._advance(name, context, steps, every, table)
            return context.getState(positions=True, velocities=True), np.array(rows)
        except openmm.OpenMMException as error:
            raise InputError(
                f"equilibration: the phase '{name}' failed ({sentence(error)}); a smaller "
                f"'time_step' (given {settings.time_step * 1000:g} fs) or a larger box may help"
            ) from error

    def _advance(
        self, name: str, context: openmm.Context, steps: int, every: int, table: TextIO
    ) -> list[tuple[float, float]]:
        """Step and log; temperature (K) and density (g/cm³) of every sample."""
        elapsed = every * self._settings.time_step
        rows = []
        began = time.perf_counter()
        for number in range(1, steps // every + 1):
            context.getIntegrator().step(every)
            rows.append(self._sample(name, context, table, elapsed))
            if number % (SAMPLES // 4) == 0:
                taken = time.perf_counter() - began
                speed = number * elapsed / 1000.0 / taken * 86400.0
                left = taken * (steps / every / number - 1.0)
                self._report(
                    f"{name}: {100 * number * every / steps:.0f} %  {speed:.0f} ns/day on "
                    f"{self._platform.getName()}  {left:.0f} s left  "
                    f"{rows[-1][0]:.0f} K  {rows[-1][1]:.3f} g/cm³"
                )
        return rows

    def _sample(
        self, name: str, context: openmm.Context, table: TextIO, elapsed: float
    ) -> tuple[float, float]:
        self._time += elapsed
        state = context.getState(energy=True)
        kinetic = state.getKineticEnergy().value_in_unit(unit.kilojoule_per_mole)
        potential = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole)
        temperature = 2.0 * kinetic / (self._freedom * BOLTZMANN)
        density = self._density(state)
        table.write(f"{name},{self._time:.6g},{temperature:.2f},{density:.5f},{potential:.3f}\n")
        return temperature, density

    def _density(self, state: openmm.State) -> float:
        volume = state.getPeriodicBoxVolume().value_in_unit(unit.nanometer**3)
        return self._mass / volume * GRAMS_PER_CM3

    def _set_density(self, context: openmm.Context, density: float) -> None:
        """Scale the box, and move molecules as a whole with it, so that no bond changes."""
        state = context.getState(positions=True)
        scale = (self._density(state) / density) ** (1.0 / 3.0)
        positions = state.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
        masses = _masses(self._system)
        for molecule in context.getMolecules():
            atoms = list(molecule)
            center = np.average(positions[atoms], axis=0, weights=masses[atoms])
            positions[atoms] += (scale - 1.0) * center
        context.setPeriodicBoxVectors(*(scale * v for v in state.getPeriodicBoxVectors()))
        context.setPositions(positions)


def _masses(system: openmm.System) -> np.ndarray:
    """u, shape (n_atoms,)."""
    return np.array([system.getParticleMass(i)._value for i in range(system.getNumParticles())])
