"""Table of errors against the distance from the training temperatures."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

COLUMNS = [
    "experiment", "state_point", "temperature", "distance", "place", "metric", "value", "stderr",
    "noise_floor", "unit", "measure", "source", "group",
]  # fmt: skip


def transfer_table(summary: pd.DataFrame, temperatures: Mapping[str, float]) -> pd.DataFrame:
    """Where each metric of the summary stands between the training temperatures.

    Args:
        summary: merged metrics of all experiments, with the columns of summary.csv; an
            experiment's rows of the role `train` are at its training temperatures.
        temperatures: of the state points, K.

    Returns:
        the columns `COLUMNS`, a row for each of the summary, in its order: `distance` is that to
        the nearest training temperature, K; `place` is `trained`, `interpolation` (between two
        training temperatures) or `extrapolation`.
    """
    table = summary.assign(temperature=summary["state_point"].map(dict(temperatures)))
    trained = table[table["role"] == "train"].groupby("experiment")["temperature"].unique()
    distances, places = [], []
    for row in table.itertuples():
        known = np.asarray(trained[row.experiment], dtype=float)
        distances.append(float(np.abs(known - row.temperature).min()))
        if row.role == "train":
            places.append("trained")
        elif known.min() < row.temperature < known.max():
            places.append("interpolation")
        else:
            places.append("extrapolation")
    return table.assign(distance=distances, place=places)[COLUMNS]
