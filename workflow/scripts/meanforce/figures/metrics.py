"""How the report shows metrics: their order, their groups, and the errors among them."""

import pandas as pd

from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.verdict import BETTER, LIMITED, UNFINISHED, WITHIN, WORSE
from meanforce.figures.numbers import number

TITLES = {
    Group.SURFACE: "Free-energy surface",
    Group.BASINS: "Free-energy differences",
    Group.BARRIERS: "Barriers",
    Group.EXACT_PMF: "Potential of mean force",
    Group.POPULATIONS: "Populations",
    Group.PROFILES: "Free-energy profiles",
    Group.SLOW_MODES: "Slow modes",
    Group.PEPTIDE_BONDS: "Peptide bonds",
    Group.STRUCTURE: "Structure",
    Group.RADIAL: "Radial distributions",
    Group.DIMENSIONS: "Dimensions of molecules",
    Group.THERMODYNAMICS: "Thermodynamics",
    Group.FORCES: "Forces",
    Group.DYNAMICS: "Dynamics",
    Group.CONVERGENCE: "Sampling of the CG model",
    Group.TRAINING_DATA: "Training data",
}
"""Titles of the groups, in the order of the report."""

REWEIGHTED = "Direct reweighting of the same frames"
"""Title above the baseline's metrics."""

HEADLINES = (
    Group.SURFACE, Group.BASINS, Group.BARRIERS, Group.EXACT_PMF, Group.SLOW_MODES,
    Group.STRUCTURE, Group.RADIAL,
)  # fmt: skip
"""Groups whose errors represent the others where all experiments are compared."""

ERRORS = (Measure.DISTANCE, Measure.SIGNED_ERROR)

VERDICTS = {BETTER: "▲", WITHIN: "≈", LIMITED: "◒", WORSE: "▼", UNFINISHED: "…"}
"""Verdict: its mark."""


def errors_of(table: pd.DataFrame, *, headlines: bool = False) -> list[str]:
    """Metrics that are distances or differences of a model from the reference.

    Args:
        table: rows of the summary.
        headlines: whether to list only the groups of `HEADLINES`, where the table has any.

    Returns:
        names in the order of the groups, and else of the table.
    """
    rows = table[table["measure"].isin(ERRORS) & (table["source"] == Source.MODEL)]
    groups = dict(zip(rows["metric"], rows["group"], strict=True))
    headlines = headlines and bool(set(groups.values()) & set(HEADLINES))
    order = [group.value for group in TITLES if group in HEADLINES or not headlines]
    return sorted(
        (name for name, group in groups.items() if group in order),
        key=lambda name: order.index(groups[name]),
    )


def in_floors(row: pd.Series) -> float:
    """An error as a multiple of its noise floor; NaN where there is no floor."""
    # NumPy's floats would warn where a floor is nearly zero.
    value, floor = float(row["value"]), float(row["noise_floor"])
    return abs(value) / floor if floor > 0 else float("nan")


def resolved(row: pd.Series) -> str:
    """The floor for an infinitely long CG run, and the smallest error that is resolved."""
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
