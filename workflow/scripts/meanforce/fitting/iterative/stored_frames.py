"""Frames of the CG run of one potential, from which averages for another one follow."""

import dataclasses

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.fitting.iterative.observer import Kept
from meanforce.fitting.iterative.unit_sums import mean_and_variance
from meanforce.fitting.weights import effective_sample_size
from meanforce.potentials.interface import TrainablePotential
from meanforce.units import kt


@dataclasses.dataclass(frozen=True)
class Sample:
    """Configurations of a CG run, and energies of the potential that was run.

    Attributes:
        configurations: n of them, in the potential's type and on its device.
        beta: 1/kT, mol/kJ.
        chains: chain of each, shape (n,).
        log_weights: ln w of the unbiased ensemble, float64, shape (n,).
        sampled: energies of the potential that was run, kJ/mol, float64, shape (n,). A prior that
            is not trained may be left out, as it cancels in what follows.
        at_once: configurations whose energies are computed together.
    """

    configurations: Configuration[torch.Tensor]
    chains: np.ndarray
    log_weights: torch.Tensor
    beta: float
    sampled: torch.Tensor
    at_once: int

    @classmethod
    def of(
        cls,
        potential: TrainablePotential,
        kept: Kept,
        temperature: float,
        cell: np.ndarray | None,
        at_once: int,
    ) -> "Sample":
        """From the run of a potential.

        Args:
            potential: that was run, without its prior.
            kept: frames of the run.
            temperature: K.
            cell: nm, shape (3, 3), or None.
            at_once: see above.
        """
        # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
        positions = torch.from_numpy(kept.positions).clone()
        box = None if cell is None else torch.from_numpy(cell)
        frames = Configuration(positions, temperature, box).map(
            lambda tensor: tensor.to(potential.device, potential.dtype)
        )
        sampled = energies(potential, frames, at_once)
        logs = torch.from_numpy(kept.log_weights).to(potential.device)
        return cls(frames, kept.chains, logs, 1 / kt(temperature), sampled, at_once)

    def changes(self, potential: TrainablePotential) -> torch.Tensor:
        """β(U − U_run) of each configuration, float64, shape (n,)."""
        return self.beta * (energies(potential, self.configurations, self.at_once) - self.sampled)

    def weights(self, changes: torch.Tensor) -> torch.Tensor:
        """Weights w e^{−β(U − U_run)} of sum 1, shape (n,); NaN where a change is.

        Args:
            changes: β(U − U_run), shape (n,).
        """
        return torch.softmax(self.log_weights - changes, dim=0)

    def effective(self, weights: torch.Tensor) -> float:
        """Effective number of configurations, over that of the run; 0 for weights of NaN.

        Args:
            weights: shape (n,).
        """
        if not torch.isfinite(weights).all():
            return 0.0
        of_run = effective_sample_size(self.weights(torch.zeros_like(self.sampled)))
        return effective_sample_size(weights) / of_run

    def free_energy(self, changes: torch.Tensor) -> tuple[float, float]:
        """β(A − A_run) = −ln⟨e^{−β(U − U_run)}⟩, and its variance; chains are independent.

        Zwanzig, J. Chem. Phys. 22, 1420 (1954).

        Args:
            changes: β(U − U_run), shape (n,).
        """
        weights = self.weights(torch.zeros_like(changes)).cpu().numpy()
        changes = changes.cpu().numpy()
        least = changes.min()
        mean, variance = mean_and_variance(np.exp(least - changes), weights, self.chains)
        return float(least - np.log(mean)), variance / mean**2


@torch.no_grad()
def energies(
    potential: TrainablePotential, configurations: Configuration[torch.Tensor], at_once: int
) -> torch.Tensor:
    """kJ/mol, float64, shape (n,)."""
    parts = [potential.energy(part).double() for part in configurations.split(at_once)]
    return torch.cat(parts)


def add_gradient(
    potential: TrainablePotential,
    configurations: Configuration[torch.Tensor],
    factors: torch.Tensor,
    at_once: int,
) -> None:
    """Add the gradient of Σ factor · U to that of the potential's weights."""
    factors = factors.to(potential.dtype)
    parts = zip(configurations.split(at_once), factors.split(at_once), strict=True)
    for part, own in parts:
        (potential.energy(part) * own).sum().backward()
