"""Prior energies of an ensemble, for one configuration; see `meanforce.potentials.prior`.

A mean of harmonic terms is a harmonic term, and a mean of Fourier series is a Fourier series, to
which the terms of stereo centres belong; the repulsion and mixtures are evaluated for each member.
Terms other than mixtures are arrays over all coordinates, with zeros where there is no term.
"""

import math
from typing import Any, NamedTuple, Self

import numpy as np

from meanforce.core.coordinates import CoordinateList
from meanforce.inference.compiled import compiled
from meanforce.inference.coordinates import Values

STRAIGHT_BELOW = 0.6
"""The repulsion is a straight line below this, in σ."""

MIXTURE = ("mixture_center", "mixture_stiffness", "mixture_energy", "mixture_kt")
"""Tensors of angles with several wells."""


class Harmonic(NamedTuple):
    """Σ ½k (q − c)² over lengths and angles, plus a constant.

    Attributes:
        center: nm and rad, shape (n_pairs + n_angles,).
        stiffness: kJ/mol/nm² and kJ/mol/rad², 0 where there is no term.
        energy: kJ/mol.
    """

    center: np.ndarray
    stiffness: np.ndarray
    energy: float


class Repulsion(NamedTuple):
    """Mean of ε (σ/r)¹², which is a straight line below a part of σ.

    Attributes:
        radius: σ, nm, shape (n_members, n_pairs); 0 where there is no term.
        energy: ε over the number of members, kJ/mol, the same shape.
    """

    radius: np.ndarray
    energy: np.ndarray


class Series(NamedTuple):
    """Σ a cos mφ + b sin mφ over dihedrals and orders m = 1, 2, ….

    Attributes:
        cosine: a, kJ/mol, shape (n_dihedrals, n_orders).
        sine: b.
    """

    cosine: np.ndarray
    sine: np.ndarray


class Mixtures(NamedTuple):
    """Mean of −kT log Σ exp(−E/kT) over angles, of wells E = e + ½k (q − c)².

    Attributes:
        places: of the angles among lengths and angles, shape (n_angles,).
        center: rad, shape (n_members, n_angles, n_wells).
        stiffness: k/kT.
        energy: e/kT.
        kt: kJ/mol, shape (n_members, n_angles).
    """

    places: np.ndarray
    center: np.ndarray
    stiffness: np.ndarray
    energy: np.ndarray
    kt: np.ndarray


class Prior(NamedTuple):
    """Mean of the priors of an ensemble's members; without terms where it has none."""

    harmonic: Harmonic
    repulsion: Repulsion
    mixtures: Mixtures
    series: Series

    @classmethod
    def of(
        cls,
        values: dict[str, Any] | None,
        members: list[dict[str, np.ndarray]],
        coordinates: CoordinateList,
    ) -> Self:
        """Terms of models.

        Args:
            values: plain values of the prior, the same for all members; None: there is none.
            members: tensors of each.
            coordinates: that are evaluated; the prior's are among them.
        """
        plain = list(coordinates.distances) + list(coordinates.angles)
        n_plain, n_pairs = len(plain), len(coordinates.distances)
        if values is None:
            nothing = np.zeros((0, n_pairs))
            return cls(
                Harmonic(np.zeros(n_plain), np.zeros(n_plain), 0.0),
                Repulsion(nothing, nothing),
                _mixtures([], [], {}),
                Series(*np.zeros((2, len(coordinates.dihedrals), 0))),
            )
        places = {beads: number for number, beads in enumerate(plain)}
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
        mean = stiffness.mean(0)
        middle = (stiffness * center).mean(0) / np.where(mean == 0.0, 1.0, mean)
        energy = 0.5 * float(((stiffness * center**2).mean(0) - mean * middle**2).sum())
        radius, strength = (
            np.ascontiguousarray(spread(f"excluded_{name}", "excluded", places)[:, :n_pairs])
            for name in ("radius", "energy")
        )
        cosine, sine = (
            spread(f"dihedral_{name}", "dihedrals", turns).mean(0) for name in ("cosine", "sine")
        )
        if values.get("stereo", []):
            away, hold = (
                spread(f"stereo_{name}", "stereo", turns) for name in ("center", "stiffness")
            )
            # k [1 − cos(ω − ω₀)] is the first order of a series, and a constant.
            first = np.eye(1, cosine.shape[1])
            cosine = cosine - first * (hold * np.cos(away)).mean(0)[:, None]
            sine = sine - first * (hold * np.sin(away)).mean(0)[:, None]
            energy += float(hold.mean(0).sum())
        return cls(
            Harmonic(middle, mean, energy),
            Repulsion(radius, strength / len(members)),
            _mixtures(values.get("mixtures", []), members, places),
            Series(cosine, sine),
        )


