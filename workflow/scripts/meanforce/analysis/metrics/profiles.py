"""Metrics `fes_rmse_<quantity>`: one-dimensional free energies, and the curves behind them.

F(s) = −kT ln p(s) of every collective variable of the mapping, of chosen distances of beads, and
of molecules' extents. No Jacobian is taken off: ideal beads have F(r) = −2 kT ln r.
"""

import dataclasses

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.chain_dimensions import extents
from meanforce.analysis.rows import Quantity, Row, distance
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
        model: by units, shape (n_units, n_bins), 1 in sum over all.
        reference: likewise; one unit is exact. None without a reference.
        members: histograms of the members of the ensemble, shape (n_members, n_bins).
    """

    quantity: str
    kind: str
    unit: str
    edges: np.ndarray
    model: np.ndarray
    reference: np.ndarray | None
    members: np.ndarray


def rows(comparison: Comparison) -> list[Row]:
    """Free-energy RMSE of every profile; none without a reference."""
    low = comparison.kT, comparison.validation.cutoff / KCAL
    result = []
    for profile in profiles(comparison):
        if profile.reference is None:
            continue
        metric = FreeEnergyRmse(*low, (is_periodic(profile.kind),))
        model, reference = profile.model.sum(axis=0), profile.reference.sum(axis=0)
        training = comparison.training_error_of(metric, list(profile.members), reference)
        noise = metric.noise(profile.model, profile.reference)
        value = metric.value(model, reference)
        quantity = Quantity(f"fes_rmse_{profile.quantity}", Group.PROFILES, "kcal/mol")
        result.append(distance(quantity, value, noise, training))
    return result


def curves(comparison: Comparison) -> list[Curve]:
    """Free energies of every profile in kcal/mol, minimum 0, with standard errors."""
    return [curve_of(comparison, profile) for profile in profiles(comparison)]


def curve_of(comparison: Comparison, profile: Profile) -> Curve:
    """Free energy of a profile in kcal/mol, minimum 0, with standard errors."""
    name = f"curve of {profile.quantity}"
    reference = (np.full(len(profile.edges) - 1, np.nan),) * 2
    if profile.reference is not None:
        rng = comparison.stream(name, "reference")
        reference = _free_energies(profile.reference, comparison.kT, rng)
    rng = comparison.stream(name, "model")
    value, error = _free_energies(profile.model, comparison.kT, rng)
    with np.errstate(divide="ignore", invalid="ignore"):
        members = -comparison.kT * np.log(profile.members)
        # For a single network, the band is that of its CG run alone.
        error = np.hypot(error, np.nan_to_num(comparison.member_spread(members)))
    centers = 0.5 * (profile.edges[1:] + profile.edges[:-1])
    labels = profile.quantity, profile.kind, profile.unit
    return Curve(*labels, centers, *reference, value, error)


def profiles(comparison: Comparison) -> list[Profile]:
    """Histograms of every quantity; of the model alone, where there is no reference."""
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
            one = profile_of(comparison, about, edges, ours, None)
            found.append(dataclasses.replace(one, reference=comparison.exact.populations[None]))
        elif comparison.samples:
            theirs = None if reference is None else reference.variables[:, number, None]
            found.append(profile_of(comparison, about, edges, ours, theirs))
    if comparison.samples:
        theirs = {} if reference is None else extents(reference)
        for name, ours in extents(model).items():
            found.append(profile_of(comparison, (name, name, "nm"), None, ours, theirs.get(name)))
    return found


def profile_of(
    comparison: Comparison,
    about: tuple[str, str, str],
    edges: np.ndarray | None,
    ours: np.ndarray,
    theirs: np.ndarray | None,
) -> Profile:
    """Histograms of a quantity.

    Args:
        comparison: of model and reference.
        about: quantity, kind and unit; see `Curve`.
        edges: of the bins; None: they contain both sides except their tails.
        ours: values of the model, shape (n, n_copies), copies being alike.
        theirs: likewise of the reference, or None.
    """
    if edges is None:
        sides = [ours] if theirs is None else [ours, theirs]
        low, high = np.transpose([np.quantile(side, [TAIL, 1 - TAIL]) for side in sides])
        edges = np.linspace(low.min(), high.max(), comparison.validation.bins + 1)
    members = [
        histogram(ours[frames], weights, edges) for frames, weights in comparison.member_weights
    ]
    reference = None
    if theirs is not None:
        reference = unit_histograms(theirs, comparison.reference, edges)
    return Profile(
        *about,
        edges,
        unit_histograms(ours, comparison.model, edges),
        reference,
        np.array(members).reshape(-1, len(edges) - 1),
    )


def _free_energies(
    units: np.ndarray, kT: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Free energy, NaN where empty, and its standard error, NaN where some draw is empty."""
    values = free_energy(units.sum(axis=0), kT)
    with np.errstate(divide="ignore"):
        drawn = -kT * np.log(resampled(units, DRAWS, rng))
    error = np.where(np.isfinite(drawn).all(axis=0), drawn, np.nan).std(axis=0)
    return np.where(np.isfinite(values), values, np.nan), error
