"""What the report knows about metrics: their order, their groups, and which are errors."""

import pandas as pd

from meanforce.analysis.naming import BASELINE, judged
from meanforce.analysis.verdict import BETTER, DISTANCES, LIMITED, UNFINISHED, WITHIN, WORSE
from meanforce.figures.numbers import number

GROUPS = {
    "Free energy": (
        "js_", "fes_", "pmf_", "delta_f_", "barrier", "well_difference", "population_",
        "free_energy_",
    ),
    "Structure": (
        "wasserstein_", "radius_of_gyration", "end_to_end", "distance_", "rdf_", "rg_",
        "surface_share_",
    ),
    "Forces": ("force_", "ensemble_", "noise_"),
    "Dynamics": ("msd_", "diffusion", "autocorrelation", "relaxation", "speed_up", "acf_"),
    "Sampling of the CG model": (
        "stability", "converged", "rhat", "drift_", "round_trips", "effective_sample", "ended",
        "broken",
    ),
}  # fmt: skip
"""Group: how names of its metrics begin."""

REWEIGHTED = "Direct reweighting of the same frames"
"""Group of the baseline's metrics."""

HEADLINES = (
    "js_", "pmf_rmse", "delta_f_", "barrier", "well_difference", "wasserstein_bond",
    "wasserstein_angle", "wasserstein_dihedral", "wasserstein_improper", "wasserstein_omega",
    "rdf_rmse_",
)  # fmt: skip
"""Errors that stand for the others where all experiments are compared; and `fes_rmse`."""

VERDICTS = {BETTER: "▲", WITHIN: "≈", LIMITED: "◒", WORSE: "▼", UNFINISHED: "…"}
"""Verdict: its mark."""


def group_of(metric: str) -> str:
    """The group that a metric's table row stands in."""
    if is_baseline(metric):
        return REWEIGHTED
    for group, beginnings in GROUPS.items():
        if metric.startswith(beginnings):
            return group
    return "Other"


def is_baseline(metric: str) -> bool:
    """Whether a metric judges reweighted training data and not the model."""
    return judged(metric)[1] == BASELINE


def is_error(metric: str) -> bool:
    """Whether a metric is a model's distance or difference from the reference."""
    error = metric.startswith(DISTANCES) or metric.endswith("_error")
    return error and not is_baseline(metric)


def is_headline(metric: str) -> bool:
    """Whether an error is shown where all experiments are compared."""
    # One number stands for all peptide bonds.
    one_of_many = metric.startswith("js_omega_")
    return metric == "fes_rmse" or (metric.startswith(HEADLINES) and not one_of_many)


def in_floors(row: pd.Series) -> float:
    """An error as a multiple of its noise floor; NaN where there is no floor."""
    floor = row["noise_floor"]
    return abs(row["value"]) / floor if floor > 0 else float("nan")


def resolved(row: pd.Series) -> str:
    """What the floor would be with an endless CG run, and the smallest error that is resolved."""
    texts = [
        f"; {words} {number(row[column])}"
        for column, words in (
            ("noise_floor_reference", "of the reference alone"),
            ("resolution", "smallest error resolved"),
        )
        if pd.notna(row.get(column))
    ]
    return "".join(texts)


def verdict_of(row: pd.Series) -> str:
    """A row's verdict; empty where the table has none."""
    verdict = row.get("verdict", "")
    return verdict if isinstance(verdict, str) else ""


def errors_of(table: pd.DataFrame) -> list[str]:
    """Metrics of a table that are errors, free energies first, else in the table's order."""
    names = [name for name in dict.fromkeys(table["metric"]) if is_error(name)]
    order = [*GROUPS, "Other", REWEIGHTED]
    return sorted(names, key=lambda name: order.index(group_of(name)))
