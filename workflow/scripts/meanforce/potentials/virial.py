"""Virial pressure of a potential in a periodic cell, for any kind of potential.

Molecules are moved with the cell while their inner coordinates stay, so that with the volume V

    P = ρ kT − ⟨∂U/∂V⟩ = ρ kT + ⟨W⟩/3V,    W = −∂U/∂ ln s,

where ρ is the number density of molecules, s scales the cell's vectors and the molecules' centres,
and W is the molecular virial, Σ R·F over centres of molecules where the sum is over pairs;
Akkermans, Ciccotti, J. Phys. Chem. B 108, 6866 (2004). In equilibrium it is the pressure that beads
and the virial of all their forces have as well, with less noise: stiff bonds drop out, and each
bead inside a molecule takes kT of the kinetic part with it.

The derivative is a central difference in double precision, which needs no more of a potential than
its energy.
"""

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.potentials.interface import Potential
from meanforce.units import kt

STEP = 1e-4
"""Relative change of lengths; its error is of the order of its square."""


def virial_pressure(
    potential: Potential,
    frames: Configuration[torch.Tensor],
    centres: torch.Tensor,
    n_molecules: int,
) -> np.ndarray:
    """Instantaneous pressure of each configuration.

    Args:
        potential: in double precision.
        frames: n configurations of whole molecules in a cell, in double precision.
        centres: centre of the molecule of each bead, nm, shape (n, n_beads, 3).
        n_molecules: number of molecules.

    Returns:
        kJ/mol/nm³, shape (n,).
    """
    energies = []
    for scale in (1.0 + STEP, 1.0 - STEP):
        moved = Configuration(
            frames.positions + (scale - 1.0) * centres, frames.temperature, scale * frames.cell
        )
        with torch.no_grad():
            energies.append(potential.energy_and_forces(moved)[0].double())
    virial = -(energies[0] - energies[1]) / (2.0 * STEP)
    volume = torch.linalg.det(frames.cell.double()).abs()
    kinetic = n_molecules * kt(1.0) * torch.as_tensor(frames.temperature, dtype=torch.float64)
    return ((kinetic + virial / 3.0) / volume).numpy()
