"""The stage `simulate`: an experiment's CG run at one state point, from models and starts."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader, contents
from meanforce.dynamics.convergence import Convergence
from meanforce.dynamics.run import BatchRun, Speed
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.dynamics.space import refuse_molecules_of_a_box
from meanforce.dynamics.starts import candidates, spread_starts
from meanforce.jobs.simulate import SimulateJob
from meanforce.potentials.device import chosen_device
from meanforce.potentials.files import load_ensemble
from meanforce.potentials.interface import Potential
from meanforce.progress import Progress
from meanforce.restart.job import Job, digest


@dataclasses.dataclass(frozen=True)
class Starts:
    """Beads, and where the chains of a run start.

    Attributes:
        molecule: the beads.
        masses: u, shape (n_beads,).
        positions: of each chain, nm, shape (chains, n_beads, 3).
    """

    molecule: Topology
    masses: np.ndarray
    positions: np.ndarray


@dataclasses.dataclass(frozen=True)
class SimulateInputs:
    """What a run is made from.

    Attributes:
        models: members of the ensemble.
        datasets: training data, among whose frames starts are chosen.
    """

    models: list[Path]
    datasets: list[Path]

    def identity(self, job: SimulateJob) -> dict[str, Any]:
        """By what a restart bundle is told from those of other jobs."""
        files = [*self.models, *(path.with_suffix(".json") for path in self.models)]
        return {
            "settings": job.plain(),
            "models": {str(path): digest(path) for path in files},
            "datasets": contents(self.datasets),
        }


def simulate(
    job: SimulateJob, inputs: SimulateInputs, output: Path, work: Job, report: Callable[[str], None]
) -> Speed:
    """Run the ensemble's mean; it goes on from the restart bundle of the work.

    Args:
        job: what to do.
        inputs: what the run is made from.
        output: H5MD file to write.
        work: folder of the job.
        report: called with lines of progress.

    Raises:
        InputError: models, data and variables do not fit together, or too many chains broke.
        Stopped: it was asked to stop.
    """
    bundle = work.load()
    # An earlier process has chosen the device.
    device = chosen_device(
        job.simulation.device, "simulation.device", bundle and bundle.info["device"]
    )
    with Progress(report).during("reading models and starts"):
        potential = load_ensemble(inputs.models)
        potential = potential.to(potential.dtype, device)
        starts = starts_of(job, inputs.datasets)
    run = run_of(job, potential, starts)
    return run.run(starts.positions, output, report, work)


def starts_of(job: SimulateJob, datasets: list[Path]) -> Starts:
    """Starts of the chains, spread over all that the training data visited.

    Raises:
        InputError: the data cannot be read, or their beads are of several molecules in a box.
    """
    with H5mdReader(datasets[0]) as reader:
        molecule, masses = Topology.of(reader.parameters), reader.masses
        refuse_molecules_of_a_box(molecule, reader.box(), str(datasets[0]))
    simulation = job.simulation
    positions = spread_starts(
        candidates(datasets, job.windows),
        [job.collective_variables[name] for name in job.surface],
        molecule.names,
        simulation.ladders,
        np.random.default_rng(job.seed),
    )
    # All levels of a ladder start at the same place, so that it has one.
    positions = np.tile(positions, (simulation.chains // simulation.ladders, 1, 1))
    return Starts(molecule, masses, positions)


def run_of(job: SimulateJob, potential: Potential, starts: Starts) -> BatchRun:
    """A run of any potential with the settings of a job.

    Args:
        job: what to do.
        potential: of these beads; the run computes in its type and on its device.
        starts: the beads.

    Raises:
        InputError: the potential is of other beads.
    """
    molecule, variables = starts.molecule, job.collective_variables
    potential.check_beads(molecule)
    bias = None
    if job.simulation.bias is not None:
        bias = SharedBias(
            job.simulation.bias,
            [variables[name] for name in job.simulation.bias.collective_variables],
            molecule.names,
            job.temperature,
            potential.dtype,
            potential.device,
        )
    # Without a surface all variables are watched.
    watched = {name: variables[name] for name in job.surface or variables}
    return BatchRun(
        potential,
        molecule,
        starts.masses,
        job.simulation,
        bias,
        job.temperature,
        job.seed,
        Convergence(job.simulation.until, watched, molecule.names),
    )
