"""Learning curves: errors of the runs of experiments against the atomistic time behind them.

Beside each run's model stands the baseline, direct reweighting of the frames that the model was
trained on; they differ in the column `source`.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from meanforce.analysis.kinds import Group, Measure, Source, metric_name
from meanforce.analysis.savings import SMALLEST, LearningCurve, savings_between
from meanforce.analysis.streams import stream

CAP = 10.0
"""An infinite error (of a basin that a model never visits) counts as this multiple of the largest
finite one."""

REWEIGHTING = "direct reweighting of the same frames"

PAIR = ["experiment", "against", "against_source", "state_point", "metric"]
VALUES = ["atomistic_time", "error", "unit", "factor", "low", "high", "bound", "certain"]
"""Columns of the savings."""


SHOWN = {
    Measure.DISTANCE: (Group.SURFACE, Group.PEPTIDE_BONDS, Group.SLOW_MODES),
    Measure.SIGNED_ERROR: (Group.BASINS,),
}
"""Groups of the errors that are shown as learning curves."""

WITHOUT_SURFACE = {Measure.DISTANCE: (Group.STRUCTURE, Group.RADIAL, Group.PROFILES)}
"""Those shown besides, where no free-energy surface is validated."""


def is_shown(table: pd.DataFrame) -> pd.Series:
    """Which rows of a table of metrics are errors that are shown as learning curves, bool."""
    groups = SHOWN
    if Group.SURFACE not in set(table["group"]):
        groups = SHOWN | {
            measure: SHOWN[measure] + more for measure, more in WITHOUT_SURFACE.items()
        }
    found = [row.group in groups.get(row.measure, ()) for row in table.itertuples()]
    return pd.Series(found, index=table.index, dtype=bool)


def run_errors(summary: pd.DataFrame, runs: dict[str, dict]) -> pd.DataFrame:
    """Absolute errors of all runs.

    Args:
        summary: metrics of the runs.
        runs: run: {experiment, atomistic_time (ps), seed, plain}.

    Returns:
        rows of `summary` with the columns experiment (that of the config), source (`model` or
        `baseline`, whose metrics have the same name then), atomistic_time (ns), seed, plain, error
        (infinite where it is not a number), and stable (fraction of intact chains of the CG run).
    """
    about = pd.DataFrame.from_dict(runs, orient="index").rename_axis("run").reset_index()
    about["atomistic_time"] /= 1000.0
    table = summary.rename(columns={"experiment": "run"}).merge(about, on="run")
    intact = table[table["metric"] == "stability"].set_index(["run", "state_point"])["value"]
    table = table[is_shown(table)].copy()
    # The baseline's error is in the same panel as the model's.
    table["metric"] = [
        metric_name(*pair) for pair in zip(table["quantity"], table["measure"], strict=True)
    ]
    # An error that is not a number may be an infinite one, and must not drop out of a mean.
    table["error"] = table["value"].abs().fillna(math.inf)
    table["stable"] = [
        intact.get((run, state), math.nan) if source == Source.MODEL else math.nan
        for run, state, source in zip(
            table["run"], table["state_point"], table["source"], strict=True
        )
    ]
    return table


def points(errors: pd.DataFrame) -> pd.DataFrame:
    """A row for each experiment, source, state point, metric and time: mean and error by seeds."""
    keys = ["experiment", "source", "campaign", "state_point", "role", "metric", "atomistic_time"]
    rows = []
    for values, part in errors.groupby(keys, sort=False):
        n = len(part)
        with np.errstate(invalid="ignore"):
            spread = part["error"].std(ddof=1) / math.sqrt(n)
        rows.append(
            dict(zip(keys, values, strict=True))
            | {
                "seeds": n,
                "error": part["error"].mean(),
                "stderr": spread,
                "noise_floor": part["noise_floor"].mean(),
                "unit": part["unit"].iloc[0],
                "stable": part["stable"].mean(),
            }
        )
    return pd.DataFrame(rows)


def savings_table(errors: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Savings of each experiment's models against others.

    Args:
        errors: made by `run_errors`.
        seed: of the bootstrap.

    Returns:
        for each pair (`experiment`; `against`, `against_source`), state point and metric a row for
        each time of either (`time_of`), at the error that it has there (or the noise floor of
        models, if that is larger), and one without a time, the mean over all errors that both
        reach. Pairs are the models of an experiment against those of each plain one (unbiased
        data), and against direct reweighting of the same frames.
    """
    rows = []
    for (state, metric), part in errors.groupby(["state_point", "metric"], sort=False):
        part = part.assign(error=_capped(part["error"].to_numpy()))
        # That of a baseline has the noise of the training data.
        floor = part.loc[part["source"] == Source.MODEL, "noise_floor"].mean()
        floor = floor if math.isfinite(floor) else 0.0
        unit = part["unit"].iloc[0]
        for name, against, source in _pairs(part):
            pair = _curve(part, name, Source.MODEL), _curve(part, against, source)
            # Both use the same frames, so that the noise of a seed is common to both.
            paired = name == against and len(pair[0].errors) == len(pair[1].errors)
            rng = stream(seed, state, metric, name, against, source)
            for time_of, time, level, savings in savings_between(*pair, floor, rng, paired):
                values = (name, against, source, state, metric, time_of, time, level, unit)
                rows.append((*values, *dataclasses.astuple(savings)))
    return pd.DataFrame(rows, columns=[*PAIR, "time_of", *VALUES])


