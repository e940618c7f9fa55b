"""Learning curves: errors of the runs of experiments against the atomistic time behind them."""

import dataclasses
import math

import numpy as np
import pandas as pd

from meanforce.analysis.savings import SMALLEST, Curve, compare

CAP = 10.0
"""An infinite error (of a basin that a model never visits) counts so many times the largest finite
one."""


def is_error(metric: str) -> bool:
    """Whether a metric is shown as a learning curve."""
    difference = metric.startswith("delta_f_") and metric.endswith("_error")
    return metric.startswith("js_") or metric == "fes_rmse" or difference


def run_errors(summary: pd.DataFrame, runs: dict[str, dict]) -> pd.DataFrame:
    """Absolute errors of all runs.

    Args:
        summary: metrics of the runs.
        runs: run: {experiment, atomistic_time (ps), seed, plain}.

    Returns:
        rows of `summary` with the columns experiment (that of the config), atomistic_time (ns),
        seed, plain, error, and stable (fraction of intact chains of the CG run).
    """
    about = pd.DataFrame.from_dict(runs, orient="index").rename_axis("run").reset_index()
    about["atomistic_time"] /= 1000.0
    table = summary.rename(columns={"experiment": "run"}).merge(about, on="run")
    intact = table[table["metric"] == "stability"].set_index(["run", "state_point"])["value"]
    table = table[table["metric"].map(is_error)].copy()
    table["error"] = table["value"].abs()
    table["stable"] = [
        intact.get((run, state), math.nan)
        for run, state in zip(table["run"], table["state_point"], strict=True)
    ]
    return table


def points(errors: pd.DataFrame) -> pd.DataFrame:
    """One row for each experiment, state point, metric and time: mean over seeds and its error."""
    keys = ["experiment", "campaign", "state_point", "role", "metric", "atomistic_time"]
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
    """Savings of each experiment against each plain one (unbiased data).

    Args:
        errors: made by `run_errors`.
        seed: of the bootstrap.

    Returns:
        for each pair, state point and metric a row for each time of the experiment, at the error
        that it has there (or the noise floor, if that is larger), and one without a time, the mean
        over all errors that both reach.
    """
    rng = np.random.default_rng(seed)
    columns = [
        "experiment", "baseline", "state_point", "metric", "atomistic_time", "error", "unit",
        "factor", "low", "high", "bound",
    ]  # fmt: skip
    rows = []
    for (state, metric), part in errors.groupby(["state_point", "metric"], sort=False):
        # An error without a number cannot be told from an infinite one.
        part = part.assign(error=_capped(part["error"].to_numpy()))
        floor = part["noise_floor"].mean()
        floor = floor if math.isfinite(floor) else 0.0
        unit = part["unit"].iloc[0]
        for baseline in dict.fromkeys(part.loc[part["plain"], "experiment"]):
            for name in dict.fromkeys(part.loc[~part["plain"], "experiment"]):
                pair = _curve(part, name), _curve(part, baseline)
                found = compare(*pair, floor, rng)
                for time, level, savings in found:
                    values = (name, baseline, state, metric, time, level, unit)
                    rows.append((*values, *dataclasses.astuple(savings)))
    return pd.DataFrame(rows, columns=columns)


def headlines(savings: pd.DataFrame) -> pd.DataFrame:
    """The row that says most of each pair of experiments, state point and metric.

    That is the mean over the errors that both reach, unless one of them reaches errors that the
    other never does: of those the mean knows nothing, so the largest bound that is certain to one
    standard error is taken, where it is larger.

    Args:
        savings: made by `savings_table`.
    """
    rows = []
    keys = ["experiment", "baseline", "state_point", "metric"]
    for _, part in savings.groupby(keys, sort=False):
        mean = part[part["atomistic_time"].isna()].iloc[0]
        bounds = part[part["atomistic_time"].notna() & (part["bound"] == "at least")]
        certain = bounds.loc[bounds["low"].idxmax()] if len(bounds) else None
        larger = certain is not None and certain["low"] > np.nanmax([1.0, mean["factor"]])
        rows.append(certain if larger else mean)
    return pd.DataFrame(rows, columns=savings.columns)


def _curve(part: pd.DataFrame, experiment: str) -> Curve:
    some = part[part["experiment"] == experiment]
    table = some.pivot(index="seed", columns="atomistic_time", values="error").sort_index(axis=1)
    return Curve(table.columns.to_numpy(dtype=float), table.to_numpy(dtype=float))


def _capped(errors: np.ndarray) -> np.ndarray:
    """Infinite errors, and such that are no numbers, made large and finite."""
    finite = errors[np.isfinite(errors)]
    most = finite.max() if len(finite) else 1.0
    return np.where(np.isfinite(errors), errors, CAP * max(most, SMALLEST))
