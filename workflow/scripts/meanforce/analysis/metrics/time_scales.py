"""Metrics `autocorrelation_time_<variable>`, `speed_up_<variable>`: how fast the model moves.

CG time is not physical time. A potential of mean force has no friction of its own: the chains of
a CG run feel that of their thermostat, a setting, in place of that of the atoms and the solvent
that were left out, and cross barriers faster. So these metrics give the atomistic time that a CG
picosecond stands for in one motion; they do not judge the model, and differ between motions.
"""

import math

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.rows import Quantity, Row
from meanforce.analysis.samples import Sample
from meanforce.settings.collective_variables import is_periodic
from meanforce.statistics.autocorrelation import correlation


def rows(comparison: Comparison) -> list[Row]:
    """Integrated autocorrelation times (ps) of the surface's variables, and their ratio.

    Without a surface they are those of all variables, and without a reference the model's alone.
    Only where each side is dynamics without a bias and without exchanges, and long enough for its
    times to be resolved: with a bias, they would be those of the biased system.
    """
    sides = list(comparison.samples.values())
    if not sides or not all(side.dynamical for side in sides):
        return []
    result = []
    for number, name in enumerate(comparison.watched):
        periodic = is_periodic(comparison.variables[name].kind)
        times = [autocorrelation_time(side, number, periodic) for side in sides]
        if None in times:
            continue
        quantity = Quantity(f"autocorrelation_time_{name}", Group.DYNAMICS, "ps")
        result.append(Row(quantity, Measure.VALUE, *times[0]))
        if len(times) > 1:
            result.append(Row(quantity, Measure.VALUE, *times[1], source=Source.REFERENCE))
            (model, model_error), (atomistic, atomistic_error) = times
            ratio = atomistic / model
            error = ratio * math.hypot(model_error / model, atomistic_error / atomistic)
            result.append(
                Row(Quantity(f"speed_up_{name}", Group.DYNAMICS), Measure.VALUE, ratio, error)
            )
    return result


def autocorrelation_time(sample: Sample, number: int, periodic: bool) -> tuple[float, float] | None:
    """Integrated autocorrelation time ∫₀^∞ ρ(t)dt of a variable and its error, ps.

    Trapezoidal sum of ρ at the stored frames, with Sokal's window; see
    `statistics.autocorrelation`. For periodic variables ρ is that of the vector of cosine and sine.

    Args:
        sample: frames of each chain are in order of time and evenly spaced.
        number: column of the variable.
        periodic: whether it lives on [−π, π].

    Returns:
        None where the chains are too short for an estimate.
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