def _pairs(part: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Experiment, and what its models are compared with: an experiment, and which source of it."""
    model = part["source"] == Source.MODEL
    biased, plain, reweighted = (
        list(dict.fromkeys(part.loc[some, "experiment"]))
        for some in (model & ~part["plain"], model & part["plain"], ~model)
    )
    return [
        *((name, against, Source.MODEL) for against in plain for name in biased),
        *((name, name, Source.BASELINE) for name in (*biased, *plain) if name in reweighted),
    ]


def headlines(savings: pd.DataFrame) -> pd.DataFrame:
    """The most informative row of each pair of experiments, state point and metric.

    That is the mean over the errors that both reach, unless one of them reaches errors that the
    other never does: these are not in the mean, so the furthest bound is taken, where it is
    further than the mean. It is the best of many, so its error bar ends at `certain`: all bounds of
    the pair hold together with the certainty of one standard error.

    Args:
        savings: made by `savings_table`.
    """
    rows = []
    for _, part in savings.groupby(PAIR, sort=False):
        mean = part[part["atomistic_time"].isna()].iloc[0]
        timed = part[part["atomistic_time"].notna()]
        above, below = (timed[timed["bound"] == bound] for bound in ("at least", "at most"))
        if above["certain"].max() > np.nanmax([1.0, mean["factor"]]):
            best = above.loc[above["certain"].idxmax()].copy()
            best["low"] = best["certain"]
        elif below["certain"].min() < np.nanmin([1.0, mean["factor"]]):
            best = below.loc[below["certain"].idxmin()].copy()
            best["high"] = best["certain"]
        else:
            best = mean
        rows.append(best)
    return pd.DataFrame(rows, columns=savings.columns)


def against(row: Mapping[str, Any]) -> str:
    """What a row of the savings compares with, in words."""
    return REWEIGHTING if row["against_source"] == Source.BASELINE else row["against"]


def _curve(part: pd.DataFrame, experiment: str, source: str) -> LearningCurve:
    some = part[(part["experiment"] == experiment) & (part["source"] == source)]
    table = some.pivot(index="seed", columns="atomistic_time", values="error").sort_index(axis=1)
    return LearningCurve(table.columns.to_numpy(dtype=float), table.to_numpy(dtype=float))


def _capped(errors: np.ndarray) -> np.ndarray:
    """Infinite errors made large and finite."""
    finite = errors[np.isfinite(errors)]
    most = finite.max() if len(finite) else 1.0
    return np.where(np.isfinite(errors), errors, CAP * max(most, SMALLEST))
