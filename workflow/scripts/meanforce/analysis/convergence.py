"""Metrics `stability`, `stability_<kind>` and `rhat_<variable>`: can the CG run be believed?"""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row
from meanforce.data.mixing import r_hat


def rows(comparison: Comparison) -> list[Row]:
    """Fraction of chains that stayed intact, in all and by kind; R-hat of collective variables."""
    n = len(np.unique(comparison.model.chains)) / max(comparison.model.stable, 1e-9)
    result = [_fraction("stability", comparison.model.stable, n)]
    for kind, broken in comparison.model.broken.items():
        result.append(_fraction(f"stability_{kind}", 1.0 - broken, n))
    for number, name in enumerate(comparison.validation.surface):
        values = comparison.model.variables[:, number]
        if comparison.axes.periodic[number]:
            ratio = max(
                r_hat(function(values), comparison.model.chains) for function in (np.sin, np.cos)
            )
        else:
            ratio = r_hat(values, comparison.model.chains)
        result.append(Row(f"rhat_{name}", ratio, noise_floor=1.0))
    return result


def _fraction(name: str, value: float, n: float) -> Row:
    """A fraction of n chains, which is 1 for a perfect model."""
    return Row(name, value, float(np.sqrt(max(value * (1 - value), 0.0) / n)), 1.0)
