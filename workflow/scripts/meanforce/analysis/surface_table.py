"""Table `surface.csv`: the free-energy surface of model and reference, bin by bin."""

import numpy as np
import pandas as pd

from meanforce.analysis.comparison import Comparison
from meanforce.statistics.free_energies import free_energy
from meanforce.units import KCAL


def surface_table(comparison: Comparison) -> pd.DataFrame:
    """Free energies in kcal/mol at the bins' centres, a row for each bin.

    Columns: one for each collective variable, by name, in its unit; `reference` and `model`,
    minimum 0 each; `difference`, model − reference with mean 0 over the bins that are compared (see
    `free_energy_rmse`); and `<column>_stderr` of these three. NaN where a bin is empty, and for
    standard errors, where it is empty in some bootstrap sample.
    """
    kT, cutoff = comparison.kT, comparison.validation.cutoff / KCAL
    values, errors = {}, {}
    for side, blocks, draws in (
        ("reference", comparison.reference_blocks, comparison.reference_draws),
        ("model", comparison.model_blocks, comparison.model_draws),
    ):
        found = free_energy(blocks.sum(axis=0), kT)
        values[side] = np.where(np.isfinite(found), found, np.nan)
        with np.errstate(divide="ignore"):
            drawn = -kT * np.log(draws)
        errors[side] = np.where(np.isfinite(drawn).all(axis=0), drawn, np.nan).std(axis=0)
    with np.errstate(divide="ignore"):
        members = [-kT * np.log(member) for member in comparison.member_surfaces()]
    if members:
        members = np.where(np.isfinite(members), members, np.nan)
        spread = np.nan_to_num(comparison.member_spread(members))
        errors["model"] = np.hypot(errors["model"], spread)
    difference = values["model"] - values["reference"]
    low = np.isfinite(difference) & (values["reference"] < cutoff)
    values["difference"] = difference - difference[low].mean() if low.any() else difference
    errors["difference"] = np.hypot(errors["model"], errors["reference"])
    centers = np.meshgrid(*comparison.axes.centers, indexing="ij")
    columns = dict(zip(comparison.axes.names, centers, strict=True))
    for side in ("reference", "model", "difference"):
        columns |= {side: values[side], f"{side}_stderr": errors[side]}
    return pd.DataFrame({name: column.ravel() for name, column in columns.items()})
