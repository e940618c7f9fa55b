"""Run the CG model of an experiment at one state point and write its trajectory."""

import argparse
from pathlib import Path

import numpy as np
import torch

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader, contents
from meanforce.dynamics.convergence import Convergence
from meanforce.dynamics.run import BatchRun
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.dynamics.space import refuse_molecules_of_a_box
from meanforce.dynamics.starts import candidates, spread_starts
from meanforce.errors import exits_cleanly
from meanforce.potentials.device import chosen_device
from meanforce.potentials.files import load_ensemble
from meanforce.progress import Progress, report
from meanforce.restart.job import add_options, digest, resumable
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import JobSettings, read_settings, validated, validated_each
from meanforce.settings.simulations import SimulationSettings


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="ensemble members")
    parser.add_argument(
        "--datasets", type=Path, nargs="+", required=True, help="training data, for the starts"
    )
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file: {simulation, windows, temperature, surface, collective_variables, "
        "seed}",
    )
    parser.add_argument("--output", type=Path, required=True, help="H5MD file to write")
    parser.add_argument("--speed", type=Path, help="CSV file to write: how fast it was")
    parser.add_argument("--threads", type=int, default=1)
    add_options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = read_settings(arguments.settings)
    models = [*arguments.models, *(path.with_suffix(".json") for path in arguments.models)]
    identity = {
        "settings": dict(settings),
        "models": {str(path): digest(path) for path in models},
        "datasets": contents(arguments.datasets),
    }
    with resumable(arguments.output, identity, arguments.time_limit, arguments.bundle_every) as job:
        bundle = job.load()
        with Progress(report).during("reading models and starts"):
            run, starts = _prepared(settings, arguments, bundle and bundle.info["device"])
        speed = run.run(starts, job.folder / "cg.h5", report, job)
        if arguments.speed is not None:
            speed.write(job.folder / "speed.csv")
            (job.folder / "speed.csv").replace(arguments.speed)
        (job.folder / "cg.h5").replace(arguments.output)


def _prepared(
    settings: JobSettings, arguments: argparse.Namespace, device: str | None
) -> tuple[BatchRun, np.ndarray]:
    """The run, and where its chains start; `device` is where an earlier process computed it."""
    simulation = validated(SimulationSettings, settings["simulation"], "simulation")
    variables = validated_each(
        CollectiveVariableSettings, settings["collective_variables"], "collective_variables"
    )
    surface = {name: variables[name] for name in settings["surface"]}
    potential = load_ensemble(arguments.models)
    potential = potential.to(
        potential.dtype, chosen_device(simulation.device, "simulation.device", device)
    )
    with H5mdReader(arguments.datasets[0]) as reader:
        molecule, masses = Topology.of(reader.parameters), reader.masses
        refuse_molecules_of_a_box(molecule, reader.box(), str(arguments.datasets[0]))
    potential.check_beads(molecule)
    starts = spread_starts(
        candidates(arguments.datasets, settings["windows"]),
        list(surface.values()),
        molecule.names,
        simulation.ladders,
        np.random.default_rng(settings["seed"]),
    )
    # All levels of a ladder start at the same place, so that it has one.
    starts = np.tile(starts, (simulation.chains // simulation.ladders, 1, 1))
    bias = None
    if simulation.bias is not None:
        bias = SharedBias(
            simulation.bias,
            [variables[name] for name in simulation.bias.collective_variables],
            molecule.names,
            settings["temperature"],
            potential.dtype,
            potential.device,
        )
    run = BatchRun(
        potential,
        molecule,
        masses,
        simulation,
        bias,
        settings["temperature"],
        settings["seed"],
        Convergence(simulation.until, surface, molecule.names),
    )
    return run, starts


if __name__ == "__main__":
    main()
