"""Frames of a CG run, in a raw file that stays valid if the process is killed, then as H5MD."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.data.h5md import EACH, FrameBlock, H5mdWriter
from meanforce.dynamics.engine import Frame
from meanforce.restart.records import BUFFER, RecordFile


class Store:
    """Frames so far: a record holds all chains at one instant.

    Args:
        folder: of the job.
        chains: number of chains.
        n_beads: number of beads.
        position: where the file ended when the last restart bundle was written.
        with_boxes: whether each frame has a box of its own, as at constant pressure.
    """

    def __init__(
        self,
        folder: Path,
        chains: int,
        n_beads: int,
        position: list[int] | None = None,
        with_boxes: bool = False,
    ) -> None:
        self._chains, self._n_beads, self._with_boxes = chains, n_beads, with_boxes
        fields = [
            ("time", "f8"),
            ("bias_energy", "f8", (chains,)),
            ("log_weight", "f8", (chains,)),
            ("positions", "f4", (chains, n_beads, 3)),
        ]
        if with_boxes:
            fields.append(("boxes", "f8", (chains, 3, 3)))
        kind = np.dtype(fields)
        self._file = RecordFile(folder / "frames.raw", kind, tuple(position or (0, 0)))

    @property
    def _rows(self) -> int:
        """Records that are read at once."""
        return max(1, BUFFER // self._file.kind.itemsize)

    def position(self) -> list[int]:
        """Where the file ends, once everything is on the disk."""
        return list(self._file.position())

    def add(self, time: float, frame: Frame) -> None:
        """Add a frame of all chains at a time in ps."""
        record = np.empty((), self._file.kind)
        record["time"] = time
        for field in dataclasses.fields(Frame):
            if field.name in record.dtype.names:
                record[field.name] = getattr(frame, field.name).numpy()
        self._file.append(record)

    def positions(self, first: int) -> np.ndarray:
        """Positions from a record on, nm, shape (n_records, chains, n_beads, 3)."""
        return self._file.take(np.arange(first, len(self._file)))["positions"]

    def boxes(self) -> np.ndarray | None:
        """Boxes of all records, nm, shape (n_records, chains, 3, 3); None at constant volume."""
        if not self._with_boxes:
            return None
        return np.concatenate([block["boxes"] for block in self._file.blocks(self._rows)])

    def some(self, number: int) -> tuple[np.ndarray, np.ndarray | None]:
        """About this many frames, evenly spaced in time.

        Returns:
            positions, in the shape of `positions`; and boxes, nm, shape (n_records, chains, 3, 3),
            where each frame has its own.
        """
        step = max(1, len(self._file) * self._chains // number)
        records = self._file.take(np.arange(0, len(self._file), step))
        return records["positions"], records["boxes"] if self._with_boxes else None

    def finish(
        self,
        output: Path,
        masses: np.ndarray,
        parameters: dict[str, Any],
        cell: np.ndarray | None = None,
    ) -> None:
        """Write the H5MD file; the raw one stays, so that this may be done again.

        Args:
            output: file to write.
            masses: of the beads, u, shape (n_beads,).
            parameters: plain values that describe the run.
            cell: periodic box vectors of all frames, nm, shape (3, 3); None without periodic
                boundaries. Where each frame has its own, those are written.
        """
        chain = np.arange(self._chains)
        box = EACH if self._with_boxes else cell
        with H5mdWriter(output, masses, parameters, with_forces=False, box=box) as writer:
            for block in self._file.blocks(self._rows):
                writer.append(
                    FrameBlock(
                        position=block["positions"].reshape(-1, self._n_beads, 3),
                        time=np.repeat(block["time"], self._chains),
                        bias_energy=block["bias_energy"].reshape(-1),
                        log_weight=block["log_weight"].reshape(-1),
                        chain=np.tile(chain, len(block)),
                        boxes=block["boxes"].reshape(-1, 3, 3) if self._with_boxes else None,
                    )
                )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
