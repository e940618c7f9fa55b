"""Multilayer perceptrons of an ensemble at one temperature, with their input gradient.

What does not change from step to step is computed once: the temperature's part, the standardisation
of the inputs, the mean over the members.
"""

import itertools
import math
from typing import Any, NamedTuple, Self

import numpy as np

from meanforce.inference.compiled import compiled
from meanforce.units import kt

ENERGY_SCALE = kt(300.0)
"""Unit of the networks' outputs, kJ/mol, as in `meanforce.potentials.cgnet`."""

OUTPUTS = {"none": 1, "feature": 1, "linear": 2, "quadratic": 3}
"""Outputs for each form of the temperature dependence; see `meanforce.potentials.temperature`."""


class Network(NamedTuple):
    """Networks with SiLU activations, whose mean is of interest.

    Attributes:
        mean: of the inputs, float64, shape (size,); it is subtracted in double precision.
        widths: inputs, then those of the hidden layers.
        parameters: of all members, one after the other: weights (inputs of the layer first) and
            biases of all layers in order; then the weights of the output, which give kJ/mol.
        energy: sum of the biases of the outputs, kJ/mol.
    """

    mean: np.ndarray
    widths: np.ndarray
    parameters: np.ndarray
    energy: float

    @classmethod
    def of(
        cls,
        values: dict[str, Any],
        members: list[dict[str, np.ndarray]],
        temperature: float,
        size: int,
    ) -> Self:
        """Networks of models of kind `cgnet`.

        Args:
            values: plain values; the same for all members.
            members: tensors of each, `mean`, `scale`, `weight_0`, `bias_0`, ....
            temperature: K.
            size: number of inputs, without the temperature.

        Raises:
            ValueError: tensors have other shapes than the values say.
        """
        form, count, layers = values["temperature"], len(members), len(values["hidden"])
        shapes = _shapes(values["hidden"], size, form)
        for name, shape in shapes.items():
            for found in (member[name].shape for member in members):
                if found != shape:
                    raise ValueError(f"'{name}' has the shape {found}, not {shape}")
        reduced = (temperature - values["temperature_center"]) / values["temperature_scale"]
        dtype = members[0]["mean"].dtype
        wide = [{n: tensor.astype(np.float64) for n, tensor in one.items()} for one in members]
        factors = reduced ** np.arange(OUTPUTS[form]) * ENERGY_SCALE / count
        mean, parts = wide[0]["mean"], []
        for member in wide:
            weight, bias = member["weight_0"], member["bias_0"]
            if form == "feature":
                bias, weight = bias + reduced * weight[-1], weight[:-1]
            weight = weight / member["scale"][:, None]
            # Members may be standardised differently.
            parts += [weight, bias + (mean - member["mean"]) @ weight]
            for layer in range(1, layers):
                parts += [member[f"weight_{layer}"], member[f"bias_{layer}"]]
            parts.append(member[f"weight_{layers}"] @ factors)
        energy = sum(float(member[f"bias_{layers}"] @ factors) for member in wide)
        parameters = np.concatenate([part.reshape(-1) for part in parts]).astype(dtype)
        return cls(mean, np.array([len(mean), *values["hidden"]]), parameters, energy)


def _shapes(hidden: list[int], size: int, form: str) -> dict[str, tuple[int, ...]]:
    """Of a model's tensors."""
    widths = [size + (form == "feature"), *hidden, OUTPUTS[form]]
    shapes: dict[str, tuple[int, ...]] = {"mean": (size,), "scale": (size,)}
    for layer, (n_in, n_out) in enumerate(itertools.pairwise(widths)):
        shapes |= {f"weight_{layer}": (n_in, n_out), f"bias_{layer}": (n_out,)}
    return shapes


@compiled
def energy_and_gradient(network: Network, features: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy in kJ/mol, and its gradient in the features, float64, shape (size,).

    Args:
        network: to be evaluated, in the precision of its parameters.
        features: float64, shape (size,).
    """
    widths, parameters = network.widths, network.parameters
    size, depth = len(features), len(widths) - 1
    inputs = np.empty(size, parameters.dtype)
    for number in range(size):
        inputs[number] = features[number] - network.mean[number]
    # One row for each hidden layer.
    hidden = np.zeros((depth, widths[1:].max()), parameters.dtype)
    slopes = np.empty_like(hidden)
    energy, gradient, place = network.energy, np.zeros(size), 0
    while place < len(parameters):
        below = inputs
        for layer in range(depth):
            n_in, n_out = widths[layer], widths[layer + 1]
            weights = parameters[place : place + n_in * n_out].reshape(n_in, n_out)
            place += n_in * n_out
            here = hidden[layer, :n_out]
            here[:] = parameters[place : place + n_out]
            place += n_out
            _add_product(below, weights, here)
            _activate(here, slopes[layer])
            below = here
        last = parameters[place : place + widths[depth]]
        place += widths[depth]
        for unit in range(len(last)):
            energy += last[unit] * below[unit]
        end = place - widths[depth]
        along = last * slopes[depth - 1, : len(last)]
        for layer in range(depth - 1, -1, -1):
            n_in, n_out = widths[layer], widths[layer + 1]
            end -= (n_in + 1) * n_out
            weights = parameters[end : end + n_in * n_out].reshape(n_in, n_out)
            back = _products(weights, along)
            if layer:
                along = back * slopes[layer - 1, :n_in]
            else:
                gradient += back
    return energy, gradient


@compiled
def _add_product(inputs: np.ndarray, weights: np.ndarray, outputs: np.ndarray) -> None:
    """Four rows at a time, so that outputs are read and written less often."""
    n_in, n_out = weights.shape
    whole = n_in // 4 * 4
    for row in range(0, whole, 4):
        a, b, c, d = inputs[row], inputs[row + 1], inputs[row + 2], inputs[row + 3]
        w, x, y, z = weights[row], weights[row + 1], weights[row + 2], weights[row + 3]
        for unit in range(n_out):
            outputs[unit] += a * w[unit] + b * x[unit] + c * y[unit] + d * z[unit]
    for row in range(whole, n_in):
        a, w = inputs[row], weights[row]
        for unit in range(n_out):
            outputs[unit] += a * w[unit]


@compiled
def _products(weights: np.ndarray, along: np.ndarray) -> np.ndarray:
    """The product of each row with a vector; four rows at a time."""
    n_rows, n_units = weights.shape
    result, whole = np.empty(n_rows, weights.dtype), n_rows // 4 * 4
    zero = np.zeros(1, weights.dtype)[0]  # of this type; sums stay in its precision
    for row in range(0, whole, 4):
        w, x, y, z = weights[row], weights[row + 1], weights[row + 2], weights[row + 3]
        a, b, c, d = zero, zero, zero, zero
        for unit in range(n_units):
            slope = along[unit]
            a += w[unit] * slope
            b += x[unit] * slope
            c += y[unit] * slope
            d += z[unit] * slope
        result[row], result[row + 1], result[row + 2], result[row + 3] = a, b, c, d
    for row in range(whole, n_rows):
        w, a = weights[row], zero
        for unit in range(n_units):
            a += w[unit] * along[unit]
        result[row] = a
    return result


@compiled
def _activate(values: np.ndarray, slopes: np.ndarray) -> None:
    """SiLU z/(1 + e^{−z}) in place, and its derivative."""
    one = np.ones(1, values.dtype)[0]  # of this type; so is what is computed with it
    for unit in range(len(values)):
        z = values[unit]
        gate = one / (one + math.exp(-z))
        values[unit] = z * gate
        slopes[unit] = gate + z * gate * (one - gate)
