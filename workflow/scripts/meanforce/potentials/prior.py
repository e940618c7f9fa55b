"""Prior energies: U = Σ ½k(q − q₀)² + Σ_m [a_m cos mφ + b_m sin mφ] + Σ ε(σ/r)¹².

Harmonic bonds and angles, Fourier series of dihedrals, and repulsion of pairs that are not
bonded. The repulsion goes on as a straight line below 0.6 σ (where it is 459 ε), so that beads
put on top of each other are pushed apart by a force that a time step can follow.

The prior is an energy: it does not depend on temperature. Stiff coordinates are held by energy,
and what entropy they have, the residual learns.
"""

from typing import Any

import torch

from meanforce.potentials.geometry import CoordinateList, InternalCoordinates
from meanforce.potentials.interface import Potential

STRAIGHT_BELOW = 0.6
"""The repulsion is a straight line below this, in σ."""


class Prior(Potential):
    """Sum of the terms; gradients are written out.

    Args:
        values: plain values: `n_beads`, and bead indices of each term: `bonds`, `angles`,
            `dihedrals`, `excluded` (pairs).
        tensors: `bond_center` (nm), `bond_stiffness` (kJ/mol/nm²), `angle_center` (rad),
            `angle_stiffness` (kJ/mol/rad²), each of shape (terms,); `dihedral_cosine` and
            `dihedral_sine` (kJ/mol), shape (terms, order); `excluded_radius` (σ, nm) and
            `excluded_energy` (ε, kJ/mol), shape (terms,).
    """

    kind = "prior"

    def __init__(self, values: dict[str, Any], tensors: dict[str, torch.Tensor]) -> None:
        super().__init__(tensors["bond_center"].dtype, tensors["bond_center"].device)
        self.values, self.tensors = values, tensors
        bonds, excluded = _tuples(values["bonds"]), _tuples(values["excluded"])
        coordinates = CoordinateList(
            distances=bonds + excluded,
            angles=_tuples(values["angles"]),
            dihedrals=_tuples(values["dihedrals"]),
        )
        self._sizes = [len(values[n]) for n in ("bonds", "excluded", "angles", "dihedrals")]
        self._internal = InternalCoordinates(
            coordinates, values["n_beads"], self.dtype, self.device
        )

    def energy_and_forces(self, positions, temperature):
        return self.mean_energy_and_forces([self], positions, temperature)

    @classmethod
    def mean_energy_and_forces(cls, members, positions, temperature):
        # All members have the same terms, so that coordinates are evaluated once.
        coordinates, vectors = members[0]._internal.evaluate(positions)
        energy, gradient = 0.0, 0.0
        for member in members:
            one, along = member._terms(coordinates)
            energy, gradient = energy + one / len(members), gradient + along / len(members)
        return energy, -members[0]._internal.pull_back(gradient, vectors)

    def _terms(self, coordinates: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Energy, shape (n,), and its gradient in the coordinates, shape (n, n_coordinates)."""
        t = self.tensors
        bonds, excluded, angles, dihedrals = coordinates.split(self._sizes, dim=1)
        parts = [
            _harmonic(bonds, t["bond_center"], t["bond_stiffness"]),
            _repulsion(excluded, t["excluded_radius"], t["excluded_energy"]),
            _harmonic(angles, t["angle_center"], t["angle_stiffness"]),
            fourier(dihedrals, t["dihedral_cosine"], t["dihedral_sine"]),
        ]
        return sum(energy.sum(1) for energy, _ in parts), torch.cat([g for _, g in parts], dim=1)

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


def _repulsion(r: torch.Tensor, radius: torch.Tensor, energy: torch.Tensor) -> Term:
    near = STRAIGHT_BELOW * radius
    inside = r.clamp_min(near)
    value = energy * (radius / inside) ** 12
    slope = -12 * value / inside
    return value + slope * (r - inside), slope


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
