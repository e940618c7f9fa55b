"""Prior energies of an ensemble, for one configuration; see `meanforce.potentials.prior`.

A mean of harmonic terms is a harmonic term, and a mean of Fourier series is a Fourier series, to
which the terms of stereo centres belong; the repulsion and mixtures are evaluated for each member.
Terms other than mixtures are arrays over all coordinates, with zeros where there is no term, as
gathering those of a few terms takes longer.
"""

from typing import Any

import numpy as np

from meanforce.core.coordinates import CoordinateList
from meanforce.inference.coordinates import Values

STRAIGHT_BELOW = 0.6
"""The repulsion is a straight line below this, in σ."""


MIXTURE = ("mixture_center", "mixture_stiffness", "mixture_energy", "mixture_kt")
"""Tensors of angles with several wells."""


class MeanPrior:
    """Mean of the priors of an ensemble's members.

    Args:
        values: plain values of the prior; the same for all members.
        members: tensors of each.
        coordinates: that are evaluated; the prior's are among them.
    """

    def __init__(
        self,
        values: dict[str, Any],
        members: list[dict[str, np.ndarray]],
        coordinates: CoordinateList,
    ) -> None:
        lengths, angles = list(coordinates.distances), list(coordinates.angles)
        self._lengths = len(lengths)
        places = {beads: number for number, beads in enumerate(lengths + angles)}
        turns = {beads: number for number, beads in enumerate(coordinates.dihedrals)}

        def spread(name: str, terms: str, places: dict[tuple[int, ...], int]) -> np.ndarray:
            """Parameters of all members on all places, shape (n_members, n_places, ...)."""
            own = np.stack([member[name].astype(np.float64) for member in members])
            full = np.zeros((len(members), len(places), *own.shape[2:]))
            where = [places[tuple(beads)] for beads in values[terms]]
            full[:, np.array(where, dtype=np.intp)] = own
            return full

        center, stiffness = (
            spread(f"bond_{name}", "bonds", places) + spread(f"angle_{name}", "angles", places)
            for name in ("center", "stiffness")
        )
        # The mean of ½k_m(q − c_m)² is ½k(q − c)² + e, with k the mean of the k_m.
        self._stiffness = stiffness.mean(0)
        full = np.where(self._stiffness == 0.0, 1.0, self._stiffness)
        self._center = (stiffness * center).mean(0) / full
        rest = (stiffness * center**2).mean(0) - self._stiffness * self._center**2
        self._energy = 0.5 * float(rest.sum())
        radius, energy = (
            spread(f"excluded_{name}", "excluded", places)[:, : self._lengths]
            for name in ("radius", "energy")
        )
        self._repels = bool(values["excluded"])
        self._radius, self._repulsion = radius, energy / len(members)
        none = radius == 0.0
        self._push = np.where(none, 0.0, -12.0 * self._repulsion / np.where(none, 1.0, radius))
        self._mixtures = None
        if values.get("mixtures"):
            self._mixtures = _Mixtures(values["mixtures"], members, places)
        cosine, sine = (
            spread(f"dihedral_{name}", "dihedrals", turns).mean(0).T for name in ("cosine", "sine")
        )
        centers = values.get("stereo", [])
        if centers:
            center, stiffness = (
                spread(f"stereo_{name}", "stereo", turns) for name in ("center", "stiffness")
            )
            # k [1 − cos(ω − ω₀)] is the first order of a series, and a constant.
            first = np.eye(1, len(cosine)).T
            cosine = cosine - first * (stiffness * np.cos(center)).mean(0)
            sine = sine - first * (stiffness * np.sin(center)).mean(0)
            self._energy += float(stiffness.mean(0).sum())
        self._turns = bool(values["dihedrals"] or centers)
        # Σ a cos mφ + b sin mφ is the real part of Σ (a − ib) e^{imφ}.
        self._series = cosine + 1j * sine
        self._slopes = np.arange(1.0, len(cosine) + 1)[:, None] * (cosine - 1j * sine)

    def add_to(self, at: Values, plain: np.ndarray, turns: np.ndarray) -> float:
        """Energy in kJ/mol; derivatives in the coordinates are added to the two arrays."""
        away = at.plain - self._center
        slope = self._stiffness * away
        energy = self._energy + 0.5 * float(slope @ away)
        if self._repels:
            r = at.plain[: self._lengths]
            # With x = σ/r, or its value where the line begins, V = ε x¹² + V' (r − σ/x) and
            # V' = −12 ε x¹³/σ, so that V = 13 ε x¹² + V' r.
            x = self._radius / r
            np.minimum(x, 1.0 / STRAIGHT_BELOW, out=x)
            power = x * x
            power *= power * power
            power *= power
            x *= power
            x *= self._push
            push = np.add.reduce(x)
            energy += 13.0 * float(np.vdot(self._repulsion, power)) + float(push @ r)
            slope[: self._lengths] += push
        plain += slope
        if self._mixtures is not None:
            energy += self._mixtures.add_to(at.plain, plain)
        if self._turns:
            powers = np.empty_like(self._series)
            powers[0] = at.turns
            for order in range(1, len(powers)):
                np.multiply(powers[order - 1], at.turns, out=powers[order])
            energy += float(np.vdot(self._series, powers).real)
            powers *= self._slopes
            turns -= np.add.reduce(powers).imag
        return energy


class _Mixtures:
    """Angles with several wells, of all members.

    Args:
        angles: beads of each.
        members: tensors of each member.
        places: of lengths and angles among the plain coordinates.
    """

    def __init__(
        self,
        angles: list[list[int]],
        members: list[dict[str, np.ndarray]],
        places: dict[tuple[int, ...], int],
    ) -> None:
        self._places = np.array([places[tuple(beads)] for beads in angles])

        def of_all(name: str) -> np.ndarray:
            return np.stack([member[f"mixture_{name}"].astype(np.float64) for member in members])

        self._center, self._kt = of_all("center"), of_all("kt")
        # In units of kT, shape (n_members, n_angles, n_wells).
        self._stiffness = of_all("stiffness") / self._kt[..., None]
        self._energy = of_all("energy") / self._kt[..., None]

    def add_to(self, values: np.ndarray, plain: np.ndarray) -> float:
        """Energy in kJ/mol; derivatives are added to an array."""
        away = values[self._places][:, None] - self._center
        pull = self._stiffness * away
        wells = self._energy + 0.5 * pull * away
        lowest = wells.min(-1, keepdims=True)
        shares = np.exp(lowest - wells)
        total = shares.sum(-1)
        slopes = self._kt * (shares * pull).sum(-1) / total
        plain[self._places] += slopes.mean(0)
        return float((self._kt * (lowest[..., 0] - np.log(total))).sum(-1).mean())
