"""Fit one member of an experiment's ensemble to its datasets."""

import argparse
from pathlib import Path

import torch

from meanforce.errors import exits_cleanly
from meanforce.fitting.one_member import train_member, work_on
from meanforce.jobs.train import TrainJob
from meanforce.progress import report
from meanforce.restart.job import add_options


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
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
        train_member(job, arguments.datasets, work, report).write(work.folder)
        (work.folder / "curve.csv").replace(arguments.curve)
        (work.folder / "model.json").replace(arguments.model.with_suffix(".json"))
        (work.folder / "model.safetensors").replace(arguments.model)


if __name__ == "__main__":
    main()
