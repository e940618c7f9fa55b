"""Potential kind `spline`: cubic B-splines on equal knots."""

import torch

from meanforce.potentials.curves import Basis
from meanforce.potentials.linear import LinearPotential

# Cubic B-splines c₋₁ … c₂ on one interval as a polynomial in 0 ≤ t ≤ 1; rows are powers of t.
_POLYNOMIALS = torch.tensor(
    [[1.0, 4.0, 1.0, 0.0], [-3.0, 0.0, 3.0, 0.0], [3.0, -6.0, 3.0, 0.0], [-1.0, 3.0, -3.0, 1.0]],
    dtype=torch.float64,
) / 6  # fmt: skip


class Spline(LinearPotential):
    """φ is the cubic cardinal B-spline, centred at 0 with support (−2, 2); de Boor (1978)."""

    kind = "spline"
    pieces = _POLYNOMIALS

    @staticmethod
    def shape(u: torch.Tensor, width: float) -> tuple[torch.Tensor, torch.Tensor]:
        distance = u.abs()
        near, far = (1 - distance).clamp_min(0), (2 - distance).clamp_min(0)
        far_square, near_square = far * far, near * near
        value = torch.addcmul(far * far_square, near, near_square, value=-4).div_(6)
        slope = (far_square - 4 * near_square).mul_(-0.5).mul_(torch.sign(u))
        return value, slope

    def prepare(self, coefficients: torch.Tensor, basis: Basis) -> torch.Tensor:
        """Polynomials of all intervals of all coordinates, shape (n_intervals, 4).

        Only four functions differ from zero on an interval, so that a cubic polynomial found in a
        table takes the place of the whole sum.
        """
        coefficients = basis.padded(coefficients)
        rows = []
        for number, curve in enumerate(self.curves):
            own = coefficients[number, : curve.functions]
            if curve.periodic:
                own = torch.cat([own[-3:], own, own[:4]])
            else:
                own = torch.cat([own.new_zeros(3), own, own.new_zeros(4)])
            own = torch.nn.functional.pad(own, (0, basis.widest - curve.functions))
            rows.append(own.unfold(0, 4, 1))
        table = torch.stack(rows) @ _POLYNOMIALS.to(coefficients).T
        return table[basis.owners].flatten(0, 1)

    def series(self, basis, q, prepared):
        u = (q - basis.lower[:, None]) / basis.spacing[:, None]
        # Intervals from −2 to functions + 1; the coordinate on a circle is in its first turn.
        u = basis.wrapped(u).clamp(-2.0, basis.widest + 1.0)
        # A chain that exploded has no interval; its energy is not a number either.
        interval = torch.floor(u).nan_to_num(0.0)
        t = u - interval
        n_intervals = len(prepared) // len(basis.owners)
        first = torch.arange(len(basis.owners), device=q.device)[:, None] * n_intervals + 2
        a, b, c, d = prepared[first + interval.long()].unbind(-1)
        energy = a + t * (b + t * (c + t * d))
        return energy, (b + t * (2 * c + t * (3 * d))) / basis.spacing[:, None]
