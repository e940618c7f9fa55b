"""Column `verdict` of the summary: what the data allow to conclude about each error.

Rows that measure an error are judged in this order:

1. Has the CG run converged (row `converged` of the same experiment and state point)? If not, there
   is no conclusion about the model: `not converged`.
2. Is the error larger than a perfect model's? That is |value| of a signed error, or a distance or
   loss, beyond the column `resolution`, which a perfect model exceeds once in twenty times. If not,
   these data cannot resolve a better model: `within noise`.
3. If so, is it smaller than that of every rival? Rivals are the experiments on the same system,
   mapping and state point that differ in force map, campaigns or potential, and the direct
   reweighting of the same data (source `baseline`). Repeats of a recipe and the reweighting of
   their data are not rivals, nor are two reweightings of the same campaigns. Each difference must
   be larger than the quantile of its error bar, training data included, and the probability of one
   in twenty is divided among the rivals. Then it is `resolved better`.
4. Is it within what the draw of the training data explains (`data_limit`)? Then it is `limited by
   data`: more of them would make it smaller. If not, or if that is not known, `worse`.

So of two experiments, as with biased against unbiased data, at most one is `resolved better`, and
one is `worse` only where its error is resolved. Rows that measure no error have no verdict, by
their column `measure`, nor have errors for which it is not known what a perfect model would score.
An experiment without a reference has no verdicts at all: its CG run may be stable, but nothing is
known of its model.
"""

import math

import numpy as np
import pandas as pd

from meanforce.analysis.kinds import Measure, Source
from meanforce.statistics.errors import LEVEL, Error, limit_of_sizes

WITHIN, BETTER, LIMITED, WORSE, UNFINISHED = (
    "within noise", "resolved better", "limited by data", "worse", "not converged",
)  # fmt: skip

SIZED = (Measure.DISTANCE, Measure.LOSS, Measure.SIGNED_ERROR)
"""Measures whose size is compared with the column `resolution`."""

PLACE = ["system", "mapping", "state_point", "quantity", "measure"]
RECIPE = ["force_map", "campaign", "potential"]


def verdicts(summary: pd.DataFrame) -> list[str]:
    """Verdict of each row of the merged table of metrics; empty where there is none."""
    table = summary.reset_index(drop=True)
    converged = table[table["metric"] == "converged"]
    unfinished = {
        (row.experiment, row.state_point) for row in converged.itertuples() if row.value < 1
    }
    size = pd.Series([_size(row) for row in table.itertuples()], dtype=float)
    beyond = pd.Series([_beyond(row) for row in table.itertuples()], dtype=object)
    found = [""] * len(table)
    runs = pd.MultiIndex.from_frame(table[["experiment", "state_point"]])
    has_reference = runs.isin(runs[table["measure"].isin(SIZED)])
    judged = beyond.notna() & has_reference
    for _, group in table[judged].groupby(PLACE, dropna=False):
        baseline = (group["source"] == Source.BASELINE).to_numpy()
        # Direct reweighting needs no CG run.
        open_ended = np.array([run in unfinished for run in runs[group.index]]) & ~baseline
        for row, unknown in zip(group.index, open_ended, strict=True):
            if unknown:
                found[row] = UNFINISHED
            elif not beyond[row]:
                found[row] = WITHIN
            else:
                rivals = group.index[_rivals(group, row) & ~open_ended]
                found[row] = _against(table, size, row, rivals)
    return found


def _rivals(group: pd.DataFrame, row: int) -> np.ndarray:
    """Which rows are rivals of one of them, bool; `group` holds the rows of one place."""
    own = (group["source"] == Source.BASELINE).to_numpy()
    baseline = group.loc[row, "source"] == Source.BASELINE
    campaign = (group["campaign"] != group.loc[row, "campaign"]).to_numpy()
    other = (group[RECIPE] != group.loc[row, RECIPE]).any(axis=1).to_numpy()
    same = (group["experiment"] == group.loc[row, "experiment"]).to_numpy()
    alike = own == baseline
    # Force map and potential make no difference to a baseline.
    return np.where(alike, campaign if baseline else other, campaign | same)


def _against(table: pd.DataFrame, size: pd.Series, row: int, rivals: pd.Index) -> str:
    """Verdict on an error that is resolved."""
    if len(rivals) and math.isfinite(size[row]):
        level = LEVEL / len(rivals)
        if all(_smaller(table, size, row, rival, level) for rival in rivals):
            return BETTER
    explained = math.isfinite(size[row]) and size[row] <= table.loc[row, "data_limit"]
    return LIMITED if explained else WORSE


def _smaller(table: pd.DataFrame, size: pd.Series, row: int, rival: int, level: float) -> bool:
    """Whether an error is resolvably smaller than a rival's."""
    if size[rival] == math.inf:
        # A single network may have been better by chance of its data.
        return math.isfinite(table.loc[row, "stderr"])
    errors = (Error(table.loc[i, "stderr"], table.loc[i, "dof"]) for i in (row, rival))
    opposite = table.loc[row, "value"] * table.loc[rival, "value"] < 0
    return bool(size[rival] - size[row] > limit_of_sizes(*errors, opposite, level))


def _size(row) -> float:
    """Size of an error, NaN where a row measures none."""
    if row.measure in SIZED:
        return abs(row.value)
    return 1.0 - row.value if row.measure == Measure.FRACTION else math.nan


def _beyond(row) -> bool | None:
    """Whether a row is beyond what a perfect model scores; None where that is not known."""
    if row.measure == Measure.FRACTION:
        known = math.isfinite(row.value) and math.isfinite(row.stderr)
        return 1.0 - row.value > 2 * row.stderr if known else None
    size = _size(row)
    if math.isnan(size):
        return None
    if size == math.inf:
        return True
    return None if math.isnan(row.resolution) else size > row.resolution
