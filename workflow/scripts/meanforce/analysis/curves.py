"""Curves of a comparison, which `profiles.csv` holds and figures show."""

import dataclasses

import numpy as np
import pandas as pd

COLUMNS = (
    "quantity", "kind", "unit", "x", "reference", "reference_stderr", "model", "model_stderr",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Curve:
    """A function of one quantity in reference and model.

    Attributes:
        quantity: its name.
        kind: of free energies (kcal/mol, minimum 0) the kind of collective variable,
            `radius_of_gyration`, `end_to_end` or `tica`; else `rdf` (number), `msd` (nm²), or
            `bond_density`, `angle_density` and `dihedral_density` (1/nm and 1/rad).
        unit: of x; empty for numbers.
        x: bin centres or lags, shape (n,).
        reference, model: values, shape (n,); NaN where nothing was sampled, and
            for the reference where there is none.
        reference_stderr, model_stderr: standard errors, shape (n,).
    """

    quantity: str
    kind: str
    unit: str
    x: np.ndarray
    reference: np.ndarray
    reference_stderr: np.ndarray
    model: np.ndarray
    model_stderr: np.ndarray


def table(curves: list[Curve]) -> pd.DataFrame:
    """Tidy table with the columns `COLUMNS`, a row for each point."""
    rows = [pd.DataFrame(dataclasses.asdict(curve)) for curve in curves]
    return (
        pd.concat(rows, ignore_index=True)[list(COLUMNS)] if rows else pd.DataFrame(columns=COLUMNS)
    )
