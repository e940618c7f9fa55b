"""Frames of a CG run, in a file that a killed process leaves in good order, until they are H5MD."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from meanforce.data.h5md import H5mdWriter
from meanforce.restart.records import BUFFER, RecordFile


class Store:
    """Frames so far: a record holds all chains at one instant.

    Args:
        folder: of the job.
        chains: number of chains.
        n_beads: number of beads.
        position: where the file ended when the last restart bundle was written.
    """

    def __init__(
        self, folder: Path, chains: int, n_beads: int, position: list[int] | None = None
    ) -> None:
        self._chains, self._n_beads = chains, n_beads
        kind = np.dtype(
            [
                ("time", "f8"),
                ("bias_energy", "f8", (chains,)),
                ("log_weight", "f8", (chains,)),
                ("positions", "f4", (chains, n_beads, 3)),
            ]
        )
        self._file = RecordFile(folder / "frames.raw", kind, tuple(position or (0, 0)))

    def position(self) -> list[int]:
        """Where the file ends, once everything is on the disk."""
        return list(self._file.position())

    def add(
        self,
        time: float,
        positions: torch.Tensor,
        bias_energy: torch.Tensor,
        log_weight: torch.Tensor,
    ) -> None:
        """Add a frame of all chains.

        Args:
            time: ps.
            positions: nm, shape (chains, n_beads, 3).
            bias_energy: kJ/mol, shape (chains,).
            log_weight: of the unbiased ensemble, shape (chains,).
        """
        record = np.empty((), self._file.kind)
        record["time"], record["positions"] = time, positions.numpy()
        record["bias_energy"], record["log_weight"] = bias_energy.numpy(), log_weight.numpy()
        self._file.append(record)

    def positions(self, first: int) -> np.ndarray:
        """Positions from a record on, nm, shape (n_records, chains, n_beads, 3)."""
        return self._file.take(np.arange(first, len(self._file)))["positions"]

    def finish(self, output: Path, masses: np.ndarray, parameters: dict[str, Any]) -> None:
        """Write the H5MD file; the raw one stays, so that this may be done again."""
        chain = np.arange(self._chains)
        rows = max(1, BUFFER // self._file.kind.itemsize)
        with H5mdWriter(output, masses, parameters, with_forces=False) as writer:
            for block in self._file.blocks(rows):
                writer.append(
                    position=block["positions"].reshape(-1, self._n_beads, 3),
                    time=np.repeat(block["time"], self._chains),
                    bias_energy=block["bias_energy"].reshape(-1),
                    log_weight=block["log_weight"].reshape(-1),
                    chain=np.tile(chain, len(block)),
                )

    def close(self) -> None:
        """Close the file."""
        self._file.close()
