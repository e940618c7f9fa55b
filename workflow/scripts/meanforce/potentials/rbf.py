"""Potential kind `rbf`: Gaussian radial basis functions."""

import torch

from meanforce.potentials.linear import LinearPotential


class Rbf(LinearPotential):
    """φ(u) = exp(−u²/(2w²)), w in units of the distance between centres.

    Gaussians have no end, so that curves with a cutoff are multiplied by [1 − (r/r_c)²]².
    """

    kind = "rbf"
    switched = True

    @staticmethod
    def shape(u: torch.Tensor, width: float) -> tuple[torch.Tensor, torch.Tensor]:
        value = torch.exp(-0.5 * (u / width) ** 2)
        return value, -u / width**2 * value
