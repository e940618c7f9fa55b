"""What a CG run moves, and the collective variables that its settings name."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from meanforce.core.topology import Topology
from meanforce.dynamics.convergence import Convergence
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.potentials.interface import Potential
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.simulations import SimulationSettings


@dataclasses.dataclass(frozen=True)
class CgSystem:
    """The beads of a CG run.

    Attributes:
        molecule: the beads.
        masses: of the beads, u, shape (n_beads,).
        variables: name: collective variable, of the bias and of the surface at least.
        surface: names of those whose convergence is checked; without any, convergence is not
            checked and the starts of the chains are not noted.
    """

    molecule: Topology
    masses: np.ndarray
    variables: Mapping[str, CollectiveVariableSettings] = dataclasses.field(default_factory=dict)
    surface: tuple[str, ...] = ()

    def bias(
        self,
        simulation: SimulationSettings,
        temperature: float,
        potential: Potential,
        cell: np.ndarray | None,
    ) -> SharedBias | None:
        """The bias that the settings ask for, in the type and on the device of the potential.

        Raises:
            InputError: it depends on where the beads are in a periodic cell.
        """
        if simulation.bias is None:
            return None
        return SharedBias(
            simulation.bias,
            [self.variables[name] for name in simulation.bias.collective_variables],
            list(self.molecule.names),
            temperature,
            potential.dtype,
            potential.device,
            cell,
        )

    def convergence(
        self, simulation: SimulationSettings, cell: np.ndarray | None
    ) -> Convergence | None:
        """The check of the run's convergence."""
        if not self.surface:
            return None
        looked_at = {name: self.variables[name] for name in self.surface}
        return Convergence(simulation.until, looked_at, list(self.molecule.names), cell)
