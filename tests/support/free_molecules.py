"""Frames and forces of small molecules from Langevin dynamics, as datasets."""

from pathlib import Path

import numpy as np
import openmm
from openmm import unit

import torsion
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.mapping.frame_means import BiasForces
from meanforce.mapping.identities import check_identities

TEMPERATURE = 300.0
ROD = 0.109
"""Constrained distance of a hydrogen, nm."""


def langevin(
    system: openmm.System, start: np.ndarray, frames: int, seed: int, every: int = 20
) -> tuple[np.ndarray, np.ndarray]:
    """Positions in nm and forces in kJ/mol/nm, of shape (frames, n_atoms, 3)."""
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, 5.0, 0.002)
    integrator.setRandomNumberSeed(seed)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
    context.setPositions(start)
    context.applyConstraints(1e-8)
    context.setVelocitiesToTemperature(TEMPERATURE, seed)
    integrator.step(2000)
    found = []
    for _ in range(frames):
        integrator.step(every)
        state = context.getState(positions=True, forces=True)
        found.append((
            state.getPositions(asNumpy=True).value_in_unit(unit.nanometer),
            state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer),
        ))  # fmt: skip
    positions, forces = (np.array(values) for values in zip(*found, strict=True))
    return positions, forces


def forces_of(force: openmm.Force, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Forces in kJ/mol/nm, shape (n, n_atoms, 3), and energies in kJ/mol of one force alone."""
    system = openmm.System()
    for _ in range(positions.shape[1]):
        system.addParticle(12.0)
    system.addForce(force)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    forces, energies = np.empty_like(positions), np.empty(len(positions))
    for number, frame in enumerate(positions):
        context.setPositions(frame)
        state = context.getState(forces=True, energy=True)
        forces[number] = state.getForces(asNumpy=True)._value
        energies[number] = state.getPotentialEnergy()._value
    return forces, energies


def chain(frames: int, seed: int, *further: openmm.Force) -> tuple[np.ndarray, np.ndarray]:
    """The chain of `torsion`, with further forces."""
    prepared = torsion.molecule()
    for force in further:
        prepared.system.addForce(force)
    return langevin(prepared.system, np.array(prepared.positions._value), frames, seed)


def with_hydrogens(frames: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Three heavy atoms, 0 to 2, each with a hydrogen at a fixed distance, 3 to 5."""
    system = openmm.System()
    for mass in (12.0,) * 3 + (1.0,) * 3:
        system.addParticle(mass)
    bonds, angles = openmm.HarmonicBondForce(), openmm.HarmonicAngleForce()
    for first, second in ((0, 1), (1, 2)):
        bonds.addBond(first, second, 0.15, 50000.0)
    for number in range(3):
        system.addConstraint(number, number + 3, ROD)
    for triple in ((0, 1, 2), (1, 0, 3), (0, 1, 4), (2, 1, 4), (1, 2, 5)):
        angles.addAngle(*triple, 1.9, 300.0)
    for force in (bonds, angles):
        system.addForce(force)
    start = np.zeros((6, 3))
    start[:3, 0] = 0.15 * np.arange(3)
    start[1, 1] = 0.08
    start[3:] = start[:3] + np.array([[-0.02, -0.1, 0.02], [0.0, 0.1, 0.03], [0.02, -0.1, 0.0]])
    return langevin(system, start, frames, seed)


def liquid_of_pairs(
    frames: int, seed: int, count: int = 12
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Molecules of two atoms that repel each other in a periodic box; frames, forces, the box."""
    box = np.eye(3) * 1.1
    system = openmm.System()
    system.setDefaultPeriodicBoxVectors(*box)
    bonds = openmm.HarmonicBondForce()
    repulsion = openmm.CustomNonbondedForce("30*(1-r/0.45)^2")
    repulsion.setNonbondedMethod(openmm.CustomNonbondedForce.CutoffPeriodic)
    repulsion.setCutoffDistance(0.45)
    for number in range(2 * count):
        system.addParticle(12.0)
        repulsion.addParticle([])
        if number % 2:
            bonds.addBond(number - 1, number, 0.15, 20000.0)
    for force in (bonds, repulsion):
        system.addForce(force)
    rng = np.random.default_rng(seed)
    first = rng.uniform(0, 1.1, (count, 3))
    start = np.stack([first, first + np.array([0.15, 0.0, 0.0])], axis=1).reshape(-1, 3)
    return *langevin(system, start, frames, seed), box


def bonds_of(n_beads: int) -> list[list[int]]:
    """Of a chain."""
    return [[i, i + 1] for i in range(n_beads - 1)]


def identities(
    path: Path,
    positions: np.ndarray,
    forces: np.ndarray,
    bonds: list[list[int]] | None = None,
    temperature: float = TEMPERATURE,
    box: np.ndarray | None = None,
    log_weights: np.ndarray | None = None,
    bias: BiasForces | None = None,
) -> dict:
    """Checks of a dataset of these frames; without bonds it is a chain."""
    n, n_beads = positions.shape[:2]
    names = [f"B{number}" for number in range(n_beads)]
    joined = bonds_of(n_beads) if bonds is None else bonds
    parameters = Topology.of_beads(names, names, joined).parameters()
    parameters |= {"temperature": temperature, "force_map": "slice"}
    flat = np.zeros(n)
    with H5mdWriter(path, np.ones(n_beads), parameters, True, box) as writer:
        weights = flat if log_weights is None else log_weights
        writer.append(FrameBlock(
            positions, 0.04 * np.arange(n), flat, weights, flat.astype(int), forces
        ))  # fmt: skip
    with H5mdReader(path) as reader:
        return check_identities(reader, bias)
