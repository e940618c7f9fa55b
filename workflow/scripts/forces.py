"""Recompute energies and forces of every stored frame with the unbiased system."""

import argparse
from pathlib import Path

from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import exits_cleanly
from meanforce.progress import report
from meanforce.restart.job import add_options, digest, resumable
from meanforce.sampling.recompute import recompute
from meanforce.systems.prepared import Prepared


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--trajectory", type=Path, required=True, help="file made by sample.py")
    parser.add_argument("--output", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--threads", type=int, default=1)
    add_options(parser)
    arguments = parser.parse_args()
    prepared = Prepared.read(arguments.prepared)
    with TrajectoryReader(arguments.trajectory) as frames:
        identity = {
            "trajectory": frames.attributes["content"],
            "system.xml": digest(arguments.prepared / "system.xml"),
        }
    with resumable(arguments.output, identity, arguments.time_limit, arguments.bundle_every) as job:
        made = job.folder / "forces.h5"
        recompute(prepared, arguments.trajectory, made, arguments.threads, job, report)
        made.replace(arguments.output)


if __name__ == "__main__":
    main()
