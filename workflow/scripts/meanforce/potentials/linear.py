"""Potentials that are linear in their coefficients: U = Σ_q Σ_k c_k(T) φ((q − q_k)/h).

The q are a collective variable, or a molecule's bonds, angles, dihedrals and non-bonded distances,
where coordinates between beads of the same types share a curve. q_k are equally spaced centres, h
is their distance, and c_k(T) = a_k + b_k (T − T₀)/T₀. Beyond the range that the training data
cover, a curve continues with its slope there plus a harmonic wall, so that a chain returns to the
sampled range; curves of non-bonded pairs vanish smoothly at their cutoff instead.
"""

import functools
from typing import Any

import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.potentials.curves import Basis, EnergyCurve
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import Potential
from meanforce.potentials.pair_terms import PairTerms
from meanforce.potentials.terms import coordinates_of
from meanforce.potentials.variables import CollectiveVariables
from meanforce.settings.collective_variables import EVEN_KINDS, CollectiveVariableSettings
from meanforce.settings.job import validated

MANY = 300
"""Beads from which non-bonded pairs are found by neighbour search also without a cell."""


class LinearPotential(Potential):
    """Base of `Spline` and `Rbf`, which give the function φ.

    Args:
        values: plain values: `width` (of φ, in h), `temperature` (``none`` or ``linear``),
            `reference_temperature` (T₀, K), `bead_names`; and either `collective_variable`
            (settings), `lower`, `upper` (ends of the basis), `functions` (their number),
            `sampled` (range of the training data), `wall` (kJ/mol/unit²); or `bead_types`, `bonds`,
            `exclude` (see `coordinates_of`) and `curves` (each an `EnergyCurve`).
        coefficients: kJ/mol, shape (functions,) or (2·functions,): a, then b, of all curves.
        errors: tensors behind the errors of the coefficients, or None; see
            `potentials.uncertainty`.

    Attributes:
        curves: in the order of their coefficients.
    """

    switched = False
    """Whether basis functions of curves with a cutoff have to be switched off there."""

    pieces: torch.Tensor | None = None
    """φ as polynomials, see `Basis.near`; None where it is none."""

    def __init__(
        self,
        values: dict[str, Any],
        coefficients: torch.Tensor,
        errors: dict[str, torch.Tensor] | None = None,
    ) -> None:
        super().__init__(coefficients.dtype, coefficients.device)
        self.values, self.coefficients, self.errors = values, coefficients, errors or {}
        self._prepared: tuple[float, torch.Tensor] | None = None
        if "collective_variable" in values:
            variable = validated(
                CollectiveVariableSettings, values["collective_variable"], "potential"
            )
            self.curves = [_curve_of_variable(values)]
            variables = CollectiveVariables(
                [variable], values["bead_names"], self.dtype, self.device
            )
            self._listed, self._many = (variables, self._basis([0])), False
            self.cartesian = any(term.kind == "coordinate" for _, term in variable.terms)
            self._even = all(term.kind in EVEN_KINDS for _, term in variable.terms)
            return
        self.curves = [EnergyCurve.of(curve) for curve in values["curves"]]
        # Coordinates between beads of the same types share a curve.
        self.permutation_invariant = self.supports_periodic = True
        self._even = all(curve.kind != "dihedrals" for curve in self.curves)
        self._many = Topology.of(values).size > MANY
        # All pairs are listed only when they are needed.
        self._listed = None

    @property
    def coordinates(self) -> InternalCoordinates | CollectiveVariables:
        """All coordinates of the sum."""
        return self._all()[0]

    @property
    def basis_functions(self) -> Basis:
        """Those of all `coordinates`."""
        return self._all()[1]

    @functools.cached_property
    def of_curves(self) -> Basis:
        """The basis with one coordinate for each curve: where its coefficients are."""
        return self._basis(list(range(len(self.curves))))

    def of_curve(self, number: int) -> Basis:
        """The basis of one coordinate of one curve."""
        return self._basis([number])

    def _all(self) -> tuple[InternalCoordinates | CollectiveVariables, Basis]:
        if self._listed is None:
            self._listed = self._terms()
        return self._listed

    def _terms(self, without: str = "") -> tuple[InternalCoordinates, Basis] | None:
        """Coordinates of all curves but those of one kind, and their basis; None without any."""
        molecule = Topology.of(self.values)
        numbers = {(curve.kind, curve.name): n for n, curve in enumerate(self.curves)}
        kinds = [kind for kind, _ in numbers if kind != without]
        listed, keys = coordinates_of(molecule, kinds, self.values["exclude"], numbers)
        if not keys:
            return None
        internal = InternalCoordinates(listed, molecule.size, self.dtype, self.device)
        return internal, self._basis([numbers[key] for key in keys])

    @functools.cached_property
    def bonded_terms(self) -> tuple[InternalCoordinates, Basis] | None:
        """Coordinates of all curves but those of pairs, and their basis; None without any."""
        return self._terms(without="pairs")

    @functools.cached_property
    def pair_terms(self) -> tuple[PairTerms, dict[int, Basis]] | None:
        """Non-bonded pairs, and the basis of each of their curves; None without any."""
        own = {number: curve for number, curve in enumerate(self.curves) if curve.kind == "pairs"}
        if not own:
            return None
        terms = PairTerms(
            Topology.of(self.values),
            self.values["exclude"],
            {curve.name: number for number, curve in own.items()},
            max(curve.cutoff for curve in own.values()),
        )
        return terms, {number: self._basis([number]) for number in own}

    def coordinates_of_curves(self) -> list[int]:
        """How many coordinates share each curve, whatever their values."""
        if self._listed is not None:
            return torch.bincount(self._listed[1].owners, minlength=len(self.curves)).tolist()
        counts = [0] * len(self.curves)
        for basis in () if self.bonded_terms is None else (self.bonded_terms[1],):
            for owner in basis.owners.tolist():
                counts[owner] += 1
        if self.pair_terms is not None:
            for number, count in self.pair_terms[0].counts().items():
                counts[number] = count
        return counts

    @property
    def needs_no_cell(self):
        return (
            "it is a function of a collective variable, which has no periodic images; allowed are "
            "configurations without a cell, or a potential of 'terms'"
        )

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
        """Coefficients of shape (functions,) in the form that `series` takes."""
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
        """Prepared coefficients at one temperature, as dynamics uses it repeatedly."""
        if self._listed is None or basis is not self.basis_functions:
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

    def compute(self, configuration):
        configuration = configuration.map(lambda tensor: tensor.to(self.dtype))
        if configuration.cell is not None or self._many:
            return self._by_neighbours(configuration)
        q, vectors = self.coordinates.evaluate(configuration.positions)
        energy, slope = self._evaluate(self.basis_functions, q.T, configuration.temperature)
        return energy.sum(0), -self.coordinates.pull_back(slope.T, vectors)

    def _by_neighbours(
        self, configuration: Configuration[torch.Tensor]
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The same sum with pairs from a neighbour search, in a cell with nearest images."""
        positions, temperature = configuration.positions, configuration.temperature
        energy, forces = positions.new_zeros(len(positions)), torch.zeros_like(positions)
        if self.bonded_terms is not None:
            internal, basis = self.bonded_terms
            q, vectors = internal.evaluate(positions, configuration.cell)
            each, slope = self._evaluate(basis, q.T, temperature)
            energy = energy + each.sum(0)
            forces = forces - internal.pull_back(slope.T, vectors)
        if self.pair_terms is None:
            return energy, forces
        terms, bases = self.pair_terms
        beads, flat = positions.reshape(-1, 3), forces.reshape(-1, 3).contiguous()
        for pairs in terms.find(configuration):
            vectors = beads[pairs.second] - beads[pairs.first]
            if pairs.offsets is not None:
                vectors = vectors + pairs.offsets
            r = vectors.norm(dim=1)
            own = configuration.temperature_per_frame
            at = temperature[pairs.frame] if own else temperature
            each, slope = self._evaluate(bases[pairs.curve], r[None], at)
            along = vectors * (slope[0] / r)[:, None]
            energy = energy.index_add(0, pairs.frame, each[0])
            flat = flat.index_add(0, pairs.first, along).index_add(0, pairs.second, -along)
        return energy, flat.view_as(positions)

    @classmethod
    def mean_of(cls, members):
        first = members[0]
        if any(member.values != first.values for member in members):
            return None
        mean = cls(first.values, torch.stack([one.coefficients for one in members]).mean(0))
        for member in members:
            # One search serves all that are evaluated at the same configurations.
            member.pair_terms = mean.pair_terms
        return mean

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
