"""One replica of a deployed network in OpenMM, and a network as a bias of atomistic dynamics.

    python tests/benchmarks/deployment.py [--rounds 9]

Ratios of speeds, measured in turns in one process on one thread: steps with Numba over steps with
PyTorch, and dynamics of capped alanine under a network's bias over unbiased dynamics.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import numpy as np
import openmm
import torch
from openmm import app, unit

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

from networks import network, on_a_prior  # noqa: E402
from peptides import PEPTIDE, peptide  # noqa: E402
from timing import paired  # noqa: E402

from meanforce.core.beads import Beads  # noqa: E402
from meanforce.core.topology import Topology  # noqa: E402
from meanforce.deployment.evaluator import TorchEvaluator, evaluator_of  # noqa: E402
from meanforce.deployment.system import python_force  # noqa: E402
from meanforce.potentials.interface import EnsembleMean  # noqa: E402
from meanforce.sampling.network_bias import BeadEnergy, NetworkBias  # noqa: E402

STEPS = 200
"""OpenMM steps timed at once."""

TEMPERATURE = 300.0

CLOCKS = (time.process_time, time.process_time)
"""CPU time of this process: other processes take turns with it, and all runs on one thread."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| one replica in OpenMM, Numba over PyTorch | wanted | median | range | steps/s |")
    print("|---|---|---|---|---|")
    for what, members in cases():
        print(one_replica(what, EnsembleMean(members), arguments.rounds), flush=True)
    print(biased(arguments.rounds))


def cases():
    """Ensembles to time: widths, priors and numbers of members on ten beads, then more beads."""
    rng = np.random.default_rng(1)
    ten = peptide(*rng.normal(0, 1, (2, 200)), *(rng.normal(0, 0.1, (200, k)) for k in (2, 3)))
    for hidden in ((128,) * 3, (192,) * 3):
        nets = [network(PEPTIDE, ten, seed, hidden) for seed in range(4)]
        name = f"10 beads, {len(hidden)}×{hidden[0]}"
        yield name, nets[:1]
        yield f"{name}, prior", [on_a_prior(nets[0], ten)]
        yield f"{name}, prior, 4 members", [on_a_prior(n, ten, k) for k, n in enumerate(nets)]
    for size in (27, 50, 100):
        frames = rng.normal(0, 0.3, (50, size, 3)).cumsum(1)
        molecule = Topology.of_beads(
            [f"B{i}" for i in range(size)], ["B"] * size, [(i, i + 1) for i in range(size - 1)]
        )
        yield f"{size} beads, 3×128", [network(molecule, frames, 1, (128,) * 3)]


def one_replica(what: str, potential: EnsembleMean, rounds: int) -> str:
    """Row of the table."""
    features = potential.members[0]
    size = Topology.of(getattr(features, "residual", features).values).size
    start = np.random.default_rng(2).normal(0, 0.3, (size, 3)).cumsum(0)
    evaluators = evaluator_of(potential, TEMPERATURE), TorchEvaluator(potential, TEMPERATURE)
    fast, slow = (dynamics(python_force(one, size), start) for one in evaluators)
    ratio = paired(lambda: fast.step(STEPS), lambda: slow.step(STEPS), rounds, CLOCKS)
    rates = [STEPS / statistics.median(seconds) for seconds in zip(*ratio.times, strict=True)]
    return ratio.row(what, "≥ 4") + " {:.0f} and {:.0f} |".format(*rates)


def biased(rounds: int) -> str:
    """Row of the table for a bias on the heavy atoms of capped alanine in implicit solvent."""
    structure = app.PDBFile(str(ROOT / "resources" / "capped_alanine.pdb"))
    field = app.ForceField("amber99sbildn.xml", "amber99_obc.xml")
    atoms = list(structure.topology.atoms())
    heavy = [atom.index for atom in atoms if atom.element.symbol != "H"]
    start = structure.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    frames = start[heavy] + np.random.default_rng(3).normal(0, 0.01, (200, len(heavy), 3))
    beads = Beads.of_beads(
        PEPTIDE.names, [(atom,) for atom in heavy], [(1.0,)] * len(heavy), PEPTIDE.bonds,
        np.full(len(heavy), 12.0),
    )  # fmt: skip
    net = network(PEPTIDE, frames, 1, (128,) * 3)
    model = evaluator_of(EnsembleMean([net]), TEMPERATURE)
    integrators = []
    for with_bias in (True, False):
        system = field.createSystem(structure.topology, constraints=app.HBonds)
        if with_bias:
            energy = BeadEnergy.of(model, beads, len(atoms), False, "models")
            NetworkBias(energy, 0.01).add_to(system)
        integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, 1.0, 0.002)
        platform = openmm.Platform.getPlatformByName("Reference")
        integrator.context = openmm.Context(system, integrator, platform)
        integrator.context.setPositions(structure.positions)
        integrators.append(integrator)
    fast, slow = integrators
    ratio = paired(lambda: fast.step(2 * STEPS), lambda: slow.step(2 * STEPS), rounds, CLOCKS)
    rates = [2 * STEPS / statistics.median(taken) for taken in zip(*ratio.times, strict=True)]
    row = ratio.row("22 atoms with a bias by 3×128 on 10 beads over none", "≥ 0.4")
    return row + " {:.0f} and {:.0f} |".format(*rates)


def dynamics(force: openmm.Force, start: np.ndarray) -> openmm.Integrator:
    """Dynamics of heavy and cold beads, which stay near their start whatever the forces are."""
    system = openmm.System()
    for _ in start:
        system.addParticle(1e9)
    system.addForce(force)
    integrator = openmm.LangevinMiddleIntegrator(1.0, 1.0, 0.0005)
    platform = openmm.Platform.getPlatformByName("Reference")
    integrator.context = openmm.Context(system, integrator, platform)
    integrator.context.setPositions(start)
    return integrator


if __name__ == "__main__":
    main()
