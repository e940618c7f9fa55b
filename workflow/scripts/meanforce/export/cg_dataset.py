"""Datasets for other programs that train CG models: what is written, and what it means.

Frames of several files follow each other. The description beside the arrays holds what the formats
of those programs have no place for: units, beads, temperature, and what bias did to the frames.
"""

import dataclasses
import functools
import re
from pathlib import Path
from typing import Any

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.dataset import Dataset
from meanforce.data.h5md import H5mdReader, contents
from meanforce.errors import InputError
from meanforce.fitting.weights import weights_of
from meanforce.settings.base import NAME_LENGTH


@dataclasses.dataclass(frozen=True, eq=False)
class CgDataset:
    """Frames at one temperature, and their beads.

    Attributes:
        dataset: the frames.
        topology: of the beads.
        masses: u, shape (n_beads,).
        temperature: K.
        weights: of the unbiased ensemble, shape (n_frames,), with mean 1 in each file or in all;
            None where all frames count the same.
    """

    dataset: Dataset
    topology: Topology
    masses: np.ndarray
    temperature: float
    weights: np.ndarray | None

    @classmethod
    def of(cls, paths: list[Path], stride: int = 1, together: bool = False) -> "CgDataset":
        """Frames of some files at the temperature of their state point.

        Args:
            paths: H5MD datasets of one mapping and one state point.
            stride: one frame in this many of each file is taken.
            together: whether the weights of all files have the same unknown factor, as those of the
                windows of umbrella sampling.

        Raises:
            InputError: files do not belong together, or have no forces, or a weight is not a
                number.
        """
        dataset = Dataset.of(paths)
        temperatures = {part.parameters.get("temperature") for part in dataset.parts}
        if len(temperatures) > 1 or None in temperatures:
            listed = ", ".join(f"{t:g} K" if t else "unknown" for t in temperatures)
            raise InputError(
                f"{paths[0]}: the datasets have the temperatures {listed}; export those of each "
                "state point by themselves"
            )
        dataset = dataset.at_state_points().stride(stride)
        if not len(dataset):
            raise InputError(f"{paths[0]}: there are no frames to export")
        with H5mdReader(paths[0]) as reader:
            masses = reader.masses
        return cls(
            dataset,
            Topology.of(dataset.parameters),
            masses,
            temperatures.pop(),
            _weights(dataset, together),
        )

    @functools.cached_property
    def embeddings(self) -> np.ndarray:
        """Numbers of the beads' types, from 1 in order of their first beads, shape (n_beads,)."""
        numbers = {kind: k for k, kind in enumerate(dict.fromkeys(self.topology.types), 1)}
        return np.array([numbers[kind] for kind in self.topology.types], dtype=np.int64)

    @functools.cached_property
    def periodic(self) -> bool:
        """Whether frames have a periodic box."""
        return next(self.dataset.chunks(1)).boxes() is not None

    def composition(self) -> dict[str, Any]:
        """The beads as a file that a system of kind `beads` takes."""
        first, parts = 0, []
        residues = self.dataset.parameters.get("bead_residues")
        for kind, count in self.topology.composition:
            beads = []
            for k, (name, type_name) in enumerate(zip(kind.names, kind.types, strict=True)):
                bead = {
                    "name": _as_name(name),
                    "type": type_name,
                    "mass": f"{float(self.masses[first + k])!r} u",
                }
                if residues:
                    residue, index = residues[first + k]
                    bead |= {"residue": _as_name(residue), "residue_number": index + 1}
                beads.append(bead)
            bonds = [[_as_name(kind.names[i]), _as_name(kind.names[j])] for i, j in kind.bonds]
            parts.append(
                {"name": _as_name(kind.name), "count": count, "beads": beads, "bonds": bonds}
            )
            first += kind.size * count
        return {"composition": parts}

    def description(self) -> dict[str, Any]:
        """Plain values that a receiver of the frames needs, whatever their format."""
        parameters, types = self.dataset.parameters, self.topology.types
        return {
            "temperature": {"value": self.temperature, "unit": "K"},
            "frames": len(self.dataset),
            "trajectories": self._trajectories(),
            "beads": [
                {"name": name, "type": kind, "embedding": int(number), "mass": float(mass)}
                for name, kind, number, mass in zip(
                    self.topology.names, types, self.embeddings, self.masses, strict=True
                )
            ],
            "mass_unit": "u",
            "bonds": [list(pair) for pair in self.topology.bonds],
            "forces": "forces of the unbiased system, mapped onto the beads; no prior subtracted",
            "force_map": parameters.get("force_map"),
            "noise": None if not parameters.get("noise") else {
                "value": parameters["noise"],
                "unit": "nm",
                "meaning": "standard deviation of the noise on positions; forces include its score",
            },
            "bias": self._bias(),
        }  # fmt: skip

    def _trajectories(self) -> list[dict[str, Any]]:
        """Files in order, so that training and test frames can be split between them."""
        found = []
        for file in self.dataset.files():
            path = file.parts[0].path
            times = file.times()
            found.append(
                {
                    "file": path.name,
                    "content": next(iter(contents([path]).values())),
                    "frames": len(file),
                    "first_time": float(times[0]),
                    "last_time": float(times[-1]),
                    "time_unit": "ps",
                }
            )
        return found

    def _bias(self) -> dict[str, Any] | None:
        """What a bias did to the frames; None without."""
        if self.weights is None:
            return None
        of_beads = [part.parameters.get("bias_is_function_of_beads") for part in self.dataset.parts]
        effective = float(self.weights.sum() ** 2 / np.square(self.weights).sum())
        return {
            "function_of_beads": all(of_beads),
            "effective_frames": effective,
            "meaning": "frames are not distributed as without the bias. "
            + (
                "The bias is a function of the beads, so that force matching may use all frames "
                "alike; weights are needed for free energies, and for methods that compare "
                "distributions"
                if all(of_beads)
                else "The bias is not a function of the beads, so that every average, that of "
                "force matching too, needs the weights"
            ),
        }


def _weights(dataset: Dataset, together: bool) -> np.ndarray | None:
    found = []
    for file in dataset.files():
        logs = file.observable("log_weight")
        if np.isnan(logs).any() or not np.isfinite(logs.max()):
            raise InputError(
                f"{file.parts[0].path}: has frames whose weight is not a number, so they cannot be "
                "exported"
            )
        found.append(logs)
    if together:
        found = [np.concatenate(found)]
    if all(np.ptp(logs) == 0 for logs in found):
        return None
    return np.concatenate([weights_of(logs) for logs in found])


def _as_name(text: str) -> str:
    """A name of a molecule or residue that a config takes."""
    return (re.sub(r"[^A-Za-z0-9_-]", "_", text).lstrip("_-") or "X")[:NAME_LENGTH]
