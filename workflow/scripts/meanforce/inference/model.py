"""Models of kind `cgnet`, with or without a prior, read from their files and evaluated with NumPy.

PyTorch takes about as long to start its operations as a small network takes to compute; for one
configuration at a time NumPy needs a fraction of it. Atomistic sampling, which must not import
PyTorch, uses such models as biases.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.inference.coordinates import Coordinates
from meanforce.inference.network import Network
from meanforce.inference.prior import MeanPrior

KIND = "cgnet"
"""Kind of the models that this module evaluates."""

FORMAT = 2
"""Latest format of model files, as in `meanforce.potentials.files`."""

PREFIX = "prior/"
"""Prefix of the prior's tensors in a file."""


@dataclasses.dataclass(frozen=True)
class StoredModel:
    """A model as it was stored.

    Attributes:
        values: plain values of the network.
        tensors: of the network.
        prior_values: plain values of the prior, or None.
        prior_tensors: of the prior.
    """

    values: dict[str, Any]
    tensors: dict[str, np.ndarray]
    prior_values: dict[str, Any] | None
    prior_tensors: dict[str, np.ndarray]

    @classmethod
    def of(cls, values: dict[str, Any], tensors: dict[str, np.ndarray]) -> "StoredModel":
        """From the values and tensors of the whole model."""
        if "prior" not in values:
            return cls(values, tensors, None, {})
        priors = {n.removeprefix(PREFIX): t for n, t in tensors.items() if n.startswith(PREFIX)}
        rest = {name: t for name, t in tensors.items() if not name.startswith(PREFIX)}
        return cls(values["residual"], rest, values["prior"], priors)

    @classmethod
    def read(cls, path: Path) -> "StoredModel":
        """From a .safetensors file and the .json beside it; no code from the files is run.

        Raises:
            InputError: a file is missing or damaged, or the model is of another kind.
        """
        try:
            text = json.loads(path.with_suffix(".json").read_text())
            tensors, kind, values = load_file(path), text["kind"], text["values"]
            version = text.get("format", 0)
        except (OSError, ValueError, KeyError, TypeError, SafetensorError) as error:
            raise InputError(f"{path}: is not a complete model ({error})") from error
        if kind != KIND or version > FORMAT:
            raise InputError(
                f"{path}: is a model of kind '{kind}', format {version}; allowed here are models "
                f"of kind '{KIND}' up to format {FORMAT}"
            )
        return cls.of(values, tensors)


class NetworkModel:
    """U(R; T) at one temperature: the mean of an ensemble's members.

    Geometry and prior are computed in double precision, the network in its own.

    Args:
        members: of the ensemble, with the same beads and terms.
        temperature: T in K.

    Attributes:
        molecule: the beads.

    Raises:
        InputError: members are of different beads, inputs, widths or terms.
    """

    def __init__(self, members: list[StoredModel], temperature: float) -> None:
        first = members[0]
        if any((m.values, m.prior_values) != (first.values, first.prior_values) for m in members):
            raise InputError(
                "the members of an ensemble have different beads, inputs, widths or terms; give "
                "models of one experiment"
            )
        self.molecule = Topology.of(first.values)
        inputs = self.molecule.all_coordinates()
        self._distances = first.values.get("distances", "plain")
        self._lengths, self._plain = len(inputs.distances), len(inputs.distances + inputs.angles)
        self._dihedrals = len(inputs.dihedrals)
        # Improper dihedrals of the prior follow those of the network.
        stereo = (first.prior_values or {}).get("stereo", [])
        turns = inputs.dihedrals + tuple(tuple(beads) for beads in stereo)
        every = dataclasses.replace(inputs, dihedrals=turns)
        self._impropers = np.zeros(len(stereo))
        self._coordinates = Coordinates(every, self.molecule.size)
        self._network = Network(first.values, [m.tensors for m in members], temperature)
        self._prior = None
        if first.prior_values is not None:
            priors = [m.prior_tensors for m in members]
            self._prior = MeanPrior(first.prior_values, priors, every)

    @classmethod
    def read(cls, paths: list[Path], temperature: float) -> "NetworkModel":
        """From the members' .safetensors files, each with its .json beside it.

        Raises:
            InputError: a file is missing or damaged, of another kind, or they do not fit together.
        """
        try:
            return cls([StoredModel.read(path) for path in paths], temperature)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InputError(
                f"{paths[0]}: its tensors and the values beside it do not make a model of kind "
                f"'{KIND}' ({error}); both files must come from the same run"
            ) from error

    def energy_and_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy in kJ/mol, and forces in kJ/mol/nm, float64, shape (n_beads, 3).

        Args:
            positions: nm, float64, shape (n_beads, 3).
        """
        at = self._coordinates.evaluate(positions)
        n_lengths, n_dihedrals = self._lengths, self._dihedrals
        cosine, sine = at.turns.real[:n_dihedrals], at.turns.imag[:n_dihedrals]
        # Inputs are in the order of `meanforce.potentials.features`.
        start = n_lengths if self._distances == "inverse" else 0
        inputs = [at.plain[start:], sine, cosine]
        if self._distances != "plain":
            inverse = 1.0 / at.plain[:n_lengths]
            inputs.append(inverse)
        energy, slope = self._network.energy_and_gradient(np.concatenate(inputs))
        ends = len(at.plain) - start + n_dihedrals * np.arange(3)
        turns = slope[ends[0] : ends[1]] * cosine - slope[ends[1] : ends[2]] * sine
        plain = slope[: ends[0]]
        if self._distances != "plain":
            along = slope[ends[2] :] * (inverse * inverse)
            if start:
                plain = np.concatenate((-along, plain))
            else:
                plain[:n_lengths] -= along
        if self._prior is not None:
            if len(self._impropers):
                turns = np.concatenate((turns, self._impropers))
            energy += self._prior.add_to(at, plain, turns)
        return energy, -self._coordinates.pull_back(at, plain, turns)
