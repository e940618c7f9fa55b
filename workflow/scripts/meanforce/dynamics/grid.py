"""Functions of one or two collective variables on a regular grid, interpolated smoothly."""

import math

import torch

CUBIC = 0.5 * torch.tensor(
    [[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]], dtype=torch.float64
)
"""Weights of four neighbouring points: rows are powers of the place between the middle two."""


class Grid:
    """Values on a regular grid, interpolated by cubic convolution (Keys 1981), with gradient.

    Energy and gradient belong to the same continuously differentiable function, so that
    dynamics under it samples what reweighting with it assumes. Beyond the ends of a
    non-periodic axis the function continues as a constant.

    Args:
        lower: lower end of each axis.
        upper: upper end of each axis; of a periodic one, the same point as the lower end.
        periodic: whether each axis is periodic.
        bins: grid points along each axis.
        device: where points are.

    Attributes:
        ends: lower and upper end of each axis.
    """

    def __init__(
        self,
        lower: list[float],
        upper: list[float],
        periodic: list[bool],
        bins: int,
        device: torch.device | str = "cpu",
    ) -> None:
        self.lower, self.periodic, self.bins = lower, periodic, bins
        self.ends = list(zip(lower, upper, strict=True))
        self.spacing = [
            (high - low) / (bins if wraps else bins - 1)
            for low, high, wraps in zip(lower, upper, periodic, strict=True)
        ]
        options = {"dtype": torch.float64, "device": device}
        self._lower = torch.tensor(lower, **options)
        self._spacing = torch.tensor(self.spacing, **options)
        self._wraps = torch.tensor(periodic, device=device)
        self._offsets = torch.arange(-1, 3, device=device)
        self._cubic = CUBIC.to(device)
        self.values = torch.zeros((bins,) * len(lower), **options)

    def evaluate(self, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values, shape (n,), and gradients, shape (n, n_axes), at points of shape (n, n_axes)."""
        index, weights, slopes = self._stencil(s.double())
        flat = self.values.reshape(-1)
        if s.shape[1] == 1:
            nodes = flat[index[:, 0]]
            value = (nodes * weights[:, 0]).sum(1)
            return value, (nodes * slopes[:, 0]).sum(1, keepdim=True)
        nodes = flat[index[:, 0, :, None] * self.bins + index[:, 1, None, :]]
        along = (nodes * weights[:, 1, None, :]).sum(2)
        across = (nodes * slopes[:, 1, None, :]).sum(2)
        value = (along * weights[:, 0]).sum(1)
        gradient = [(along * slopes[:, 0]).sum(1), (across * weights[:, 0]).sum(1)]
        return value, torch.stack(gradient, dim=1)

    def _stencil(self, s: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Four grid indices around each point, along each axis, their weights and derivatives.

        Each of shape (n, n_axes, 4).
        """
        u = (s - self._lower) / self._spacing
        # A periodic axis has no ends; the last interval of another ends at the last point.
        inside = torch.where(self._wraps, u, u.clamp(0.0, self.bins - 1.0))
        base = torch.floor(inside)
        base = torch.where(self._wraps, base, base.clamp(max=self.bins - 2.0))
        t = inside - base
        index = base.long()[..., None] + self._offsets
        index = torch.where(self._wraps[:, None], index % self.bins, index.clamp(0, self.bins - 1))
        one, square = torch.ones_like(t), t * t
        weights = torch.stack([one, t, square, square * t], dim=-1) @ self._cubic
        slopes = torch.stack([one, 2 * t, 3 * square], dim=-1) @ self._cubic[1:]
        slopes = slopes * (inside == u)[..., None] / self._spacing[:, None]
        return index, weights, slopes

    def add_gaussians(
        self, centers: torch.Tensor, heights: torch.Tensor, widths: list[float]
    ) -> None:
        """Add Gaussians h·exp[−Σ(s − c)²/(2w²)]: centres (n, n_axes), heights (n,)."""
        factors = []
        for axis, width in enumerate(widths):
            points = self.lower[axis] + self.spacing[axis] * torch.arange(
                self.bins, dtype=torch.float64, device=self.values.device
            )
            distance = points[None, :] - centers[:, axis, None].double()
            if self.periodic[axis]:
                length = self.spacing[axis] * self.bins
                distance = distance - length * torch.round(distance / length)
            factors.append(torch.exp(-0.5 * (distance / width) ** 2))
        weighted = factors[0] * heights.double()[:, None]
        if len(factors) == 1:
            self.values += weighted.sum(0)
        else:
            self.values += weighted.T @ factors[1]

    def fraction_of(self, widths: list[float]) -> float:
        """Integral of one Gaussian of height 1, over the volume of the grid."""
        parts = [
            width * (2 * torch.pi) ** 0.5 / (spacing * self.bins)
            for width, spacing in zip(widths, self.spacing, strict=True)
        ]
        return math.prod(parts)
