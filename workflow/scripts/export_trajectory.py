"""Export an atomistic trajectory as a TRR file, and its bias as a COLVAR file of PLUMED."""

import argparse
import contextlib
from pathlib import Path

from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError, exits_cleanly, refuse_existing
from meanforce.export.atomistic_files import refuse_several_runs, write_colvar, write_trr
from meanforce.progress import report
from meanforce.restart.job import work_folder


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectory", type=Path, required=True, help="trajectory.h5 of a run")
    parser.add_argument(
        "--forces",
        type=Path,
        help="forces.h5 beside it: forces without the bias; or the trajectory, where it holds them",
    )
    parser.add_argument("--output", type=Path, required=True, help="TRR file to write")
    parser.add_argument("--colvar", type=Path, help="text file to write, of a biased run")
    parser.add_argument(
        "--variables",
        nargs="+",
        default=[],
        metavar="NAME",
        help="names of the biased collective variables, in the order of the campaign",
    )
    arguments = parser.parse_args()
    if arguments.output.suffix != ".trr":
        raise InputError(f"--output: '{arguments.output}' does not end with .trr")
    refuse_existing(arguments.output, *filter(None, [arguments.colvar]))
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as opened:
        frames = opened.enter_context(TrajectoryReader(arguments.trajectory))
        forces = None
        if arguments.forces is not None:
            forces = opened.enter_context(ForcesReader(arguments.forces))
        refuse_several_runs(arguments.trajectory, frames)
        folder = opened.enter_context(work_folder(arguments.output))
        write_trr(folder / "frames.trr", frames, forces)
        if arguments.colvar is not None:
            write_colvar(folder / "colvar", frames, arguments.variables)
            arguments.colvar.parent.mkdir(parents=True, exist_ok=True)
            (folder / "colvar").replace(arguments.colvar)
        (folder / "frames.trr").replace(arguments.output)
        report(f"{frames.n_frames} frames of {frames.n_atoms} atoms: {arguments.output}")


if __name__ == "__main__":
    main()
