"""Potential kind `spline`: cubic B-splines on equal knots."""

import torch

from meanforce.potentials.linear import LinearPotential


class Spline(LinearPotential):
    """φ is the cubic cardinal B-spline, centred at 0 with support (−2, 2); de Boor (1978)."""

    kind = "spline"

    @staticmethod
    def shape(u: torch.Tensor, width: float) -> tuple[torch.Tensor, torch.Tensor]:
        distance = u.abs()
        near, far = (1 - distance).clamp_min(0), (2 - distance).clamp_min(0)
        value = (far**3 - 4 * near**3) / 6
        slope = -(far**2 - 4 * near**2) / 2 * torch.sign(u)
        return value, slope
