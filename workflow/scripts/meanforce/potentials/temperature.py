"""How a network potential depends on temperature.

A CG potential is a free energy, U(R; T) = E(R) − T S(R) with E and S that change slowly with T.
With x = (T − T₀)/ΔT, T₀ the middle and ΔT half the range of the training temperatures:

| form | U(R; T) | outputs of the network |
|---|---|---|
| none | u₀(R) | 1 |
| feature | u₀(R, x): x is an input | 1 |
| linear | u₀(R) + x u₁(R): entropy −u₁/ΔT, energy u₀ − T₀ u₁/ΔT | 2 |
| quadratic | u₀(R) + x u₁(R) + x² u₂(R): the entropy changes with T, too | 3 |

The linear form is U_E + (T − T₀)/T₀ U_S with U_S = u₁ T₀/ΔT; in x, all parts are of the same order
at the training temperatures.
"""

import dataclasses
from typing import Any, Self

import torch

OUTPUTS = {"none": 1, "feature": 1, "linear": 2, "quadratic": 3}


@dataclasses.dataclass(frozen=True)
class TemperatureForm:
    """One of the forms, with its scale.

    Attributes:
        form: key of `OUTPUTS`.
        center: T₀, K.
        scale: ΔT, K.
    """

    form: str
    center: float
    scale: float

    @classmethod
    def initial(cls, form: str, temperatures: list[float]) -> Self:
        """For these training temperatures, K."""
        low, high = min(temperatures), max(temperatures)
        return cls(form, (low + high) / 2, max((high - low) / 2, 1.0))

    @classmethod
    def of(cls, values: dict[str, Any]) -> Self:
        """From a model's plain values."""
        return cls(*(values[key] for key in cls._keys()))

    def parameters(self) -> dict[str, Any]:
        """The inverse of `of`."""
        return dict(zip(self._keys(), dataclasses.astuple(self), strict=True))

    @staticmethod
    def _keys() -> tuple[str, str, str]:
        return "temperature", "temperature_center", "temperature_scale"

    @property
    def outputs(self) -> int:
        """Numbers that the network has to give for a configuration."""
        return OUTPUTS[self.form]

    @property
    def inputs(self) -> int:
        """Numbers that the network takes besides the configuration: `reduced`, or nothing."""
        return int(self.form == "feature")

    def reduced(self, temperature: float | torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """x, shape (n or 1, 1), in the type and on the device of `like`.

        Args:
            temperature: K, one number or shape (n,).
            like: any tensor.
        """
        reduced = (temperature - self.center) / self.scale
        if not isinstance(reduced, torch.Tensor):
            # A number made on a GPU: one copied there would hold up every step.
            return like.new_full((1, 1), reduced)
        return reduced.to(like).reshape(-1, 1)

    def factors(self, temperature: float | torch.Tensor, like: torch.Tensor) -> torch.Tensor:
        """Factors of the outputs in the sum for the energy: 1, x, x²; shape (n or 1, outputs)."""
        reduced = self.reduced(temperature, like)
        return torch.cat([reduced**power for power in range(self.outputs)], dim=1)
