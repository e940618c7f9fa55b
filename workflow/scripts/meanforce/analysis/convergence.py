"""Metrics `stability`, `stability_<kind>` and `rhat_<variable>`: can the CG run be believed?"""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.rows import Row
from meanforce.data.mixing import r_hat, r_hat_error


def rows(comparison: Comparison) -> list[Row]:
    """Fraction of chains that stayed intact, in all and by kind; R-hat of collective variables."""
    n = len(np.unique(comparison.model.chains)) / max(comparison.model.stable, 1e-9)
    result = [_fraction("stability", comparison.model.stable, n)]
    for kind, broken in comparison.model.broken.items():
        result.append(_fraction(f"stability_{kind}", 1.0 - broken, n))
    for number, name in enumerate(comparison.validation.surface):
        values = comparison.model.variables[:, number]
        parts = [np.sin(values), np.cos(values)] if comparison.axes.periodic[number] else [values]
        chains = comparison.model.chains
        worst = max(parts, key=lambda part: r_hat(part, chains))
        found = r_hat(worst, chains), r_hat_error(worst, chains)
        result.append(Row(f"rhat_{name}", *found, noise_floor=1.0))
    return result


def _fraction(name: str, value: float, n: float) -> Row:
    """A fraction of n chains, which is 1 for a perfect model."""
    return Row(name, value, float(np.sqrt(max(value * (1 - value), 0.0) / n)), 1.0)
