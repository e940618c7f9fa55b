"""The stage `weights`: weights of the frames of one replica of umbrella sampling."""

import dataclasses
from pathlib import Path

import numpy as np

from meanforce.data.hdf5 import new_file
from meanforce.data.trajectory import TrajectoryReader
from meanforce.sampling.mbar import Solution, Windows, solve


@dataclasses.dataclass(frozen=True)
class ReplicaWeights:
    """Weights of the frames of a replica.

    Attributes:
        solution: results of MBAR, over all frames.
        contents: fingerprint of each trajectory.
        ends: number of frames up to the end of each trajectory.
    """

    solution: Solution
    contents: tuple[str, ...]
    ends: tuple[int, ...]

    def write(self, weights: Path, overlap: Path) -> None:
        """Write an HDF5 file of log-weights by trajectory, and a CSV of the overlap matrix."""
        parts = np.split(self.solution.log_weights, self.ends[:-1])
        with new_file(weights) as file:
            for content, part in zip(self.contents, parts, strict=True):
                file.create_dataset(content, data=part, chunks=True, fletcher32=True)
        np.savetxt(overlap, self.solution.overlap, fmt="%.5f", delimiter=",")

    def text(self) -> str:
        """Effective number of frames, in words."""
        weights = np.exp(self.solution.log_weights)
        effective = weights.sum() ** 2 / (weights**2).sum()
        windows = len(self.solution.free_energies)
        return f"{windows} windows, {len(weights)} frames worth {effective:.0f} unbiased ones"


def replica_weights(trajectories: list[Path]) -> ReplicaWeights:
    """Weights by MBAR.

    Args:
        trajectories: of all jobs of the replica, in order.

    Raises:
        InputError: a file is not complete, or windows do not overlap.
    """
    variables, owners, contents = [], [], []
    for path in trajectories:
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
    ends = np.cumsum([len(owner) for owner in owners]).tolist()
    return ReplicaWeights(solution, tuple(contents), tuple(ends))
