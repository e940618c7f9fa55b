"""Weights of the frames of one replica of umbrella sampling, by MBAR over all its windows."""

import argparse
from pathlib import Path

import numpy as np

from meanforce.data.hdf5 import new_file
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import exits_cleanly
from meanforce.progress import report
from meanforce.restart.job import work_folder
from meanforce.sampling.mbar import Windows, solve


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--trajectories", type=Path, nargs="+", required=True, help="of its jobs, in order"
    )
    parser.add_argument("--weights", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--overlap", type=Path, required=True, help="CSV of the overlap matrix")
    arguments = parser.parse_args()
    variables, owners, contents = [], [], []
    for path in arguments.trajectories:
        with TrajectoryReader(path) as frames:
            variables.append(frames.array("variables"))
            owners.append(frames.array("walker"))
            contents.append(frames.attributes["content"])
            windows = Windows(
                frames.array("window_centers"),
                frames.array("window_force_constants"),
                frames.array("window_periodic").astype(bool).tolist(),
            )
            temperature = frames.attributes["temperature"]
    solution = solve(windows, np.concatenate(variables), np.concatenate(owners), temperature)
    ends = np.cumsum([len(owner) for owner in owners])[:-1]
    with work_folder(arguments.weights) as folder:
        with new_file(folder / "weights.h5") as file:
            parts = np.split(solution.log_weights, ends)
            for content, part in zip(contents, parts, strict=True):
                file.create_dataset(content, data=part, chunks=True, fletcher32=True)
        np.savetxt(folder / "overlap.csv", solution.overlap, fmt="%.5f", delimiter=",")
        weights = np.exp(solution.log_weights)
        effective = weights.sum() ** 2 / (weights**2).sum()
        report(
            f"{len(windows.centers)} windows, {len(weights)} frames worth {effective:.0f} "
            "unbiased ones"
        )
        (folder / "overlap.csv").replace(arguments.overlap)
        (folder / "weights.h5").replace(arguments.weights)


if __name__ == "__main__":
    main()
