"""Campaign kind `metadynamics`: well-tempered, on periodic collective variables."""

import numpy as np
import openmm

from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable, bias_force, values_in
from meanforce.settings.campaigns import Metadynamics
from meanforce.units import kt


class WellTempered(Bias):
    """Well-tempered metadynamics on a periodic grid.

    A hill of height h·exp[−V(s)/(kΔT)], ΔT = (γ − 1)T, is added at the current s every `pace`
    (Barducci, Bussi, Parrinello, PRL 100, 020603 (2008)). Grid values are interpolated by
    OpenMM's cubic splines.

    Args:
        campaign: settings.
        variables: the biased collective variables, in order.
        temperature: K.
    """

    def __init__(
        self, campaign: Metadynamics, variables: list[Variable], temperature: float
    ) -> None:
        self._campaign, self._variables = campaign, variables
        self._kt = kt(temperature)
        self._axis = np.linspace(-np.pi, np.pi, campaign.bins + 1)
        self.grid = np.zeros((campaign.bins + 1,) * len(variables))
        self.hills: list[tuple[float, ...]] = []
        self._offset = 0.0

    def force(self) -> openmm.CustomCVForce:
        names = [f"s{number}" for number in range(len(self._variables))]
        self._force = bias_force(f"bias({', '.join(names)})", self._variables)
        n = self._campaign.bins + 1
        flat = self._flat()
        if len(names) == 1:
            self._table = openmm.Continuous1DFunction(flat, -np.pi, np.pi, True)
        else:
            self._table = openmm.Continuous2DFunction(
                n, n, flat, -np.pi, np.pi, -np.pi, np.pi, True
            )
        self._force.addTabulatedFunction("bias", self._table)
        # The added copy is the one that a later update must change.
        self._table = self._force.getTabulatedFunction(0)
        return self._force

    def steps_between_updates(self, time_step: float) -> int:
        return max(1, round(self._campaign.pace / time_step))

    def update(self, context: openmm.Context, time: float) -> None:
        center = values_in(self._force, context, self._variables)
        energy = context.getState(energy=True, groups={self.group}).getPotentialEnergy()
        factor = self._campaign.bias_factor
        height = self._campaign.height * np.exp(-energy._value / ((factor - 1.0) * self._kt))
        self.grid += height * self._hill(center)
        self._offset = self._reweighting_offset()
        self.hills.append((time, *center, height, self._offset))
        n = self._campaign.bins + 1
        if self.grid.ndim == 1:
            self._table.setFunctionParameters(self._flat(), -np.pi, np.pi)
        else:
            self._table.setFunctionParameters(n, n, self._flat(), -np.pi, np.pi, -np.pi, np.pi)
        self._force.updateParametersInContext(context)

    def _hill(self, center: np.ndarray) -> np.ndarray:
        """Hill of height 1 on the grid."""
        factors = []
        for value, width in zip(center, self._campaign.width, strict=True):
            distance = np.abs(self._axis - value)
            distance = np.minimum(distance, 2 * np.pi - distance)
            factor = np.exp(-0.5 * (distance / width) ** 2)
            # First and last grid point are the same angle; they must not differ by rounding.
            factor[-1] = factor[0]
            factors.append(factor)
        hill = factors[0]
        for factor in factors[1:]:
            hill = np.multiply.outer(hill, factor)
        return hill

    def _flat(self) -> np.ndarray:
        # OpenMM wants the first variable to run fastest.
        return self.grid.flatten(order="F")

    def offset(self) -> float:
        return self._offset

    def _reweighting_offset(self) -> float:
        """c(t) = kT ln(∫exp[γV/((γ−1)kT)]ds / ∫exp[V/((γ−1)kT)]ds).

        Tiwary, Parrinello, J. Phys. Chem. B 119, 736 (2015).
        """
        factor = self._campaign.bias_factor
        # The repeated end points of the periodic grid count once.
        scaled = self.grid[tuple(slice(0, -1) for _ in range(self.grid.ndim))] / self._kt
        largest = scaled.max()
        upper = np.log(np.exp(factor / (factor - 1.0) * (scaled - largest)).sum())
        lower = np.log(np.exp((scaled - largest) / (factor - 1.0)).sum())
        return self._kt * (upper - lower + largest)

    def record(self) -> dict[str, np.ndarray]:
        return {"bias_grid": self.grid, "bias_axis": self._axis, "bias_hills": np.array(self.hills)}


def make(campaign: Metadynamics, variables, temperature: float) -> WellTempered:
    """Bias of a metadynamics campaign."""
    return WellTempered(campaign, list(variables.values()), temperature)
