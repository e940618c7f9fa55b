"""Potential kind `spline`."""

from typing import Literal

from meanforce.settings.potentials.linear import LinearSettings


class SplineSettings(LinearSettings):
    """Cubic B-splines on equal knots, fitted by normal equations.

    Either one curve of a collective variable, or a sum of curves of all bonds, angles, dihedrals
    and non-bonded pairs, as in a classical force field.
    """

    kind: Literal["spline"]
