"""Potentials that are linear in their coefficients: U = Σ_q Σ_k c_k(T) φ((q − q_k)/h).

The q are a collective variable, or a molecule's bonds, angles, dihedrals and non-bonded distances,
where coordinates between beads of the same types share a curve. q_k are equally spaced centres, h
is their distance, and c_k(T) = a_k + b_k (T − T₀)/T₀. Beyond the range that the training data
cover, a curve continues with its slope there plus a harmonic wall, so that a chain comes back to
where something is known; curves of non-bonded pairs vanish smoothly at their cutoff instead.
"""

from typing import Any

import torch

from meanforce.core.topology import Topology
from meanforce.potentials.curves import Basis, EnergyCurve
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import Potential
from meanforce.potentials.terms import coordinates_of
from meanforce.potentials.variables import CollectiveVariables
from meanforce.settings.collective_variables import EVEN_KINDS, CollectiveVariableSettings
from meanforce.settings.job import validated


class LinearPotential(Potential):
    """Base of `Spline` and `Rbf`, which give the function φ.

    Args:
        values: plain values: `width` (of φ, in h), `temperature` (``none`` or ``linear``),
            `reference_temperature` (T₀, K), `bead_names`; and either `collective_variable`
            (settings), `lower`, `upper` (ends of the basis), `functions` (their number),
            `sampled` (range of the training data), `wall` (kJ/mol/unit²); or `bead_types`, `bonds`,
            `exclude` (see `coordinates_of`) and `curves` (each a `Curve`).
        coefficients: kJ/mol, shape (functions,) or (2·functions,): a, then b, of all curves.
        errors: what is known of the coefficients' errors, or None; see `Uncertainty`.

    Attributes:
        curves: in the order of their coefficients.
        basis_functions: theirs, for all coordinates.
    """

    switched = False
    """Whether basis functions of curves with a cutoff have to be switched off there."""

    def __init__(
        self,
        values: dict[str, Any],
        coefficients: torch.Tensor,
        errors: dict[str, torch.Tensor] | None = None,
    ) -> None:
        super().__init__(coefficients.dtype, coefficients.device)
        self.values, self.coefficients, self.errors = values, coefficients, errors or {}
        if "collective_variable" in values:
            variable = validated(
                CollectiveVariableSettings, values["collective_variable"], "potential"
            )
            self.coordinates = CollectiveVariables(
                [variable], values["bead_names"], self.dtype, self.device
            )
            self.cartesian = any(term.kind == "coordinate" for _, term in variable.terms)
            self._even = all(term.kind in EVEN_KINDS for _, term in variable.terms)
            self.curves, owners = [_curve_of_variable(values)], [0]
        else:
            molecule = Topology.of(values)
            self.curves = [EnergyCurve.of(curve) for curve in values["curves"]]
            numbers = {(curve.kind, curve.name): n for n, curve in enumerate(self.curves)}
            listed, keys = coordinates_of(molecule, [k for k, _ in numbers], values["exclude"])
            self.coordinates = InternalCoordinates(listed, molecule.size, self.dtype, self.device)
            owners = [numbers[key] for key in keys]
            self._even = not listed.dihedrals
            # Coordinates between beads of the same types share a curve.
            self.permutation_invariant = True
        self.basis_functions = self._basis(owners)
        self._prepared: tuple[float, torch.Tensor] | None = None

    def _basis(self, owners: list[int]) -> Basis:
        return Basis(
            self.curves,
            owners,
            self.shape,
            self.values["width"],
            self.switched,
            self.dtype,
            self.device,
        )

    @property
    def parity(self):
        return "even" if self._even else "none"

    @staticmethod
    def shape(u: torch.Tensor, width: float) -> tuple[torch.Tensor, torch.Tensor]:
        """φ(u) and φ'(u)."""
        raise NotImplementedError

    def temperature_form(self, temperature: torch.Tensor) -> torch.Tensor:
        """Factors 1 and (T − T₀)/T₀ of the coefficients, shape (n, 1 or 2)."""
        one = torch.ones_like(temperature)
        if self.values["temperature"] == "none":
            return one[:, None]
        reference = self.values["reference_temperature"]
        return torch.stack([one, (temperature - reference) / reference], dim=1)

    def _form(self, temperature: float | torch.Tensor) -> torch.Tensor:
        return self.temperature_form(
            torch.as_tensor(temperature, dtype=self.dtype, device=self.device).reshape(-1)
        )

    def basis_of(self, s: torch.Tensor, number: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
        """φ_k(s) and dφ_k/ds of one curve, each of shape (n, functions)."""
        value, slope = self._basis([number]).evaluate(s[None])
        count = self.curves[number].functions
        return value[0, :count].T, slope[0, :count].T

    def basis(self, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """φ_k(s) and dφ_k/ds of the only curve, each of shape (n, functions)."""
        return self.basis_of(s)

    def prepare(self, coefficients: torch.Tensor, basis: Basis) -> torch.Tensor:
        """What `series` needs of coefficients of shape (functions,)."""
        return basis.padded(coefficients)[basis.owners]

    def series(
        self, basis: Basis, q: torch.Tensor, prepared: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Σ_k c_k φ_k and its slope, each of shape (n_coordinates, n), at q of that shape."""
        value, slope = basis.evaluate(q)
        return (value * prepared[..., None]).sum(1), (slope * prepared[..., None]).sum(1)

    def _evaluate(
        self, basis: Basis, q: torch.Tensor, temperature: float | torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Energies of coordinates and their slopes, each of shape (n_coordinates, n)."""
        low, high = basis.range[:, :, None]
        inside = torch.minimum(torch.maximum(q, low), high)
        form = self._form(temperature)
        parts = self.coefficients.reshape(form.shape[1], -1)
        if len(form) == 1:
            energy, slope = self.series(basis, inside, self._at(form, parts, basis))
        else:
            energy = slope = 0.0
            for factor, part in zip(form.T, parts, strict=True):
                u, du = self.series(basis, inside, self.prepare(part, basis))
                energy, slope = energy + factor * u, slope + factor * du
        beyond = q - inside
        wall = torch.where(beyond > 0, basis.walls[1, :, None], basis.walls[0, :, None])
        energy = energy + beyond * (slope + 0.5 * wall * beyond)
        return energy, slope + wall * beyond

    def _at(self, form: torch.Tensor, parts: torch.Tensor, basis: Basis) -> torch.Tensor:
        """Prepared coefficients at one temperature; dynamics asks for the same again and again."""
        if basis is not self.basis_functions:
            return self.prepare((form @ parts)[0], basis)
        key = float(form[0, -1])
        if self._prepared is None or self._prepared[0] != key:
            self._prepared = key, self.prepare((form @ parts)[0], basis)
        return self._prepared[1]

    def curve(
        self, s: torch.Tensor, temperature: float, number: int = 0
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """U(s) in kJ/mol and dU/ds of one curve, each of shape (n,)."""
        energy, slope = self._evaluate(self._basis([number]), s[None], temperature)
        return energy[0], slope[0]

    def energy_and_forces(self, positions, temperature):
        q, vectors = self.coordinates.evaluate(positions.to(self.dtype))
        energy, slope = self._evaluate(self.basis_functions, q.T, temperature)
        return energy.sum(0), -self.coordinates.pull_back(slope.T, vectors)

    def state(self):
        return {"coefficients": self.coefficients} | self.errors, self.values

    @classmethod
    def from_state(cls, tensors, values):
        errors = {name: tensor for name, tensor in tensors.items() if name != "coefficients"}
        return cls(values, tensors["coefficients"], errors)


def _curve_of_variable(values: dict[str, Any]) -> EnergyCurve:
    return EnergyCurve(
        name="collective variable",
        kind="variable",
        functions=values["functions"],
        lower=values["lower"],
        spacing=(values["upper"] - values["lower"]) / (values["functions"] - 1),
        sampled=tuple(values["sampled"]),
        wall=values["wall"],
    )
