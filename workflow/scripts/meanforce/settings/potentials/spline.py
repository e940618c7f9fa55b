"""Potential kind `spline`."""

from typing import Literal

from meanforce.settings.potentials.linear import LinearSettings


class SplineSettings(LinearSettings):
    """Cubic B-splines on equal knots, fitted by normal equations."""

    kind: Literal["spline"]
