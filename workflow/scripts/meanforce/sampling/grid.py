"""Bias energies on a regular grid of one to three collective variables."""

import math

import numpy as np
import openmm

from meanforce.sampling.collective_variables import Variable, bias_force
from meanforce.units import kt

PADDING = 6
"""Grid intervals by which a periodic axis is repeated where OpenMM cannot wrap it."""


class BiasGrid:
    """Bias energies on a grid; OpenMM interpolates them by cubic splines.

    Args:
        variables: the collective variables, in order.
        lower: lower end of each axis; of periodic ones -π.
        upper: upper end.
        bins: intervals of each axis.

    Attributes:
        values: kJ/mol, shape (bins + 1, ...); on periodic axes the last point repeats the first.
        axes: the grid points of each axis.
    """

    def __init__(
        self, variables: tuple[Variable, ...], lower: list[float], upper: list[float],
        bins: list[int],
    ) -> None:  # fmt: skip
        self.variables = variables
        self.axes = [
            np.linspace(low, high, n + 1) for low, high, n in zip(lower, upper, bins, strict=True)
        ]
        self.values = np.zeros([n + 1 for n in bins])
        self._all_periodic = all(variable.periodic for variable in variables)

    def add(self, center: np.ndarray, width: list[float], height: float) -> None:
        """Add a Gaussian hill."""
        hill = np.array(height)
        for axis, variable, at, sigma in zip(self.axes, self.variables, center, width, strict=True):
            distance = np.abs(axis - at)
            if variable.periodic:
                distance = np.minimum(distance, 2 * math.pi - distance)
            factor = np.exp(-0.5 * (distance / sigma) ** 2)
            if variable.periodic:
                # First and last point are the same angle; they must not differ by rounding.
                factor[-1] = factor[0]
            hill = np.multiply.outer(hill, factor)
        self.values += hill

    def outside(self, centers: np.ndarray) -> np.ndarray:
        """Which values are outside the grid; along periodic variables none is.

        Args:
            centers: values of the variables, shape (n, n_variables).

        Returns:
            Shape (n, n_variables).
        """
        centers = np.asarray(centers).reshape(-1, len(self.axes))
        beyond = np.zeros(centers.shape, dtype=bool)
        for number, (variable, axis) in enumerate(zip(self.variables, self.axes, strict=True)):
            if not variable.periodic:
                values = centers[:, number]
                beyond[:, number] = (values < axis[0]) | (values > axis[-1])
        return beyond

    def offset(self, temperature: float, bias_factor: float) -> float:
        """c(t) = kT ln(∫exp[γV/((γ−1)kT)]ds / ∫exp[V/((γ−1)kT)]ds), kJ/mol.

        Tiwary, Parrinello, J. Phys. Chem. B 119, 736 (2015).
        """
        kT = kt(temperature)
        # The repeated end points of periodic axes count once.
        once = tuple(slice(0, -1) if v.periodic else slice(None) for v in self.variables)
        scaled = self.values[once] / ((bias_factor - 1.0) * kT)
        lower = np.exp(scaled - scaled.max())
        ratio = (lower**bias_factor).sum() / lower.sum()
        return kT * float(np.log(ratio) + (bias_factor - 1.0) * scaled.max())

    def force(self) -> openmm.CustomCVForce:
        """The bias as an OpenMM force; outside the grid it keeps its value at the edge."""
        arguments, clamps = [], []
        for number, (variable, axis) in enumerate(zip(self.variables, self.axes, strict=True)):
            arguments.append(f"s{number}" if variable.periodic else f"x{number}")
            if not variable.periodic:
                clamps.append(f"x{number}=min(max(s{number}, {axis[0]}), {axis[-1]})")
        expression = "; ".join([f"bias({', '.join(arguments)})", *clamps])
        force = bias_force(expression, self.variables)
        dimension = len(self.axes)
        kind = (
            openmm.Continuous1DFunction,
            openmm.Continuous2DFunction,
            openmm.Continuous3DFunction,
        )[dimension - 1]
        force.addTabulatedFunction("bias", kind(*self._parameters(), self._all_periodic))
        return force

    def refresh(self, force: openmm.CustomCVForce, contexts: list[openmm.Context]) -> None:
        """Copy the present values into contexts."""
        force.getTabulatedFunction(0).setFunctionParameters(*self._parameters())
        for context in contexts:
            force.updateParametersInContext(context)

    def _parameters(self) -> list:
        """Sizes, values and ranges in OpenMM's order."""
        values, ranges = self.values, []
        for number, (variable, axis) in enumerate(zip(self.variables, self.axes, strict=True)):
            low, high = axis[0], axis[-1]
            if variable.periodic and not self._all_periodic:
                n = len(axis) - 1
                index = np.arange(-PADDING, n + PADDING + 1) % n
                values = values.take(index, axis=number)
                step = (high - low) / n
                low, high = low - PADDING * step, high + PADDING * step
            ranges += [float(low), float(high)]
        # In OpenMM's order the first variable runs fastest.
        flat = values.flatten(order="F")
        return [flat, *ranges] if values.ndim == 1 else [*values.shape, flat, *ranges]

    def record(self) -> dict[str, np.ndarray]:
        """Arrays from which `read` restores the grid."""
        axes = {f"bias_axis_{number}": axis for number, axis in enumerate(self.axes)}
        return {"bias_grid": self.values, **axes}

    @classmethod
    def like(cls, other: "BiasGrid") -> "BiasGrid":
        """An empty grid on the same axes."""
        return cls.read(other.variables, np.zeros_like(other.values), other.axes)

    @classmethod
    def read(
        cls, variables: tuple[Variable, ...], values: np.ndarray, axes: list[np.ndarray]
    ) -> "BiasGrid":
        """A grid from its recorded arrays."""
        grid = cls(
            variables, [axis[0] for axis in axes], [axis[-1] for axis in axes],
            [len(axis) - 1 for axis in axes],
        )  # fmt: skip
        grid.values = values
        return grid
