"""Recompute energies and forces of every stored frame with the unbiased system."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.progress import report
from meanforce.restart.job import work_folder
from meanforce.sampling.recompute import recompute
from meanforce.systems.prepared import Prepared


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--trajectory", type=Path, required=True, help="file made by sample.py")
    parser.add_argument("--output", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    prepared = Prepared.read(arguments.prepared)
    with work_folder(arguments.output) as folder:
        recompute(prepared, arguments.trajectory, folder / "forces.h5", arguments.threads, report)
        (folder / "forces.h5").replace(arguments.output)


if __name__ == "__main__":
    main()
