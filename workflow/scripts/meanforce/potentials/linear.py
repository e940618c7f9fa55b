"""Potentials that are linear in their coefficients: U = Σ_k c_k(T) φ((s − s_k)/h).

s is a collective variable, s_k are equally spaced centres, h is their distance, and
c_k(T) = a_k + b_k (T − T₀)/T₀. Beyond the range that the training data cover, U continues with
its slope there plus a harmonic wall, so that a chain comes back to where something is known.
"""

from typing import Any

import torch

from meanforce.potentials.interface import Potential
from meanforce.potentials.variables import CollectiveVariables
from meanforce.settings.collective_variables import EVEN_KINDS, CollectiveVariable
from meanforce.settings.job import validated


class LinearPotential(Potential):
    """Base of `Spline` and `Rbf`, which give the function φ.

    Args:
        values: plain values: `collective_variable` (settings), `bead_names`, `lower`, `upper`
            (ends of the basis), `functions` (their number), `width` (of φ, in h),
            `temperature` (``none`` or ``linear``), `reference_temperature` (T₀, K),
            `sampled` (range of the training data), `wall` (kJ/mol/unit²).
        coefficients: kJ/mol, shape (functions,) or (2·functions,): a, then b.
    """

    def __init__(self, values: dict[str, Any], coefficients: torch.Tensor) -> None:
        super().__init__(coefficients.dtype, coefficients.device)
        self.values = values
        self.coefficients = coefficients
        variable = validated(CollectiveVariable, values["collective_variable"], "potential")
        self.cartesian = any(term.kind == "coordinate" for _, term in variable.terms)
        self._even = all(term.kind in EVEN_KINDS for _, term in variable.terms)
        self._variable = CollectiveVariables(
            [variable], values["bead_names"], self.dtype, self.device
        )
        self.spacing = (values["upper"] - values["lower"]) / (values["functions"] - 1)
        self._centers = torch.linspace(
            values["lower"],
            values["upper"],
            values["functions"],
            dtype=self.dtype,
            device=self.device,
        )

    @property
    def parity(self):
        return "even" if self._even else "none"

    @staticmethod
    def shape(u: torch.Tensor, width: float) -> tuple[torch.Tensor, torch.Tensor]:
        """φ(u) and φ'(u)."""
        raise NotImplementedError

    def basis(self, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """φ_k(s) and dφ_k/ds, each of shape (n, functions)."""
        u = (s[:, None] - self._centers) / self.spacing
        value, slope = self.shape(u, self.values["width"])
        return value, slope / self.spacing

    def temperature_form(self, temperature: torch.Tensor) -> torch.Tensor:
        """Factors 1 and (T − T₀)/T₀ of the coefficients, shape (n, 1 or 2)."""
        one = torch.ones_like(temperature)
        if self.values["temperature"] == "none":
            return one[:, None]
        reference = self.values["reference_temperature"]
        return torch.stack([one, (temperature - reference) / reference], dim=1)

    def variable(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """s, shape (n,), and its gradient in positions, shape (n, n_beads, 3)."""
        values, slopes = self._variable.evaluate(positions.to(self.dtype))
        return values[:, 0], self._variable.pull_back(torch.ones_like(values), slopes)

    def curve(self, s: torch.Tensor, temperature: float) -> tuple[torch.Tensor, torch.Tensor]:
        """U(s) in kJ/mol and dU/ds, each of shape (n,)."""
        temperatures = torch.full_like(s, temperature)
        low, high = self.values["sampled"]
        inside = s.clamp(low, high)
        value, slope = self.basis(inside)
        form = self.temperature_form(temperatures)
        weights = form @ self.coefficients.reshape(form.shape[1], -1)
        energy, derivative = (value * weights).sum(1), (slope * weights).sum(1)
        beyond = s - inside
        wall = self.values["wall"]
        return energy + derivative * beyond + 0.5 * wall * beyond**2, derivative + wall * beyond

    def energy_and_forces(self, positions, temperature):
        s, gradient = self.variable(positions)
        energy, derivative = self.curve(s, float(temperature))
        return energy, -derivative[:, None, None] * gradient

    def state(self):
        return {"coefficients": self.coefficients}, self.values

    @classmethod
    def from_state(cls, tensors, values):
        return cls(values, tensors["coefficients"])
