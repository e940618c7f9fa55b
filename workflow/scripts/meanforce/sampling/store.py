"""What a run has produced so far, in files that stay valid if the process is killed."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mdtraj
import numpy as np
from numpy.lib import recfunctions
from openmm import app

from meanforce.data.trajectory import BLOCK, TrajectoryReader
from meanforce.data.trajectory_writer import frame_type, write_trajectory
from meanforce.errors import InputError
from meanforce.restart.records import RecordFile

LINE = np.dtype(
    [("time", "f8"), ("walker", "i4"), ("potential", "f8"), ("bias", "f8"), ("temperature", "f8")]
)
TRAJECTORY = "trajectory.h5"
SMALL = ("checks.raw", "lines.raw")
"""Files that are kept as they are, as the trajectory does not have all of their numbers."""
HEAD = "time_ps,walker,potential_energy_kj_mol,bias_kj_mol,temperature_k\n"


class Store:
    """Frames, in-run forces of some of them, and lines of the log.

    Args:
        folder: of the job.
        n_atoms: number of atoms.
        n_variables: biased collective variables.
        has_levels: whether frames have temperatures of their own.
        positions: where the files ended when the last restart bundle was written.
        atoms: indices of those that frames have, with their forces; None: all atoms, no forces.
    """

    def __init__(
        self,
        folder: Path,
        n_atoms: int,
        n_variables: int,
        has_levels: bool = False,
        positions: dict[str, list[int]] | None = None,
        atoms: np.ndarray | None = None,
    ) -> None:
        self._has_levels, self._atoms = has_levels, atoms
        with_forces = atoms is not None
        n_stored = len(atoms) if with_forces else n_atoms
        kinds = {
            "frames": frame_type(n_stored, n_variables, has_levels, with_forces),
            "checks": np.dtype(
                [
                    ("frame", "i8"),
                    ("forces", "f4", (n_atoms, 3)),
                    ("bias_forces", "f4", (n_atoms if n_variables else 0, 3)),
                    *([("positions", "f8", (n_atoms, 3))] if with_forces else []),
                ]
            ),
            "lines": LINE,
        }
        ends = positions or {}
        self._files = {
            name: RecordFile(folder / f"{name}.raw", kind, tuple(ends.get(name, (0, 0))))
            for name, kind in kinds.items()
        }

    def positions(self) -> dict[str, list[int]]:
        """Where the files end, after everything has been written to disk."""
        return {name: list(file.position()) for name, file in self._files.items()}

    @property
    def n_frames(self) -> int:
        """Stored frames."""
        return len(self._files["frames"])

    def add_frame(self, time: float, frame) -> None:
        """Add a `Frame`; `time` in ps."""
        record = np.empty((), self._files["frames"].kind)
        record["time"], record["walker"] = time, frame.walker
        record["bias_energy"], record["log_weight"] = frame.bias_energy, frame.log_weight
        record["variables"] = frame.variables
        if self._atoms is None:
            record["positions"] = frame.positions
        else:
            record["positions"] = frame.positions[self._atoms]
            record["forces"] = frame.forces[self._atoms]
        if self._has_levels:
            record["temperature"] = frame.temperature
        self._files["frames"].append(record)

    def add_check(
        self,
        frame: int,
        forces: np.ndarray,
        bias_forces: np.ndarray | None,
        positions: np.ndarray,
    ) -> None:
        """Add in-run forces on all atoms of a stored frame, kJ/mol/nm.

        Args:
            frame: its number.
            forces: without the bias.
            bias_forces: of the bias alone, or None without one.
            positions: nm; kept where frames have some atoms only.
        """
        record = np.empty((), self._files["checks"].kind)
        record["frame"], record["forces"] = frame, forces
        if bias_forces is not None:
            record["bias_forces"] = bias_forces
        if self._atoms is not None:
            record["positions"] = positions
        self._files["checks"].append(record)

    def add_line(self, *values: float) -> None:
        """Add a line of the log: see `LINE`."""
        self._files["lines"].append(np.array(values, dtype=LINE))

    def scalars(self) -> np.ndarray:
        """Records of all frames without their positions and forces."""
        kind = self._files["frames"].kind
        names = [name for name in kind.names if name not in ("positions", "forces")]
        parts = [recfunctions.repack_fields(block[names]) for block in self._blocks("frames")]
        return np.concatenate(parts)

    def _blocks(self, name: str) -> Iterator[np.ndarray]:
        file = self._files[name]
        return file.blocks(max(1, BLOCK // file.kind.itemsize))

    def finish(
        self,
        trajectory: Path,
        log: Path,
        topology: app.Topology,
        box: np.ndarray | None,
        arrays: dict[str, np.ndarray],
        attributes: dict[str, Any],
    ) -> None:
        """Write the finished files; the raw ones stay, so that this can be repeated."""
        checks = np.concatenate([*self._blocks("checks")])
        forces, of_bias = checks["forces"], checks["bias_forces"]
        if self._atoms is not None:
            arrays = arrays | {
                "stored_atoms": self._atoms,
                "whole_positions": checks["positions"],
                "whole_forces": forces,
            }
            topology = mdtraj.Topology.from_openmm(topology).subset(self._atoms)
            forces = forces[:, self._atoms]
            of_bias = of_bias[:, self._atoms] if of_bias.shape[1] else of_bias
        arrays = arrays | {
            "checked_frames": checks["frame"],
            "checked_forces": forces,
            "checked_bias_forces": of_bias,
        }
        write_trajectory(trajectory, topology, self._files["frames"], box, arrays, attributes)
        with log.open("w") as file:
            file.write(HEAD)
            for block in self._blocks("lines"):
                for time, walker, potential, bias, temperature in block:
                    file.write(
                        f"{time:.10g},{walker},{potential:.6f},{bias:.6f},{temperature:.2f}\n"
                    )

    def close(self) -> None:
        """Close the files."""
        for file in self._files.values():
            file.close()


def refill(folder: Path, end: Path, positions: dict[str, list[int]]) -> None:
    """Make the files of a finished store anew.

    Args:
        folder: of the job.
        end: folder with the trajectory that `Store.finish` wrote, and the store's other files.
        positions: of the store, when it was finished.

    Raises:
        InputError: a file is missing, or its content is not what it was.
    """
    trajectory = end / TRAJECTORY
    with TrajectoryReader(trajectory) as reader:
        levels, variables = reader.temperatures(), reader.array("variables")
        has_forces = reader.stored_atoms is not None
        kind = frame_type(reader.n_atoms, variables.shape[1], levels is not None, has_forces)
        scalars = {name: reader.array(name) for name in ("bias_energy", "log_weight", "walker")}
        scalars |= {"time": reader.times(), "variables": variables}
        if levels is not None:
            scalars["temperature"] = levels
        frames = RecordFile(folder / "frames.raw", kind)
        rows = max(1, BLOCK // kind.itemsize)
        for start in range(0, reader.n_frames, rows):
            chosen = slice(start, min(start + rows, reader.n_frames))
            records = np.empty(chosen.stop - start, kind)
            records["positions"] = reader.positions(chosen)
            if has_forces:
                records["forces"] = reader.array("forces", chosen)
            for name, values in scalars.items():
                records[name] = values[chosen]
            frames.append(records)
    made = frames.position()
    frames.close()
    if made != tuple(positions["frames"]):
        raise InputError(f"{trajectory}: was altered since it was written")
    for name in SMALL:
        try:
            shutil.copyfile(end / name, folder / name)
        except OSError as error:
            raise InputError(f"{end / name}: cannot be read ({error.strerror})") from error
