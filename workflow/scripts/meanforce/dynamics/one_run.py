"""The stage `simulate`: an experiment's CG run at one state point, from models and starts."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.molecules import Molecules
from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader, contents
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.job import Speed, sample_to_file
from meanforce.dynamics.space import cell_of, in_one_box, nearest_box
from meanforce.dynamics.starts import candidates, check_starts_on_grid, spread_starts
from meanforce.dynamics.system import CgSystem
from meanforce.jobs.simulate import SimulateJob
from meanforce.potentials.card import ModelCard
from meanforce.potentials.device import chosen_device
from meanforce.potentials.files import load_ensemble
from meanforce.potentials.interface import Potential
from meanforce.potentials.whole import is_one
from meanforce.progress import Progress
from meanforce.restart.job import Job, digest


@dataclasses.dataclass(frozen=True)
class SimulateInputs:
    """What a run is made from.

    Attributes:
        models: members of the ensemble.
        datasets: training data, among whose frames starts are chosen.
        processes: that an engine with MPI may start; no part of the run's identity.
        box: dataset of the simulated state point, whose periodic box the run has; None: that of
            the training data.
    """

    models: list[Path]
    datasets: list[Path]
    processes: int = 1
    box: Path | None = None

    def identity(self, job: SimulateJob) -> dict[str, Any]:
        """Values that distinguish the job's restart bundle from those of other jobs."""
        files = [*self.models, *(path.with_suffix(".json") for path in self.models)]
        own = {} if self.box is None else {"box": contents([self.box])}
        return own | {
            "settings": job.plain(),
            "models": {str(path): digest(path) for path in files},
            "datasets": contents(self.datasets),
        }


def simulate(
    job: SimulateJob, inputs: SimulateInputs, output: Path, work: Job, report: Callable[[str], None]
) -> Speed:
    """Run the ensemble's mean, from the restart bundle in `work` if there is one.

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
    # A restarted job keeps the device of its earlier process.
    device = chosen_device(
        job.simulation.device, "simulation.device", bundle and bundle.info["device"]
    )
    with Progress(report).during("reading models and starts"):
        potential = load_ensemble(inputs.models)
        potential = potential.to(potential.dtype, device)
        run = run_of(job, potential, inputs.datasets, inputs.box)
    if bundle is None and (notice := check_starts_on_grid(run, "simulation")):
        report(f"warning: {notice}")
    run = dataclasses.replace(run, processes=inputs.processes)
    return sample_to_file(run, output, report, work, ModelCard.read(inputs.models[0]))


def run_of(
    job: SimulateJob, potential: Potential, datasets: list[Path], box: Path | None = None
) -> CgRun:
    """A run of any potential, whose chains start spread over all that the training data visited.

    In a box of another density than the training data have, the centres of mass of the molecules
    keep their fractional coordinates.

    Args:
        job: what to do.
        potential: of the beads of the data; the run computes in its type and on its device.
        datasets: training data.
        box: dataset whose periodic box several molecules run in; None: that of the training data.

    Raises:
        InputError: the data cannot be read, the potential was fitted to other beads, or it does not
            support the periodic cell that several molecules need; or the data have several cells.
    """
    simulation, variables, windows = job.simulation, job.collective_variables, job.windows
    with H5mdReader(datasets[0]) as reader:
        molecule, masses = Topology.of(reader.parameters), reader.masses
        potential.check_beads(molecule)
    wanted = None
    if not is_one(molecule):
        wanted = _box(box)
        if wanted is not None:
            datasets, windows = nearest_box(datasets, windows, wanted)
        datasets, windows = in_one_box(datasets, windows, job.temperature)
    with H5mdReader(datasets[0]) as reader:
        own = reader.box()
    cell = cell_of(molecule, own, potential, str(datasets[0]))
    frames = candidates(datasets, windows)
    if cell is not None and wanted is not None and not np.allclose(own, wanted, atol=1e-6):
        cell, frames = wanted, Molecules.of(molecule).moved_to(frames, masses, own, wanted)
    positions = spread_starts(
        frames,
        [variables[name] for name in job.surface],
        molecule.names,
        simulation.ladders,
        np.random.default_rng(job.seed),
        cell,
    )
    # All levels of a ladder start at the same place, so that a ladder has one start.
    positions = np.tile(positions, (simulation.chains // simulation.ladders, 1, 1))
    # Without a surface, all variables are checked.
    watched = tuple(job.surface or variables)
    return CgRun(
        potential,
        Configuration(positions, job.temperature, cell),
        simulation,
        torch.Generator(potential.device).manual_seed(job.seed),
        CgSystem(molecule, masses, variables, watched),
    )


def _box(path: Path | None) -> np.ndarray | None:
    """Periodic box of a dataset, nm, shape (3, 3); None without a dataset or without a box.

    Raises:
        InputError: it changes from frame to frame.
    """
    if path is None:
        return None
    with H5mdReader(path) as reader:
        return reader.box()
