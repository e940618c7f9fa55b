"""Metrics of a CG run's stability and convergence, and of hills outside the grid of its bias."""

import math

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure
from meanforce.analysis.rows import Quantity, Row
from meanforce.analysis.samples import Sample
from meanforce.settings.collective_variables import is_periodic
from meanforce.statistics.mixing import (
    drift,
    effective_samples,
    nested_r_hat,
    r_hat,
    r_hat_error,
    superchains,
    whole_chains,
)


def rows(comparison: Comparison) -> list[Row]:
    """Stability and convergence of the CG run.

    `stability` is the fraction of chains that stayed intact, in all and by kind. For each
    collective variable of the surface, or for all of them without a surface, there are (for
    periodic ones, the worse of cosine and sine)

    - `rhat_<variable>`: nested R-hat over chains grouped by their start, about 1 for converged
      chains; for files without the starts, split R-hat, which is larger for short chains.
    - `drift_<variable>`: change of its mean from the first to the second half of the run, in
      standard errors.
    - `effective_samples_<variable>`: number of independent samples of the unbiased ensemble that
      would give its mean as precisely.

    `converged` is 1 if the run has converged by its own settings `until`, and 0 if it ended before;
    there is no such row for a run of a fixed length. At constant pressure it is 1 if the volume has
    settled, see `statistics.settling`.

    `bias_hills_outside` is the share of the hills of the run's bias that are outside its grid,
    where the bias is constant: weights are right there, but nothing is flattened.
    """
    model = comparison.model
    n = len(np.unique(model.chains)) / max(model.stable, 1e-9)
    result = [_fraction("stability", model.stable, n)]
    for kind, broken in model.broken.items():
        result.append(_fraction(f"stability_{kind}", 1.0 - broken, n))
    for number, name in enumerate(comparison.watched):
        values = model.variables[:, number]
        periodic = is_periodic(comparison.variables[name].kind)
        parts = [np.sin(values), np.cos(values)] if periodic else [values]
        result += _mixing(model, name, parts)
    if model.converged is not None:
        result.append(_row("converged", float(model.converged), noise_floor=1.0))
    if model.hills_outside is not None:
        result.append(_row("bias_hills_outside", model.hills_outside, noise_floor=0.0))
    return result


def _mixing(model: Sample, name: str, parts: list[np.ndarray]) -> list[Row]:
    """Rows of one variable, whose components are given for all frames."""
    result = []
    if name not in model.starts:
        worst = max(parts, key=lambda part: r_hat(part, model.chains))
        found = r_hat(worst, model.chains), r_hat_error(worst, model.chains)
        result.append(_row(f"rhat_{name}", *found, noise_floor=1.0))
    else:
        tables = [whole_chains(part, model.chains) for part in parts]
        groups = superchains(model.starts[name][tables[0][1]])
        result += [
            _row(
                f"rhat_{name}",
                *max(nested_r_hat(table, groups) for table, _ in tables),
                noise_floor=1.0,
            ),
            _row(f"drift_{name}", max((drift(table) for table, _ in tables), key=abs), 1.0),
        ]
    samples = min(effective_samples(part, model.weights, model.chains) for part in parts)
    return [*result, _row(f"effective_samples_{name}", *samples)]


def _row(name: str, value: float, stderr: float = math.nan, noise_floor: float = math.nan) -> Row:
    quantity = Quantity(name, Group.CONVERGENCE)
    return Row(quantity, Measure.CONVERGENCE, value, stderr, noise_floor)


def _fraction(name: str, value: float, n: float) -> Row:
    """A fraction of n chains, which is 1 for a perfect model."""
    stderr = float(np.sqrt(max(value * (1 - value), 0.0) / n))
    return Row(Quantity(name, Group.CONVERGENCE), Measure.FRACTION, value, stderr, 1.0)
