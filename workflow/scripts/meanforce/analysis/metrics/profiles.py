"""Metrics `fes_rmse_<quantity>`: one-dimensional free energies, and the curves behind them.

F(s) = −kT ln p(s) of every collective variable of the mapping, of chosen distances of beads, and
of molecules' extents. No Jacobian is taken off: ideal beads have F(r) = −2 kT ln r.
"""

import dataclasses

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.metrics.chain_dimensions import extents
from meanforce.analysis.rows import Row, distance
from meanforce.analysis.surfaces import histogram, unit_histograms
from meanforce.settings.collective_variables import is_periodic
from meanforce.statistics.free_energies import FreeEnergyRmse, free_energy
from meanforce.statistics.resampling import DRAWS, resampled
from meanforce.units import KCAL

TAIL = 0.001
"""Fraction of frames at either end that may lie beyond a profile without ends of its own."""


@dataclasses.dataclass(frozen=True)
class Profile:
    """Histograms of one quantity in model and reference.

    Attributes:
        quantity, kind, unit: see `Curve`.
        edges: of the bins, shape (n_bins + 1,).
        model, reference: by units, shape (n_units, n_bins); all sum to 1. One unit is exact.
        members: histograms of the members of the ensemble, shape (n_members, n_bins).
    """

    quantity: str
    kind: str
    unit: str
    edges: np.ndarray
    model: np.ndarray
    reference: np.ndarray
    members: np.ndarray


def rows(comparison: Comparison) -> list[Row]:
    """Free-energy RMSE of every profile."""
    low = comparison.kT, comparison.validation.cutoff / KCAL
    result = []
    for profile in profiles(comparison):
        metric = FreeEnergyRmse(*low, (is_periodic(profile.kind),))
        model, reference = profile.model.sum(axis=0), profile.reference.sum(axis=0)
        training = comparison.training_error_of(metric, list(profile.members), reference)
        noise = metric.noise(profile.model, profile.reference)
        value = metric.value(model, reference)
        result.append(distance(f"fes_rmse_{profile.quantity}", value, noise, training, "kcal/mol"))
    return result


def curves(comparison: Comparison) -> list[Curve]:
    """Free energies of every profile in kcal/mol, minimum 0, with standard errors."""
    return [curve_of(comparison, profile) for profile in profiles(comparison)]


def curve_of(comparison: Comparison, profile: Profile) -> Curve:
    """Free energy of a profile in kcal/mol, minimum 0, with standard errors."""
    reference = _curve(comparison, profile.reference)
    value, error = _curve(comparison, profile.model)
    with np.errstate(divide="ignore", invalid="ignore"):
        members = -comparison.kT * np.log(profile.members)
        # Of a single network, the band is that of its CG run alone.
        error = np.hypot(error, np.nan_to_num(comparison.member_spread(members)))
    centers = 0.5 * (profile.edges[1:] + profile.edges[:-1])
    labels = profile.quantity, profile.kind, profile.unit
    return Curve(*labels, centers, *reference, value, error)


def profiles(comparison: Comparison) -> list[Profile]:
    """Histograms of every quantity that both sides have."""
    model, reference = comparison.model, comparison.reference
    found = []
    for number, (name, variable) in enumerate(comparison.variables.items()):
        about = name, variable.kind, variable.unit
        axes = comparison.axes
        edges = axes.edges[number] if number < len(axes.names) else None
        if edges is None and is_periodic(variable.kind):
            edges = np.linspace(-np.pi, np.pi, comparison.validation.bins + 1)
        ours = model.variables[:, number, None]
        if comparison.exact is not None and axes.names == (name,):
            found.append(profile_of(comparison, about, edges, ours, None))
        elif reference is not None:
            theirs = reference.variables[:, number, None]
            found.append(profile_of(comparison, about, edges, ours, theirs))
    if reference is not None:
        theirs = extents(reference)
        for name, ours in extents(model).items():
            found.append(profile_of(comparison, (name, name, "nm"), None, ours, theirs[name]))
    return found


def profile_of(
    comparison: Comparison,
    about: tuple[str, str, str],
    edges: np.ndarray | None,
    ours: np.ndarray,
    theirs: np.ndarray | None,
) -> Profile:
    """Histograms of values of shape (n, n_copies); without `theirs` the reference is exact."""
    if edges is None:
        low, high = np.quantile(ours, [TAIL, 1 - TAIL])
        least, most = np.quantile(theirs, [TAIL, 1 - TAIL])
        edges = np.linspace(min(low, least), max(high, most), comparison.validation.bins + 1)
    members = [
        histogram(ours[frames], weights, edges) for frames, weights in comparison.member_weights
    ]
    if theirs is None:
        reference = comparison.exact[None]
    else:
        reference = unit_histograms(theirs, comparison.reference, edges)
    return Profile(
        *about,
        edges,
        unit_histograms(ours, comparison.model, edges),
        reference,
        np.array(members).reshape(-1, len(edges) - 1),
    )


def _curve(comparison: Comparison, units: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Free energy, NaN where empty, and its standard error, NaN where some draw is empty."""
    values = free_energy(units.sum(axis=0), comparison.kT)
    with np.errstate(divide="ignore"):
        drawn = -comparison.kT * np.log(resampled(units, DRAWS, comparison.rng))
    error = np.where(np.isfinite(drawn).all(axis=0), drawn, np.nan).std(axis=0)
    return np.where(np.isfinite(values), values, np.nan), error
