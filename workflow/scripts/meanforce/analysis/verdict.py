"""Column `verdict` of the summary: what can be said of each error, and what cannot.

Rows that measure an error are judged by two questions, each at two standard errors (a right answer
is missed once in twenty times):

1. Is the error larger than a perfect model's, |value| of a signed error (`…_error`) larger than 0,
   or a distance larger than its noise floor? If not, nothing better could be seen with these data:
   `within noise`.
2. If so, is it smaller than that of the best rival? Rivals are the experiments on the same system,
   mapping and state point that differ in force map, campaigns or potential; repeats of a recipe
   are none. If it is, `resolved better`; if not, or without rivals, `worse`.

So of two experiments, as with biased against unbiased data, at most one is `resolved better`, and
one is `worse` only where its error is really there. All other rows, such as values of model and
reference, of convergence or of speed, have no verdict; nor have errors without a standard error.
"""

import math

import numpy as np
import pandas as pd

WITHIN, BETTER, WORSE = "within noise", "resolved better", "worse"

DISTANCES = ("js_", "fes_rmse", "pmf_rmse", "wasserstein_", "rdf_rmse_")
"""Beginnings of metrics that are 0 for a perfect model and endless data."""

FLOORED = (*DISTANCES, "force_rmse", "stability")
"""Beginnings of metrics that have a floor, which a perfect model scores."""

SIGNIFICANT = 2.0
"""Standard errors beyond which a difference counts."""

PLACE = ["system", "mapping", "state_point", "metric"]
RECIPE = ["force_map", "campaign", "potential"]


def verdicts(summary: pd.DataFrame) -> list[str]:
    """Verdict of each row of the merged table of metrics; empty where none makes sense."""
    table = summary.reset_index(drop=True)
    excess = pd.Series([_excess(row) for row in table.itertuples()], dtype=float)
    errors = table["stderr"].astype(float).where(excess != math.inf, 0.0)
    found = [""] * len(table)
    known = excess.notna() & errors.notna()
    for _, group in table[known].groupby(PLACE, dropna=False):
        recipes = group[RECIPE].apply(tuple, axis=1)
        for row in group.index:
            rivals = group.index[(recipes != recipes[row]).to_numpy()]
            found[row] = _verdict(row, rivals, excess, errors)
    return found


def _verdict(row: int, rivals: pd.Index, excess: pd.Series, errors: pd.Series) -> str:
    if excess[row] <= SIGNIFICANT * errors[row]:
        return WITHIN
    if not len(rivals) or not np.isfinite(excess[row]):
        return WORSE
    best = excess[rivals].idxmin()
    gain = excess[best] - excess[row]
    return BETTER if gain > SIGNIFICANT * math.hypot(errors[row], errors[best]) else WORSE


def _excess(row) -> float:
    """Error beyond that of a perfect model, NaN where a row measures none."""
    if row.metric.endswith("_error"):
        return abs(row.value)
    if row.metric.startswith(FLOORED):
        # Of stability a perfect model has most, of distances least.
        return (row.value - row.noise_floor) * (-1 if row.metric.startswith("stability") else 1)
    return math.nan
