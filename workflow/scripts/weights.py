"""Weights of the frames of one replica of umbrella sampling, by MBAR over all its windows."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.progress import Progress, report
from meanforce.restart.job import work_folder
from meanforce.sampling.replica_weights import replica_weights


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--trajectories", type=Path, nargs="+", required=True, help="of its jobs, in order"
    )
    parser.add_argument("--weights", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--overlap", type=Path, required=True, help="CSV of the overlap matrix")
    arguments = parser.parse_args()
    progress = Progress(report, 1.0)
    with progress.during("weights by MBAR"):
        found = replica_weights(arguments.trajectories)
    with work_folder(arguments.weights) as folder:
        found.write(folder / "weights.h5", folder / "overlap.csv")
        report(found.text())
        (folder / "overlap.csv").replace(arguments.overlap)
        (folder / "weights.h5").replace(arguments.weights)
    progress.finish()


if __name__ == "__main__":
    main()