def _mixtures(
    angles: list[list[int]],
    members: list[dict[str, np.ndarray]],
    places: dict[tuple[int, ...], int],
) -> Mixtures:
    if not angles:
        # Models from before there were mixtures have no tensors of them.
        none = np.zeros((0, 0, 0))
        return Mixtures(np.zeros(0, dtype=np.int64), none, none, none, np.zeros((0, 0)))
    center, stiffness, energy, kt = (
        np.stack([member[name].astype(np.float64) for member in members]) for name in MIXTURE
    )
    own = np.array([places[tuple(beads)] for beads in angles], dtype=np.int64)
    return Mixtures(own, center, stiffness / kt[..., None], energy / kt[..., None], kt)


@compiled
def add_prior(prior: Prior, at: Values, plain: np.ndarray, turns: np.ndarray) -> float:
    """Energy in kJ/mol; derivatives in the coordinates are added to the two arrays."""
    energy = prior.harmonic.energy
    for number in range(len(plain)):
        away = at.plain[number] - prior.harmonic.center[number]
        slope = prior.harmonic.stiffness[number] * away
        energy += 0.5 * slope * away
        plain[number] += slope
    energy += _repulsion(prior.repulsion, at.plain, plain)
    energy += _wells(prior.mixtures, at.plain, plain)
    return energy + _turns(prior.series, at, turns)


@compiled
def _repulsion(repulsion: Repulsion, values: np.ndarray, slopes: np.ndarray) -> float:
    """With x = σ/r, or its value where the line begins, V = ε x¹² + V' (r − σ/x)."""
    energy = 0.0
    members, pairs = repulsion.radius.shape
    for member in range(members):
        for pair in range(pairs):
            radius = repulsion.radius[member, pair]
            if radius == 0.0:
                continue
            x = min(radius / values[pair], 1.0 / STRAIGHT_BELOW)
            square = x * x
            sixth = square * square * square
            value = repulsion.energy[member, pair] * sixth * sixth
            slope = -12.0 * value * x / radius
            energy += value + slope * (values[pair] - radius / x)
            slopes[pair] += slope
    return energy


@compiled
def _wells(mixtures: Mixtures, values: np.ndarray, slopes: np.ndarray) -> float:
    energy = 0.0
    members, angles, wells = mixtures.center.shape
    for member in range(members):
        for number in range(angles):
            place, kt = mixtures.places[number], mixtures.kt[member, number]
            lowest, total, pull = np.inf, 0.0, 0.0
            depths = np.empty(wells)
            for well in range(wells):
                away = values[place] - mixtures.center[member, number, well]
                stiffness = mixtures.stiffness[member, number, well]
                depths[well] = mixtures.energy[member, number, well] + 0.5 * stiffness * away * away
                lowest = min(lowest, depths[well])
            for well in range(wells):
                away = values[place] - mixtures.center[member, number, well]
                share = math.exp(lowest - depths[well])
                total += share
                pull += share * mixtures.stiffness[member, number, well] * away
            slopes[place] += kt * pull / total / members
            energy += kt * (lowest - math.log(total)) / members
    return energy


@compiled
def _turns(series: Series, at: Values, slopes: np.ndarray) -> float:
    """cos mφ and sin mφ follow from those of (m − 1)φ."""
    energy = 0.0
    dihedrals, orders = series.cosine.shape
    for number in range(dihedrals):
        cosine, sine = at.cosine[number], at.sine[number]
        c, s = 1.0, 0.0
        for order in range(1, orders + 1):
            c, s = c * cosine - s * sine, c * sine + s * cosine
            a, b = series.cosine[number, order - 1], series.sine[number, order - 1]
            energy += a * c + b * s
            slopes[number] += order * (b * c - a * s)
    return energy
