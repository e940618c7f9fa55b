"""Campaign kind `umbrella`: harmonic windows, one for each copy of the system."""

import numpy as np
import openmm

from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable, bias_force


class Windows(Bias):
    """V = Σ_d ½k_d(s_d − c_d)² with centres of its own for every copy.

    Args:
        centers: of all windows of the campaign, shape (n_windows, n_variables), nm or rad.
        chosen: windows of this job.
        force_constants: k_d in kJ/mol/nm² or kJ/mol/rad².
        variables: the collective variables, in order.
    """

    def __init__(
        self,
        centers: np.ndarray,
        chosen: list[int],
        force_constants: list[float],
        variables: tuple[Variable, ...],
    ) -> None:
        self._centers, self._chosen = centers, chosen
        self._force_constants, self.variables = force_constants, variables

    def force(self) -> openmm.CustomCVForce:
        terms, helpers = [], []
        for number, (variable, k) in enumerate(
            zip(self.variables, self._force_constants, strict=True)
        ):
            terms.append(f"{0.5 * k!r}*d{number}^2")
            difference = f"abs(s{number}-center{number})"
            if variable.periodic:
                helpers.append(f"d{number}=min({difference}, {2 * np.pi!r}-{difference})")
            else:
                helpers.append(f"d{number}={difference}")
        force = bias_force("; ".join(["+".join(terms), *helpers]), self.variables)
        for number in range(len(self.variables)):
            force.addGlobalParameter(f"center{number}", 0.0)
        return force

    def walker(self, copy: int) -> int:
        return self._chosen[copy]

    def place(self, context: openmm.Context, copy: int) -> None:
        for number, value in enumerate(self._centers[self._chosen[copy]]):
            context.setParameter(f"center{number}", float(value))

    def record(self) -> dict[str, np.ndarray]:
        return {
            "window_centers": self._centers,
            "window_force_constants": np.array(self._force_constants),
            "window_periodic": np.array([v.periodic for v in self.variables], dtype=np.int8),
        }
