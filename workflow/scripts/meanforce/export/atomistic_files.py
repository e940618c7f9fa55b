"""Atomistic frames as other programs read them: a TRR file of GROMACS, and a COLVAR file of PLUMED.

A TRR file holds single precision, as our own files do, but also times in it.
"""

from pathlib import Path

import numpy as np
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.units import kt

BLOCK = 1000
"""Frames that are read at once."""

ENERGIES = ("bias", "rbias")
"""Columns of a COLVAR file behind the variables: the bias energy V, and V − c(t), kJ/mol, with
which frames count exp((V − c)/kT)."""


def refuse_several_runs(path: Path, frames: TrajectoryReader) -> None:
    """Refuse frames that are no single run at one temperature.

    Raises:
        InputError: several temperatures, or walkers, take turns in the file.
    """
    if frames.temperatures() is not None:
        raise InputError(
            f"{path}: has frames of several temperatures in turn, which a TRR file cannot tell "
            "apart; export a campaign of another kind than replica exchange"
        )
    if (np.diff(frames.times()) <= 0).any():
        raise InputError(
            f"{path}: has frames of several walkers in turn, whose times repeat; export a campaign "
            "without walkers"
        )


def write_trr(path: Path, frames: TrajectoryReader, forces: ForcesReader | None) -> None:
    """Write positions, and forces if they are given.

    Args:
        path: TRR file to make.
        frames: to write.
        forces: of the same frames.

    Raises:
        InputError: the forces are those of other frames.
    """
    if forces is not None and forces.trajectory != frames.attributes["content"]:
        raise InputError("--forces: are those of another trajectory")
    times, n_atoms = frames.times(), frames.n_atoms
    with TRRFile(str(path), "w") as file:
        for start in range(0, frames.n_frames, BLOCK):
            part = slice(start, min(start + BLOCK, frames.n_frames))
            positions, boxes = frames.positions(part), frames.boxes(part)
            given = [None] * len(positions) if forces is None else forces.forces(part)
            boxes = np.zeros((3, 3)) if boxes is None else boxes
            boxes = np.broadcast_to(boxes, (len(positions), 3, 3)).astype(np.float32)
            for row, (x, f, box) in enumerate(zip(positions, given, boxes, strict=True)):
                number = start + row
                file.write(x, None, f, box, number, times[number], 0.0, n_atoms)


def write_colvar(path: Path, frames: TrajectoryReader, names: list[str]) -> None:
    """Write times in ps, values of the biased variables (nm or rad), and `ENERGIES`.

    Args:
        path: text file to make.
        frames: of a biased run.
        names: of the variables, in the order of the run.

    Raises:
        InputError: the run has another number of variables, or no bias.
    """
    variables = frames.array("variables")
    if not variables.shape[1]:
        raise InputError("--colvar: the trajectory has no bias")
    if len(names) != variables.shape[1]:
        raise InputError(
            f"--variables: {len(names)} names are given, but the trajectory has "
            f"{variables.shape[1]} variables"
        )
    weights = frames.array("log_weight") * kt(frames.attributes["temperature"])
    columns = np.column_stack([frames.times(), variables, frames.array("bias_energy"), weights])
    head = " ".join(["! FIELDS time", *names, *ENERGIES])
    np.savetxt(path, columns, fmt="%.10g", header=head, comments="#")
