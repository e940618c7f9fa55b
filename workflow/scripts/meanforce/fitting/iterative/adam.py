"""Adam on the weights of a network, whose state a restart bundle holds."""

import torch

from meanforce.fitting.iterative.network_problem import gradient_in, put_weights
from meanforce.fitting.iterative.turn import Memory
from meanforce.potentials.interface import TrainablePotential

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""Names in PyTorch's state of Adam."""

WEIGHTS = "weights"
"""Name of the weights, which a restart bundle has within a round of steps."""


class Adam:
    """Adam on all weights of a potential as one vector.

    Args:
        potential: whose weights change, in place.
        rate: size of the steps.
        memory: moments of the steps before, and weights; empty for a new start.
    """

    def __init__(self, potential: TrainablePotential, rate: float, memory: Memory) -> None:
        self._potential = potential
        tensors = potential.trainable()
        for tensor in tensors:
            tensor.requires_grad_(True)
        self.weights = torch.cat([tensor.detach().reshape(-1) for tensor in tensors])
        self._optimiser = torch.optim.Adam([self.weights], lr=rate)
        if MOMENTS[0] not in memory:
            return
        state = {name: torch.from_numpy(memory[name]).clone() for name in MOMENTS}
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": {0: state}, "param_groups": groups})
        if WEIGHTS in memory:
            self.put(torch.from_numpy(memory[WEIGHTS]).clone())

    def put(self, weights: torch.Tensor) -> None:
        """Set the weights."""
        with torch.no_grad():
            self.weights.copy_(weights)
        put_weights(self._potential, self.weights)

    def step(self) -> None:
        """One step along the gradients that the potential's weights have; it clears them."""
        self.weights.grad = gradient_in(self._potential)
        self._optimiser.step()
        put_weights(self._potential, self.weights)

    @property
    def moments(self) -> Memory:
        """What the next steps need, besides the weights."""
        state = self._optimiser.state[self.weights]
        return {name: state[name].cpu().numpy().copy() for name in MOMENTS}

    @property
    def within(self) -> Memory:
        """What a later process needs to go on from here."""
        return self.moments | {WEIGHTS: self.weights.detach().cpu().numpy().copy()}
