"""Functions of one or two collective variables on a regular grid, interpolated smoothly."""

import math

import torch


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
    """

    def __init__(
        self, lower: list[float], upper: list[float], periodic: list[bool], bins: int
    ) -> None:
        self.lower, self.periodic, self.bins = lower, periodic, bins
        self.spacing = [
            (high - low) / (bins if wraps else bins - 1)
            for low, high, wraps in zip(lower, upper, periodic, strict=True)
        ]
        self.values = torch.zeros((bins,) * len(lower), dtype=torch.float64)

    def evaluate(self, s: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Values, shape (n,), and gradients, shape (n, n_axes), at points of shape (n, n_axes)."""
        indices, weights, slopes = zip(
            *(self._stencil(axis, s[:, axis].double()) for axis in range(s.shape[1])),
            strict=True,
        )
        flat = self.values.reshape(-1)
        if len(indices) == 1:
            nodes = flat[indices[0]]
            return (nodes * weights[0]).sum(1), (nodes * slopes[0]).sum(1, keepdim=True)
        nodes = flat[(indices[0][:, :, None] * self.bins + indices[1][:, None, :])]
        along = (nodes * weights[1][:, None, :]).sum(2)
        across = (nodes * slopes[1][:, None, :]).sum(2)
        value = (along * weights[0]).sum(1)
        gradient = torch.stack([(along * slopes[0]).sum(1), (across * weights[0]).sum(1)], dim=1)
        return value, gradient

    def _stencil(self, axis: int, s: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Four grid indices around each point, and their weights and derivatives."""
        u = (s - self.lower[axis]) / self.spacing[axis]
        outside = None
        if not self.periodic[axis]:
            clamped = u.clamp(0.0, self.bins - 1.0)
            outside = clamped != u
            u = clamped
        base = torch.floor(u)
        if not self.periodic[axis]:
            base = base.clamp(max=self.bins - 2.0)
        t = u - base
        index = base.long()[:, None] + torch.arange(-1, 3)
        index = index % self.bins if self.periodic[axis] else index.clamp(0, self.bins - 1)
        t2, t3 = t * t, t * t * t
        weights = 0.5 * torch.stack(
            [-t3 + 2 * t2 - t, 3 * t3 - 5 * t2 + 2, -3 * t3 + 4 * t2 + t, t3 - t2], dim=1
        )
        slopes = 0.5 * torch.stack(
            [-3 * t2 + 4 * t - 1, 9 * t2 - 10 * t, -9 * t2 + 8 * t + 1, 3 * t2 - 2 * t], dim=1
        )
        slopes = slopes / self.spacing[axis]
        if outside is not None:
            slopes = torch.where(outside[:, None], torch.zeros_like(slopes), slopes)
        return index, weights, slopes

    def add_gaussians(
        self, centers: torch.Tensor, heights: torch.Tensor, widths: list[float]
    ) -> None:
        """Add Gaussians h·exp[−Σ(s − c)²/(2w²)]: centres (n, n_axes), heights (n,)."""
        factors = []
        for axis, width in enumerate(widths):
            points = self.lower[axis] + self.spacing[axis] * torch.arange(
                self.bins, dtype=torch.float64
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
