"""Small liquids of known pair potential, sampled in seconds, as frames mapped one to one."""

import dataclasses
import functools

import numpy as np
import openmm
import torch
from openmm import unit

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.neighbours import pair_vectors
from meanforce.core.topology import Topology
from meanforce.fitting.frames import Frames
from meanforce.units import kt

KJ_NM = unit.kilojoule_per_mole / unit.nanometer
K_B = kt(1.0)


@dataclasses.dataclass(frozen=True)
class SwitchedLennardJones:
    """A Lennard-Jones pair potential with OpenMM's switching function; nm, kJ/mol."""

    sigma: float
    epsilon: float
    switch: float
    cutoff: float

    def energy(self, r: np.ndarray) -> np.ndarray:
        """kJ/mol."""
        sixth = (self.sigma / r) ** 6
        x = self._switching(r)
        factor = 1 - 6 * x**5 + 15 * x**4 - 10 * x**3
        return np.where(r < self.cutoff, 4 * self.epsilon * (sixth**2 - sixth) * factor, 0.0)

    def _switching(self, r: np.ndarray) -> np.ndarray:
        """0 where switching begins, 1 at the cutoff."""
        return np.clip((r - self.switch) / (self.cutoff - self.switch), 0, 1)

    def force(self, r: np.ndarray) -> np.ndarray:
        """−dU/dr, kJ/mol/nm."""
        sixth = (self.sigma / r) ** 6
        energy = 4 * self.epsilon * (sixth**2 - sixth)
        slope = 4 * self.epsilon * (-12 * sixth**2 + 6 * sixth) / r
        width, x = self.cutoff - self.switch, self._switching(r)
        factor = 1 - 6 * x**5 + 15 * x**4 - 10 * x**3
        change = (-30 * x**4 + 60 * x**3 - 30 * x**2) / width
        return np.where(r < self.cutoff, -(slope * factor + energy * change), 0.0)


@dataclasses.dataclass(frozen=True)
class Liquid:
    """A sampled liquid.

    Attributes:
        pair: its pair potential.
        frames: positions and forces of all particles.
        temperature: K.
    """

    pair: SwitchedLennardJones
    frames: Frames
    temperature: float

    @functools.cached_property
    def seen_from(self) -> float:
        """Distance from which g(r) of particles of different molecules is above 0.05, nm."""
        frames, owner = self.frames, self.frames.molecule.molecule_of_bead
        found = pair_vectors(frames.positions.numpy(), frames.cells.numpy(), self.pair.cutoff)
        r = found.distances[owner[found.first] != owner[found.second]]
        edges = np.linspace(0.7 * self.pair.sigma, self.pair.cutoff, 150)
        counts, _ = np.histogram(r, edges)
        shells = 4 / 3 * np.pi * np.diff(edges**3)
        volume = np.linalg.det(frames.cells[0].double().numpy())
        n = frames.molecule.size
        g = counts / (len(frames) * n * n / 2 / volume * shells)
        return float(edges[1:][np.flatnonzero(g <= 0.05).max()])

    def places(self, count: int = 200) -> np.ndarray:
        """Distances from where g = 0.05 up to the cutoff, nm."""
        return np.linspace(self.seen_from, self.pair.cutoff, count)


