"""Metrics `pmf_rmse`, `well_difference`, `barrier`: models of systems with an exact PMF.

The potential of a model is its potential of mean force (PMF), and where it is a function of one
collective variable, it is compared directly.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.core.configuration import Configuration
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.statistics.errors import NONE, Error
from meanforce.systems import channel_surface, muller_brown_surface
from meanforce.systems.exact import ExactPmf
from meanforce.units import kt

POINTS = 2000


SYSTEMS = {
    "muller_brown": muller_brown_surface.EXACT,
    "channel": channel_surface.EXACT,
}
"""The exact PMF, by kind of system."""


def exact_pmf_of(
    system_kind: str, surface: Sequence[CollectiveVariableSettings], n_beads: int
) -> ExactPmf | None:
    """The exact PMF, or None where it is not known for the system or these beads.

    Args:
        system_kind: the system's kind in the config.
        surface: collective variables that the model is judged along.
        n_beads: of the model.
    """
    known = SYSTEMS.get(system_kind)
    return known if known and known.system.is_exact(surface, n_beads) else None


def rows(comparison: Comparison) -> list[Row]:
    """PMF error, well difference and barrier in kT, with errors from the ensemble."""
    if comparison.exact is None or comparison.exact.pmf is None:
        return []
    features = comparison.exact.pmf.features
    x, exact, curves = profiles(comparison)
    some = exact < comparison.validation.cutoff / kt(comparison.temperature)
    mean = curves.mean(axis=0)

    def rmse(curve: np.ndarray) -> float:
        difference = (curve - exact)[some]
        return float(np.sqrt(np.mean((difference - difference.mean()) ** 2)))

    wells = [features(x, curve) for curve in curves]
    result = [_rmse_row(comparison, rmse(mean), curves[:, some])]
    for number, name in enumerate(("well_difference", "barrier")):
        training = comparison.training_error([one[number] for one in wells])
        values = features(x, mean)[number], features(x, exact)[number]
        # Neither the model's potential nor the exact one has any noise.
        quantity = Quantity(name, Group.EXACT_PMF, "kT")
        result += compared(quantity, Estimate(values[0], NONE, training), Estimate(values[1], NONE))
    return result


def _rmse_row(comparison: Comparison, value: float, curves: np.ndarray) -> Row:
    """The error is 0 for an exact model; members differ by the draw of the training data."""
    level = curves - curves.mean(axis=1, keepdims=True)
    spread = float(np.sqrt(np.mean(comparison.member_spread(level) ** 2)))
    training = Error(spread, comparison.training_error(np.zeros(len(curves))).dof)
    # For a distance that is only noise, this is about its standard deviation.
    return Row(
        Quantity("pmf_rmse", Group.EXACT_PMF, "kT"), Measure.DISTANCE, value,
        spread / math.sqrt(2), 0.0, 0.0, training.dof, 0.0, 0.0, training.limit(),
    )  # fmt: skip


def profiles(comparison: Comparison) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Exact PMF and the members' potentials along the collective variable.

    Returns:
        points in nm, shape (n,); PMF and potentials in kT, minima at 0, shapes (n,) and
        (n_members, n).
    """
    known, edges = comparison.exact.pmf, comparison.axes.edges[0]
    x = np.linspace(edges[0], edges[-1], POINTS)
    positions = torch.from_numpy(known.positions(x)).to(comparison.trained.ensemble.dtype)
    kT = kt(comparison.temperature)
    curves = []
    with torch.no_grad():
        for member in comparison.trained.members:
            energy, _ = member.energy_and_forces(Configuration(positions, comparison.temperature))
            curves.append(energy.double().numpy() / kT)
    exact = known.pmf(x, comparison.temperature) / kT
    some = exact < comparison.validation.cutoff / kT
    curves = np.array([curve - curve[some].min() for curve in curves])
    return x, exact, curves


def features_of(x: np.ndarray, curve: np.ndarray) -> tuple[float, float]:
    """Second well minus first, and barrier above the first well, of a PMF of Müller–Brown."""
    return muller_brown_surface.EXACT.features(x, curve)
