"""Multilayer perceptrons of an ensemble at one temperature, with their input gradient.

What does not change from step to step is computed once: the temperature's part, the standardisation
of the inputs, the mean over the members. The members' weights are stacked, so that they take one
product for each layer.
"""

from typing import Any

import numpy as np

from meanforce.units import kt

ENERGY_SCALE = kt(300.0)
"""Unit of the networks' outputs, kJ/mol, as in `meanforce.potentials.cgnet`."""

OUTPUTS = {"none": 1, "feature": 1, "linear": 2, "quadratic": 3}
"""Outputs for each form of the temperature dependence; see `meanforce.potentials.temperature`."""


class Network:
    """Mean of networks with SiLU activations; gradients are written out.

    With z = 2x, SiLU is z/(1 + e^{−z}) = x(1 + tanh x), which does not overflow. The layers compute
    x: their weights and biases are halved, which is exact in binary numbers.

    Args:
        values: plain values of a model of kind `cgnet`; the same for all members.
        members: tensors of each, `mean`, `scale`, `weight_0`, `bias_0`, ....
        temperature: K.
    """

    def __init__(
        self, values: dict[str, Any], members: list[dict[str, np.ndarray]], temperature: float
    ) -> None:
        form, count = values["temperature"], len(members)
        reduced = (temperature - values["temperature_center"]) / values["temperature_scale"]
        self.dtype = members[0]["mean"].dtype
        wide = [{n: tensor.astype(np.float64) for n, tensor in one.items()} for one in members]
        self._layers, self._mean = len(values["hidden"]), wide[0]["mean"]
        factors = reduced ** np.arange(OUTPUTS[form]) * ENERGY_SCALE / count
        first, biases = [], []
        for member in wide:
            weight, bias = member["weight_0"], member["bias_0"]
            if form == "feature":
                bias, weight = bias + reduced * weight[-1], weight[:-1]
            weight = weight / member["scale"][:, None]
            first.append(weight)
            # Members may be standardised differently.
            biases.append(bias + (self._mean - member["mean"]) @ weight)
        self._in = self._halved(np.concatenate(first, axis=1))
        self._in_back = np.ascontiguousarray(self._in.T)
        self._biases = [self._halved(np.stack(biases)[:, None])]
        self._weights, self._back = [], []
        for layer in range(1, self._layers):
            stacked = self._halved(np.stack([member[f"weight_{layer}"] for member in wide]))
            self._weights.append(stacked)
            self._back.append(np.ascontiguousarray(stacked.transpose(0, 2, 1)))
            biases = np.stack([member[f"bias_{layer}"] for member in wide])
            self._biases.append(self._halved(biases[:, None]))
        last = [member[f"weight_{self._layers}"] @ factors for member in wide]
        self._last = np.stack(last)[:, None].astype(self.dtype)
        self._energy = sum(float(member[f"bias_{self._layers}"] @ factors) for member in wide)

    def _halved(self, array: np.ndarray) -> np.ndarray:
        return np.ascontiguousarray(0.5 * array, dtype=self.dtype)

    def energy_and_gradient(self, features: np.ndarray) -> tuple[float, np.ndarray]:
        """Energy in kJ/mol, and its gradient in the features, float64, shape (size,).

        Args:
            features: float64, shape (size,).
        """
        hidden, slopes = (features - self._mean).astype(self.dtype), []
        for layer, bias in enumerate(self._biases):
            # The products of the first layer are those of all members in a row.
            if layer:
                x = hidden @ self._weights[layer - 1]
            else:
                x = (hidden @ self._in).reshape(bias.shape)
            x += bias
            gate = np.tanh(x)
            gate += 1.0
            hidden = x * gate
            # d/dx x(1 + tanh x) = g + x g (2 − g) with g = 1 + tanh x.
            slope = 2.0 - gate
            slope *= hidden
            slope += gate
            slopes.append(slope)
        energy = float(np.vdot(hidden, self._last)) + self._energy
        gradient = self._last * slopes[-1]
        for layer in range(self._layers - 1, 0, -1):
            gradient = gradient @ self._back[layer - 1]
            gradient *= slopes[layer - 1]
        return energy, (gradient.reshape(-1) @ self._in_back).astype(np.float64)
