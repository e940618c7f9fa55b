"""What the programs of the stage `train` have in common."""

import argparse
from collections.abc import Mapping
from pathlib import Path

import torch

from meanforce.fitting.one_member import train_member, work_on
from meanforce.fitting.registry import Method
from meanforce.jobs.train import TrainJob
from meanforce.progress import report
from meanforce.restart.job import add_options


def run(description: str, methods: Mapping[str, Method]) -> None:
    """Read the command line, fit one member, and write its files.

    Args:
        description: of the program, for its help.
        methods: of fitting, by kind.

    Raises:
        InputError: the data do not fit together, or are too few.
        Stopped: the job was asked to stop.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--datasets", type=Path, nargs="+", required=True, help="H5MD datasets")
    parser.add_argument("--settings", required=True, help="JSON text or file of a TrainJob")
    parser.add_argument("--model", type=Path, required=True, help=".safetensors file to write")
    parser.add_argument("--curve", type=Path, required=True, help="CSV of the training curve")
    parser.add_argument("--threads", type=int, default=1)
    add_options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    job = TrainJob.read(arguments.settings)
    limits = arguments.time_limit, arguments.bundle_every
    with work_on(job, arguments.datasets, arguments.model, *limits) as work:
        train_member(job, arguments.datasets, work, report, methods).write(work.folder)
        (work.folder / "curve.csv").replace(arguments.curve)
        (work.folder / "model.json").replace(arguments.model.with_suffix(".json"))
        (work.folder / "model.safetensors").replace(arguments.model)
