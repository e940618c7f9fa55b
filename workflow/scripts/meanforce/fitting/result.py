"""What a training run returns."""

import dataclasses
from typing import Any

import pandas as pd

from meanforce.potentials.interface import Potential


@dataclasses.dataclass(frozen=True)
class Fit:
    """A fitted potential.

    Attributes:
        potential: the model.
        curve: the training curve, a row per epoch (or regularisation strength); losses are mean
            squared force errors in (kJ/mol/nm)² per component that carries force.
        about: plain values on the fit.
    """

    potential: Potential
    curve: pd.DataFrame
    about: dict[str, Any]
