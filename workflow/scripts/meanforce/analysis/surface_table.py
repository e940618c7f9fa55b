"""Table `surface.csv`: the free-energy surface of model and reference, bin by bin."""

import numpy as np
import pandas as pd

from meanforce.analysis.comparison import Comparison
from meanforce.statistics.free_energies import free_energy
from meanforce.units import KCAL

SIDES = ("reference", "model", "difference")
"""Columns of free energies, each with its `<column>_stderr`."""


def surface_table(comparison: Comparison) -> pd.DataFrame:
    """Free energies in kcal/mol at the bins' centres, a row for each bin.

    Columns: one for each collective variable, by name, in its unit; `reference` and `model`,
    minimum 0 each; `difference`, model − reference with mean 0 over the bins that are compared (see
    `free_energy_rmse`); and `<column>_stderr` of these three. NaN where a bin is empty or there is
    no reference, and for standard errors where the bin is empty in some bootstrap sample. The
    table has no rows where no surface is validated.
    """
    surface = comparison.surface
    if surface is None:
        return pd.DataFrame(columns=[name for side in SIDES for name in (side, f"{side}_stderr")])
    kT, cutoff = comparison.kT, comparison.validation.cutoff / KCAL
    nothing = np.full(surface.model.shape[1:], np.nan)
    values, errors = {"reference": nothing}, {"reference": nothing}
    for side, blocks, draws in surface.sides():
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
    for side in SIDES:
        columns |= {side: values[side], f"{side}_stderr": errors[side]}
    return pd.DataFrame({name: column.ravel() for name, column in columns.items()})
