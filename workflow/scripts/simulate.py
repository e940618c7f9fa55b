"""Run the CG model of an experiment at one state point and write its trajectory."""

import argparse
from pathlib import Path

import torch

from meanforce.dynamics.one_run import SimulateInputs, simulate
from meanforce.errors import exits_cleanly
from meanforce.jobs.completed_variable import by_identity
from meanforce.jobs.simulate import SimulateJob
from meanforce.progress import report
from meanforce.restart.job import add_options, resumable


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="ensemble members")
    parser.add_argument(
        "--datasets", type=Path, nargs="+", required=True, help="training data, for the starts"
    )
    parser.add_argument(
        "--box",
        type=Path,
        nargs="*",
        default=[],
        help="dataset of the state point, whose periodic box many molecules run in",
    )
    parser.add_argument(
        "--variables", type=Path, nargs="*", default=[], help="files made by variable.py"
    )
    parser.add_argument("--settings", required=True, help="JSON text or file of a SimulateJob")
    parser.add_argument("--output", type=Path, required=True, help="H5MD file to write")
    parser.add_argument("--speed", type=Path, help="CSV file to write: how fast it was")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--processes", type=int, default=1, help="of MPI, where LAMMPS runs the model"
    )
    add_options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    job = SimulateJob.read(arguments.settings).with_variables(by_identity(arguments.variables))
    inputs = SimulateInputs(
        arguments.models, arguments.datasets, arguments.processes, next(iter(arguments.box), None)
    )
    limits = arguments.time_limit, arguments.bundle_every
    with resumable(arguments.output, inputs.identity(job), *limits) as work:
        speed = simulate(job, inputs, work.folder / "cg.h5", work, report)
        if arguments.speed is not None:
            speed.write(work.folder / "speed.csv")
            (work.folder / "speed.csv").replace(arguments.speed)
        (work.folder / "cg.h5").replace(arguments.output)


if __name__ == "__main__":
    main()
