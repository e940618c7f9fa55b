"""Models of kind `cgnet`, with or without a prior, read from their files and evaluated with Numba.

PyTorch and NumPy take longer to start their operations than a small network takes to compute; for
one configuration at a time, loops in machine code need a fraction of it. Atomistic sampling, which
must not import PyTorch, uses such models as biases.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numba.typed import List
from safetensors import SafetensorError
from safetensors.numpy import load_file

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.inference.compiled import compiled
from meanforce.inference.coordinates import Terms, evaluate, pull_back
from meanforce.inference.network import Network, energy_and_gradient
from meanforce.inference.prior import Prior, add_prior

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
        # Improper dihedrals of the prior follow those of the network.
        stereo = tuple(map(tuple, (first.prior_values or {}).get("stereo", [])))
        every = dataclasses.replace(inputs, dihedrals=inputs.dihedrals + stereo)
        distances = first.values.get("distances", "plain")
        model = Model(
            Terms.of(every),
            len(inputs.dihedrals),
            distances != "inverse",
            distances != "plain",
            Network.of(first.values, [m.tensors for m in members], temperature),
            Prior.of(first.prior_values, [m.prior_tensors for m in members], every),
        )
        # Each array that is handed over takes half a microsecond; a list is one pointer.
        self._model = List([model])

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
        energy, gradient = _evaluate(self._model, np.ascontiguousarray(positions, dtype=float))
        return energy, -gradient


class Model(NamedTuple):
    """What does not change from one configuration to the next.

    Attributes:
        terms: coordinates of network and prior.
        turns: the network's dihedrals, which are the first.
        plain: whether lengths r are among the network's inputs.
        inverse: whether 1/r are.
        network: of all members.
        prior: of all members.
    """

    terms: Terms
    turns: int
    plain: bool
    inverse: bool
    network: Network
    prior: Prior


@compiled
def _evaluate(only: list[Model], positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy in kJ/mol, and its gradient in the positions, kJ/mol/nm, shape (n_beads, 3)."""
    model = only[0]
    at = evaluate(positions, model.terms)
    pairs, angles, turns = len(model.terms.pairs), len(model.terms.angles), model.turns
    # In the order of `meanforce.potentials.features`.
    skipped = 0 if model.plain else pairs
    plain = pairs + angles - skipped
    inputs = np.empty(plain + 2 * turns + (pairs if model.inverse else 0))
    inputs[:plain] = at.plain[skipped:]
    inputs[plain : plain + turns] = at.sine[:turns]
    inputs[plain + turns : plain + 2 * turns] = at.cosine[:turns]
    if model.inverse:
        inputs[plain + 2 * turns :] = 1.0 / at.plain[:pairs]
    energy, slope = energy_and_gradient(model.network, inputs)
    along, around = np.zeros(pairs + angles), np.zeros(len(model.terms.dihedrals))
    along[skipped:] = slope[:plain]
    for number in range(turns):
        at_sine, at_cosine = slope[plain + number], slope[plain + turns + number]
        around[number] = at_sine * at.cosine[number] - at_cosine * at.sine[number]
    if model.inverse:
        for pair in range(pairs):
            reciprocal = inputs[plain + 2 * turns + pair]
            along[pair] -= slope[plain + 2 * turns + pair] * reciprocal * reciprocal
    energy += add_prior(model.prior, at, along, around)
    return energy, pull_back(len(positions), model.terms, at, along, around)
