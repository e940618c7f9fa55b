"""A well-tempered bias that all chains of a CG run share: built together, then frozen.

Multiple-walker well-tempered metadynamics (Raiteri et al., J. Phys. Chem. B 110, 3533 (2006);
Barducci et al., PRL 100, 020603 (2008)) with every chain as a walker. Frames are harvested only
from the frozen bias V, so that weights exp(V/kT) are exact.
"""

import math

import numpy as np
import torch

from meanforce.dynamics.grid import Grid
from meanforce.dynamics.stability import Unstable
from meanforce.dynamics.visits import Visits
from meanforce.errors import InputError
from meanforce.potentials.variables import CollectiveVariables
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic
from meanforce.settings.simulations import CgBiasSettings
from meanforce.units import kt

TOTAL_HEIGHT = 40.0
"""Undamped height, in kT and on average over the grid, of all hills together."""

MOST_OUTSIDE = 0.5
"""Share of the hills beyond the ends of the grid with which a run ends before frames are stored."""


class SharedBias:
    """Bias on collective variables of a batch of chains.

    Args:
        settings: of the bias.
        variables: the biased collective variables, in order.
        bead_names: names of the beads.
        temperature: K.
        dtype: floating-point type of positions.
        device: where positions are.
        cell: periodic box vectors, nm, shape (3, 3), or None; variables are then those of nearest
            images.

    Attributes:
        visits: where hills were added.

    Raises:
        InputError: there is a cell, and a variable depends on where in it the beads are.
    """

    def __init__(
        self,
        settings: CgBiasSettings,
        variables: list[CollectiveVariableSettings],
        bead_names: list[str],
        temperature: float,
        dtype: torch.dtype,
        device: torch.device | str = "cpu",
        cell: np.ndarray | None = None,
    ) -> None:
        if cell is not None and any(
            term.kind == "coordinate" for variable in variables for _, term in variable.terms
        ):
            raise InputError(
                "bias: is on a Cartesian coordinate, which has no nearest image in a periodic "
                "cell; allowed are distances, angles, dihedrals and coordination numbers"
            )
        self._cell = None if cell is None else torch.as_tensor(cell, dtype=dtype, device=device)
        self._settings, self._kt = settings, kt(temperature)
        self._variables = CollectiveVariables(variables, bead_names, dtype, device)
        periodic = [is_periodic(variable.kind) for variable in variables]
        lower = [-math.pi if wraps else settings.lower[axis] for axis, wraps in enumerate(periodic)]
        upper = [math.pi if wraps else settings.upper[axis] for axis, wraps in enumerate(periodic)]
        self.grid = Grid(lower, upper, periodic, settings.bins, device)
        self.visits = Visits(self.grid)
        self._units = [variable.unit for variable in variables]

    def energy_and_forces(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """V in kJ/mol, shape (n,), and −dV/dR in kJ/mol/nm, shape (n, n_beads, 3)."""
        s, slopes = self._variables.evaluate(positions, self._cell)
        energy, gradient = self.grid.evaluate(s)
        return energy, -self._variables.pull_back(gradient.to(s.dtype), slopes)

    def visit(self, positions: torch.Tensor) -> None:
        """Count where chains are, without hills."""
        self.visits.add(self._variables.evaluate(positions, self._cell)[0])

    def deposit(self, positions: torch.Tensor, deposits: int) -> None:
        """Let every chain add a hill; `deposits` is the number of calls in the whole run."""
        s, _ = self._variables.evaluate(positions, self._cell)
        self.visits.add(s)
        energy, _ = self.grid.evaluate(s)
        first = TOTAL_HEIGHT * self._kt / self.grid.fraction_of(self._settings.width)
        damping = torch.exp(-energy / ((self._settings.bias_factor - 1.0) * self._kt))
        heights = first / (deposits * len(positions)) * damping
        self.grid.add_gaussians(s, heights, self._settings.width)

    @property
    def where_outside(self) -> str:
        """Along which variables values were beyond the ends of the grid; empty if none were."""
        if not self.visits.share:
            return ""
        return self.visits.in_words(self._settings.collective_variables, self._units)

    def check_built(self) -> None:
        """Refuse to go on with a bias that most chains are beyond of.

        Raises:
            Unstable: more than a share `MOST_OUTSIDE` of the hills is beyond the ends of the grid.
        """
        if self.visits.share > MOST_OUTSIDE:
            raise Unstable(
                f"the chains have left the grid of the CG bias, where hills have no effect: "
                f"{self.visits.share:.0%} of the hills are outside; {self.where_outside}; give "
                "'lower' and 'upper' that contain these values, or bias a variable with a bounded "
                "range"
            )
