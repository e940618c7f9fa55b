"""Bias energies beside a trajectory, matched with its frames by time."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meanforce.data.formats.columns import column_names, read_columns
from meanforce.errors import InputError
from meanforce.settings.campaigns.external import TIME, BiasEnergiesSettings


class BiasEnergies:
    """Rows of a file of bias energies.

    Args:
        settings: the file and its column.
        variables: names of the collective variables that the bias depends on.

    Attributes:
        compared: variables that the file has columns of.

    Raises:
        InputError: the file or a column is missing, or times are not in order.
    """

    def __init__(self, settings: BiasEnergiesSettings, variables: Sequence[str]) -> None:
        self._path, self._unit = Path(settings.file), settings.unit
        there = column_names(self._path)
        self.compared = [name for name in variables if name in there]
        columns = dict.fromkeys([TIME, settings.column, *self.compared])
        table = read_columns(self._path, list(columns))
        times = table[TIME]
        if not len(times):
            raise InputError(f"{self._path}: has no rows")
        if not np.isfinite(times).all():
            raise InputError(
                f"{self._path}: row {int(np.argmin(np.isfinite(times)))} has a time that is not a "
                "finite number"
            )
        if (np.diff(times) < 0).any():
            row = int(np.argmax(np.diff(times) < 0)) + 1
            raise InputError(
                f"{self._path}: row {row} has the time {times[row]:g} ps, which is before the row "
                "above it; rows must be in order of time"
            )
        # A restarted run may repeat a row: the later one counts.
        kept = np.append(np.diff(times) > 0, True)
        self._times = times[kept]
        self._energies = table[settings.column][kept]
        self._values = {name: table[name][kept] for name in self.compared}

    def _rows(self, times: np.ndarray) -> np.ndarray:
        """Row of each time, shape (n,).

        Raises:
            InputError: there is none for a frame.
        """
        known = self._times
        right = np.clip(np.searchsorted(known, times), 0, len(known) - 1)
        left = np.maximum(right - 1, 0)
        nearest = np.where(np.abs(known[left] - times) <= np.abs(known[right] - times), left, right)
        spacing = float(np.median(np.diff(known))) if len(known) > 1 else 0.0
        off = np.abs(known[nearest] - times) > 1e-3 * spacing + 2e-7 * np.abs(times) + 1e-6
        if off.any():
            raise InputError(
                f"{self._path}: has no row for the frame at {times[int(np.argmax(off))]:.10g} ps; "
                f"its rows go from {known[0]:g} to {known[-1]:g} ps, one every {spacing:g} ps, so "
                "it belongs to other frames"
            )
        return nearest

    def at(self, times: np.ndarray) -> np.ndarray:
        """Bias energy of the frames at some times (ps), kJ/mol, shape (n,).

        Raises:
            InputError: there is none for a frame, or it is not a finite number.
        """
        energies = self._energies[self._rows(times)] * self._unit
        if not np.isfinite(energies).all():
            bad = times[int(np.argmin(np.isfinite(energies)))]
            raise InputError(f"{self._path}: the bias energy at {bad:g} ps is not a finite number")
        return energies

    def values(self, name: str, times: np.ndarray) -> np.ndarray:
        """A collective variable as the file has it at some times (ps), shape (n,)."""
        return self._values[name][self._rows(times)]
