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
        n_pairs, n_turns = len(inputs.distances), len(inputs.dihedrals)
        # Improper dihedrals of the prior follow those of the network.
        stereo = tuple(map(tuple, (first.prior_values or {}).get("stereo", [])))
        every = dataclasses.replace(inputs, dihedrals=inputs.dihedrals + stereo)
        distances = first.values.get("distances", "plain")
        size = len(inputs.angles) + 2 * n_turns + n_pairs * (2 if distances == "both" else 1)
        self._parts = Model(
            Terms.of(every),
            n_turns,
            distances != "inverse",
            distances != "plain",
            Network.of(first.values, [m.tensors for m in members], temperature, size),
            Prior.of(first.prior_values, [m.prior_tensors for m in members], every),
        )
        self._made = None

    @property
    def _model(self) -> List:
        """What compiled code takes: each array takes it half a microsecond, a list is a pointer."""
        if self._made is None:
            self._made = List([self._parts])
        return self._made

    def __getstate__(self) -> dict[str, Any]:
        # Python cannot copy such a list.
        return self.__dict__ | {"_made": None}

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

        Raises:
            ValueError: positions are of another number of beads.
        """
        if positions.shape != (self.molecule.size, 3):
            raise ValueError(f"positions of {self.molecule.size} beads, not {positions.shape}")
        # A copy, since compiled code would be made anew for another order or read-only memory.
        own = np.array(positions, dtype=float, order="C")
        energy, gradient = _evaluate(self._model, own)
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
def _evaluate(models: list[Model], positions: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy in kJ/mol, and its gradient in the positions, kJ/mol/nm, shape (n_beads, 3)."""
    model = models[0]
    at = evaluate(positions, model.terms)
    n_pairs, n_angles, n_turns = len(model.terms.pairs), len(model.terms.angles), model.turns
    # In the order of `meanforce.potentials.features`: r, angles, sines, cosines, 1/r.
    left_out = 0 if model.plain else n_pairs
    sines = n_pairs + n_angles - left_out
    cosines, inverse = sines + n_turns, sines + 2 * n_turns
    inputs = np.empty(inverse + (n_pairs if model.inverse else 0))
    inputs[:sines] = at.plain[left_out:]
    inputs[sines:cosines] = at.sine[:n_turns]
    inputs[cosines:inverse] = at.cosine[:n_turns]
    if model.inverse:
        inputs[inverse:] = 1.0 / at.plain[:n_pairs]
    energy, slopes = energy_and_gradient(model.network, inputs)
    # Derivatives in lengths and angles, and in dihedrals.
    plain, turns = np.zeros(n_pairs + n_angles), np.zeros(len(model.terms.dihedrals))
    plain[left_out:] = slopes[:sines]
    for turn in range(n_turns):
        turns[turn] = (
            slopes[sines + turn] * at.cosine[turn] - slopes[cosines + turn] * at.sine[turn]
        )
    if model.inverse:
        for pair in range(n_pairs):
            plain[pair] -= slopes[inverse + pair] * inputs[inverse + pair] ** 2
    energy += add_prior(model.prior, at, plain, turns)
    return energy, pull_back(len(positions), model.terms, at, plain, turns)
