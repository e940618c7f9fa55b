"""Prior energies: Σ ½k(q − q₀)² + Σ_m [a_m cos mφ + b_m sin mφ] + Σ ε(σ/r)¹² + mixtures + stereo.

Harmonic bonds and angles, Fourier series of dihedrals, and repulsion of pairs that are not
bonded. Stereo centres have k [1 − cos(ω − ω₀)] of their improper dihedral ω, of the centre and
three beads about it in this order. Mixtures are angles with several wells,
−kT ln Σ_w exp[−(e_w + ½k_w(θ − θ_w)²)/kT]: −kT ln of a sum of Gaussians, which far from the wells
rises as the softest of them. The repulsion continues as a straight line below 0.6 σ (where it is
459 ε), so that beads put on top of each other are pushed apart by a force that a time step can
follow.

The prior is an energy: it does not depend on temperature. The energy holds stiff coordinates, and
the residual learns their entropy.
"""

from typing import Any

import torch

from meanforce.core.configuration import Configuration
from meanforce.core.coordinates import CoordinateList
from meanforce.core.neighbours import require_width
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.internal import InternalPotential

STRAIGHT_BELOW = 0.6
"""The repulsion is a straight line below this, in σ."""

MIXTURE = ("mixture_center", "mixture_stiffness", "mixture_energy", "mixture_kt")
"""Tensors of the mixtures."""

REACH = 3.0
"""The repulsion has no cutoff; beyond this, in σ, it is below 2·10⁻⁶ ε, which is negligible."""


class Prior(InternalPotential):
    """Sum of the terms; gradients are written out.

    Args:
        values: plain values: `n_beads`, and bead indices of each term: `bonds`, `angles`,
            `dihedrals`, `excluded` (pairs), and, where there are such terms, `mixtures` and
            `stereo`.
        tensors: `bond_center` (nm), `bond_stiffness` (kJ/mol/nm²), `angle_center` (rad),
            `angle_stiffness` (kJ/mol/rad²), each of shape (terms,); `dihedral_cosine` and
            `dihedral_sine` (kJ/mol), shape (terms, order); `excluded_radius` (σ, nm) and
            `excluded_energy` (ε, kJ/mol), shape (terms,); and where there are mixtures
            `mixture_center` (rad), `mixture_stiffness` (kJ/mol/rad²), `mixture_energy` (e, kJ/mol),
            shape (terms, wells), and `mixture_kt` (kJ/mol), shape (terms,); and for stereo centres
            `stereo_center` (ω₀, rad) and `stereo_stiffness` (k, kJ/mol), shape (terms,).
    """

    kind = "prior"
    supports_periodic = True

    def __init__(self, values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        super().__init__(tensors["bond_center"].dtype, tensors["bond_center"].device)
        self.values, self.tensors = values, tensors
        bonds, excluded = _tuples(values["bonds"]), _tuples(values["excluded"])
        mixtures = _tuples(values.get("mixtures", []))
        coordinates = CoordinateList(
            distances=bonds + excluded,
            angles=_tuples(values["angles"]) + mixtures,
            dihedrals=_tuples(values["dihedrals"]) + _tuples(values.get("stereo", [])),
        )
        self.internal = InternalCoordinates(coordinates, values["n_beads"], self.dtype, self.device)
        functions = {
            "bonds": (_harmonic, ("bond_center", "bond_stiffness")),
            "excluded": (_repulsion, ("excluded_radius", "excluded_energy")),
            "angles": (_harmonic, ("angle_center", "angle_stiffness")),
            "mixtures": (mixture, MIXTURE),
            "dihedrals": (fourier, ("dihedral_cosine", "dihedral_sine")),
            "stereo": (_cosine, ("stereo_center", "stereo_stiffness")),
        }
        # Kinds without terms would cost time in every step.
        present = [name for name in functions if values.get(name)]
        self._functions = [functions[name] for name in present]
        self._sizes = [len(values[name]) for name in present]

    def compute(self, configuration):
        self.require_wide_cell(configuration)
        return super().compute(configuration)

    def require_wide_cell(self, configuration: Configuration[torch.Tensor]) -> None:
        """Refuse cells in which more than one image of a bead would repel another bead.

        Raises:
            InputError: half of the cell's smallest width is less than `REACH`.
        """
        radii = self.tensors["excluded_radius"]
        if configuration.cell is not None and len(radii):
            require_width(configuration.cell, REACH * float(radii.max()), "the prior's repulsion")

    def energy_and_gradient(self, coordinates, temperature):
        terms = [
            function(q, *(self.tensors[name] for name in names))
            for q, (function, names) in zip(
                coordinates.split(self._sizes, dim=1), self._functions, strict=True
            )
        ]
        return sum(energy.sum(1) for energy, _ in terms), torch.cat([g for _, g in terms], dim=1)

    def state(self):
        return dict(self.tensors), self.values

    @classmethod
    def from_state(cls, tensors, values):
        return cls(values, tensors)


def _tuples(lists: list) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(entry) for entry in lists)


Term = tuple[torch.Tensor, torch.Tensor]
"""Energies and their derivatives in the coordinates, each of shape (n, terms)."""


def _harmonic(q: torch.Tensor, center: torch.Tensor, stiffness: torch.Tensor) -> Term:
    away = q - center
    return 0.5 * stiffness * away**2, stiffness * away


def _cosine(angle: torch.Tensor, center: torch.Tensor, stiffness: torch.Tensor) -> Term:
    away = angle - center
    return stiffness * (1 - torch.cos(away)), stiffness * torch.sin(away)


def _repulsion(r: torch.Tensor, radius: torch.Tensor, energy: torch.Tensor) -> Term:
    near = STRAIGHT_BELOW * radius
    inside = r.clamp_min(near)
    value = energy * (radius / inside) ** 12
    slope = -12 * value / inside
    return value + slope * (r - inside), slope


def mixture(
    angle: torch.Tensor,
    center: torch.Tensor,
    stiffness: torch.Tensor,
    energy: torch.Tensor,
    kt: torch.Tensor,
) -> Term:
    """−kT ln Σ_w exp[−(e_w + ½k_w(θ − θ_w)²)/kT], and its derivative.

    Args:
        angle: θ, rad, shape (n, terms).
        center: θ_w, shape (terms, wells).
        stiffness: k_w, shape (terms, wells).
        energy: e_w, shape (terms, wells).
        kt: shape (terms,).
    """
    away = angle[..., None] - center
    wells = -(energy + 0.5 * stiffness * away**2) / kt[:, None]
    shares = torch.softmax(wells, dim=-1)
    return -kt * torch.logsumexp(wells, dim=-1), (shares * stiffness * away).sum(-1)


def fourier(angle: torch.Tensor, cosine: torch.Tensor, sine: torch.Tensor) -> Term:
    """Σ_m a_m cos mφ + b_m sin mφ, m = 1, 2, ..., and its derivative.

    Args:
        angle: φ, rad, shape (n, terms).
        cosine: a, shape (terms, order).
        sine: b, shape (terms, order).
    """
    m = torch.arange(1, cosine.shape[1] + 1, dtype=angle.dtype, device=angle.device)
    c, s = torch.cos(angle[..., None] * m), torch.sin(angle[..., None] * m)
    return (cosine * c + sine * s).sum(-1), (m * (sine * c - cosine * s)).sum(-1)