def sampled(
    system: openmm.System,
    positions: np.ndarray,
    molecule: Topology,
    pair: SwitchedLennardJones,
    temperature: float,
    time_step: float,
    count: int,
    every: int,
) -> Liquid:
    """Langevin dynamics on the CPU platform, one thread, from a fixed seed; time step in ps."""
    integrator = openmm.LangevinMiddleIntegrator(temperature, 2.0, time_step)
    integrator.setRandomNumberSeed(1)
    platform = openmm.Platform.getPlatformByName("CPU")
    context = openmm.Context(system, integrator, platform, {"Threads": "1"})
    context.setPositions(positions)
    openmm.LocalEnergyMinimizer.minimize(context, maxIterations=50)
    context.setVelocitiesToTemperature(temperature, 1)
    integrator.step(2000)
    kept: list[tuple[np.ndarray, np.ndarray]] = []
    for _ in range(count):
        integrator.step(every)
        state = context.getState(getPositions=True, getForces=True)
        kept.append(
            (
                state.getPositions(asNumpy=True).value_in_unit(unit.nanometer),
                state.getForces(asNumpy=True).value_in_unit(KJ_NM),
            )
        )
    where, forces = (torch.tensor(np.array(part), dtype=torch.float32)
                     for part in zip(*kept, strict=True))  # fmt: skip
    box = system.getDefaultPeriodicBoxVectors()
    cell = torch.tensor([[x.value_in_unit(unit.nanometer) for x in row] for row in box])
    block = torch.arange(count) * 20 // count
    frames = Frames(
        where, forces, torch.full((count,), temperature), block % 5, block, molecule,
        cells=cell.float().repeat(count, 1, 1),
    )  # fmt: skip
    return Liquid(pair, frames, temperature)


@functools.cache
def argon(count: int = 100) -> Liquid:
    """openmmtools' Lennard-Jones fluid, 256 particles at T* = 1.0 and ρ* = 0.7."""
    from openmmtools.testsystems import LennardJonesFluid

    sigma, epsilon, cutoff = 0.34, 0.238 * 4.184, 0.85
    made = LennardJonesFluid(
        nparticles=256, reduced_density=0.7, cutoff=cutoff * unit.nanometer,
        switch_width=sigma * unit.nanometer, dispersion_correction=False,
    )  # fmt: skip
    pair = SwitchedLennardJones(sigma, epsilon, cutoff - sigma, cutoff)
    molecule = Topology(((MoleculeType("AR", ("Ar",), ("Ar",)), 256),))
    return sampled(made.system, made.positions, molecule, pair, epsilon / K_B, 0.008, count, 40)


BOND, STIFFNESS = 0.154, 1e5
"""Of united-atom ethane, nm and kJ/mol/nm²; TraPPE's own bond is rigid."""


@functools.cache
def ethane(count: int = 100) -> Liquid:
    """TraPPE's ethane, two CH3 of 98 K and 0.375 nm; 125 molecules at 184.5 K and 0.55 g/cm³.

    Martin, Siepmann, J. Phys. Chem. B 102, 2569 (1998).
    """
    per_side, edge = 5, (125 / 11.01) ** (1 / 3)
    pair = SwitchedLennardJones(0.375, 98.0 * K_B, 0.8, 1.0)
    system = openmm.System()
    system.setDefaultPeriodicBoxVectors(*(edge * np.eye(3)))
    lennard_jones, bonds = openmm.NonbondedForce(), openmm.HarmonicBondForce()
    lennard_jones.setNonbondedMethod(openmm.NonbondedForce.CutoffPeriodic)
    lennard_jones.setCutoffDistance(pair.cutoff)
    lennard_jones.setUseSwitchingFunction(True)
    lennard_jones.setSwitchingDistance(pair.switch)
    lennard_jones.setUseDispersionCorrection(False)
    lattice = np.stack(np.meshgrid(*[np.arange(per_side)] * 3), -1).reshape(-1, 3)
    positions = (lattice * edge / per_side)[:, None] + np.array([[0, 0, 0], [BOND, 0, 0]])
    for number in range(2 * per_side**3):
        system.addParticle(15.035)
        lennard_jones.addParticle(0.0, pair.sigma, pair.epsilon)
        if number % 2:
            bonds.addBond(number - 1, number, BOND, STIFFNESS)
            lennard_jones.addException(number - 1, number, 0.0, 1.0, 0.0)
    system.addForce(lennard_jones)
    system.addForce(bonds)
    molecule = Topology(((MoleculeType("ETH", ("A", "B"), ("CH3", "CH3"), ((0, 1),)), 125),))
    return sampled(
        system, positions.reshape(-1, 3), molecule, pair, 184.52, 0.002, count, 60
    )  # fmt: skip
