"""Metrics `autocorrelation_time_<variable>`, `speed_up_<variable>`: how fast the model moves.

CG time is not physical time. A potential of mean force has no friction of its own: the chains of
a CG run feel that of their thermostat, a setting, in place of that of the atoms and the solvent
that were left out, and cross barriers the faster for it. So these metrics say what a CG picosecond
is worth for one motion; they do not judge the model, and differ from one motion to the next.
"""

import math

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row
from meanforce.analysis.samples import Sample
from meanforce.statistics.autocorrelation import correlation


def rows(comparison: Comparison) -> list[Row]:
    """Integrated autocorrelation times (ps) of the surface's variables, and their ratio.

    Only where both sides are dynamics without a bias and without exchanges, and long enough for
    their times to be resolved: with a bias it would be the biased system's.
    """
    reference = comparison.reference
    if reference is None or not (comparison.model.dynamical and reference.dynamical):
        return []
    result = []
    for number, name in enumerate(comparison.axes.names):
        times = [
            autocorrelation_time(side, number, comparison.axes.periodic[number])
            for side in (comparison.model, reference)
        ]
        if None in times:
            continue
        (model, model_error), (atomistic, atomistic_error) = times
        ratio = atomistic / model
        ratio_error = ratio * math.hypot(model_error / model, atomistic_error / atomistic)
        metric = f"autocorrelation_time_{name}"
        result += [
            Row(metric, model, model_error, unit="ps"),
            Row(f"{metric}_reference", atomistic, atomistic_error, unit="ps"),
            Row(f"speed_up_{name}", ratio, ratio_error),
        ]
    return result


def autocorrelation_time(sample: Sample, number: int, periodic: bool) -> tuple[float, float] | None:
    """Integrated autocorrelation time ∫₀^∞ ρ(t)dt of a variable and its error, ps.

    Trapezoidal sum of ρ at the stored frames, with Sokal's window; see `data.autocorrelation`. Of
    periodic variables ρ is that of the vector of cosine and sine.

    Args:
        sample: frames of each chain are in order of time and evenly spaced.
        number: column of the variable.
        periodic: whether it lives on [−π, π].

    Returns:
        None where the chains are too short to tell.
    """
    values = sample.variables[:, number]
    columns = np.stack([np.cos(values), np.sin(values)] if periodic else [values], axis=1)
    order = np.argsort(sample.chains, kind="stable")
    starts = np.flatnonzero(np.diff(sample.chains[order])) + 1
    series = np.split(columns[order], starts)
    longest = max(np.split(sample.times[order], starts), key=len)
    if len(longest) < 2:
        return None
    spacing = (longest[-1] - longest[0]) / (len(longest) - 1)
    found = correlation(series)
    if not found.resolved:
        return None
    return 0.5 * spacing * found.inefficiency, 0.5 * spacing * found.error
