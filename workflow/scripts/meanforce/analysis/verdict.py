"""Column `verdict` of the summary: what can be said of each error, and what cannot.

Rows that measure an error are judged in this order:

1. Has the CG run converged (row `converged` of the same experiment and state point)? If not,
   nothing is said of the model: `not converged`.
2. Is the error larger than a perfect model's, |value| of a signed error (`…_error`) or a distance
   beyond the column `resolution`, which a perfect model exceeds once in twenty times? If not,
   nothing better could be seen with these data: `within noise`.
3. If so, is it smaller than that of every rival? Rivals are the experiments on the same system,
   mapping and state point that differ in force map, campaigns or potential, and the direct
   reweighting of the same data (`…_baseline`); repeats of a recipe are none, nor is the
   reweighting of their data, and two reweightings of the same campaigns. Each difference must
   be larger than the quantile of its error bar, training data included, and the one in twenty is
   shared among the rivals. Then it is `resolved better`.
4. Is it within what the draw of the training data explains (`data_limit`)? Then it is `limited by
   data`: more of them would make it smaller. If not, or if that is not known, `worse`.

So of two experiments, as with biased against unbiased data, at most one is `resolved better`, and
one is `worse` only where its error is really there. All other rows, such as values of model and
reference, of convergence or of speed, have no verdict; nor have errors of which it is not known
what a perfect model would score.
"""

import math

import numpy as np
import pandas as pd

from meanforce.analysis.naming import SUFFIX
from meanforce.statistics.errors import LEVEL, Error, limit_of_sizes

WITHIN, BETTER, LIMITED, WORSE, UNFINISHED = (
    "within noise", "resolved better", "limited by data", "worse", "not converged",
)  # fmt: skip

DISTANCES = ("js_", "fes_rmse", "pmf_rmse", "wasserstein_", "rdf_rmse_")
"""Beginnings of metrics that are 0 for a perfect model and endless data."""

FLOORED = (*DISTANCES, "force_rmse")
"""Beginnings of metrics that have a floor, which a perfect model scores."""

STABLE = "stability"
"""Beginning of fractions that are 1 for a perfect model."""

PLACE = ["system", "mapping", "state_point", "metric"]
RECIPE = ["force_map", "campaign", "potential"]


def verdicts(summary: pd.DataFrame) -> list[str]:
    """Verdict of each row of the merged table of metrics; empty where none makes sense."""
    table = summary.reset_index(drop=True)
    runs = table[table["metric"] == "converged"]
    unfinished = {(row.experiment, row.state_point) for row in runs.itertuples() if row.value < 1}
    size = pd.Series([_size(row) for row in table.itertuples()], dtype=float)
    beyond = pd.Series([_beyond(row) for row in table.itertuples()], dtype=object)
    found = [""] * len(table)
    judged = beyond.notna()
    table["metric"] = table["metric"].str.replace(SUFFIX, "", regex=False)
    for _, group in table[judged].groupby(PLACE, dropna=False):
        own = group.index.map(lambda i: SUFFIX in summary["metric"].iloc[i])
        places = zip(group["experiment"], group["state_point"], strict=True)
        # Direct reweighting needs no CG run.
        open_ended = np.array([place in unfinished for place in places]) & ~own
        for row, baseline, unknown in zip(group.index, own, open_ended, strict=True):
            if unknown:
                found[row] = UNFINISHED
            elif not beyond[row]:
                found[row] = WITHIN
            else:
                rivals = group.index[_rivals(group, row, own, baseline) & ~open_ended]
                found[row] = _against(table, size, row, rivals)
    return found


def _rivals(group: pd.DataFrame, row: int, own: np.ndarray, baseline: bool) -> np.ndarray:
    """Which rows of a place are rivals of one of them, bool.

    Args:
        group: rows of the place.
        row: the one.
        own: which rows are of baselines.
        baseline: whether that one is.
    """
    campaign = (group["campaign"] != group.loc[row, "campaign"]).to_numpy()
    other = (group[RECIPE] != group.loc[row, RECIPE]).any(axis=1).to_numpy()
    same = (group["experiment"] == group.loc[row, "experiment"]).to_numpy()
    alike = own == baseline
    # Force map and potential make no difference to a baseline.
    return np.where(alike, campaign if baseline else other, campaign | same)


def _against(table: pd.DataFrame, size: pd.Series, row: int, rivals: pd.Index) -> str:
    """Of an error that is really there."""
    if len(rivals) and math.isfinite(size[row]):
        level = LEVEL / len(rivals)
        if all(_smaller(table, size, row, rival, level) for rival in rivals):
            return BETTER
    explained = math.isfinite(size[row]) and size[row] <= table.loc[row, "data_limit"]
    return LIMITED if explained else WORSE


def _smaller(table: pd.DataFrame, size: pd.Series, row: int, rival: int, level: float) -> bool:
    """Whether an error is resolvably smaller than a rival's."""
    if size[rival] == math.inf:
        # A single network may have had luck with its data.
        return math.isfinite(table.loc[row, "stderr"])
    errors = (Error(table.loc[i, "stderr"], table.loc[i, "dof"]) for i in (row, rival))
    opposite = table.loc[row, "value"] * table.loc[rival, "value"] < 0
    return bool(size[rival] - size[row] > limit_of_sizes(*errors, opposite, level))


def _size(row) -> float:
    """Size of an error, NaN where a row measures none."""
    if row.metric.endswith("_error") or row.metric.startswith(FLOORED):
        return abs(row.value)
    return 1.0 - row.value if row.metric.startswith(STABLE) else math.nan


def _beyond(row) -> bool | None:
    """Whether a row is beyond what a perfect model scores; None where that is not known."""
    if row.metric.startswith(STABLE):
        known = math.isfinite(row.value) and math.isfinite(row.stderr)
        return 1.0 - row.value > 2 * row.stderr if known else None
    size = _size(row)
    if math.isnan(size):
        return None
    if size == math.inf:
        return True
    return None if math.isnan(row.resolution) else size > row.resolution
