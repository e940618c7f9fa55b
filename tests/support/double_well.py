"""A bead in a double well, and settings of short runs of it."""

import dataclasses

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.interface import Potential
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.simulations import SimulationSettings


class DoubleWell(Potential):
    """U = h ((x/a)² − 1)² + tilt·x on one bead, whose averages are known by quadrature."""

    kind = "double_well"
    height, width, tilt = 20.0, 1.0, 2.0

    def __init__(self):
        super().__init__(torch.float64)

    def curve(self, x):
        return self.height * ((x / self.width) ** 2 - 1) ** 2 + self.tilt * x

    def compute(self, configuration):
        positions = configuration.positions
        x = positions[:, 0, 0]
        forces = torch.zeros_like(positions)
        slope = 4 * self.height * ((x / self.width) ** 2 - 1) * x / self.width**2 + self.tilt
        forces[:, 0, 0] = -slope
        return self.curve(x), forces

    def state(self):
        raise NotImplementedError

    @classmethod
    def from_state(cls, tensors, values):
        raise NotImplementedError


def settings(**changes) -> SimulationSettings:
    values = {
        "chains": 400, "time_step": 0.01, "friction": 2.0, "equilibration": 10.0,
        "length": 60.0, "stride": 1.0, "bias": None, "until": None,
    }  # fmt: skip
    return SimulationSettings.model_validate(values | changes, context={"internal": True})


VARIABLE = CollectiveVariableSettings(kind="coordinate", mapping="x", beads=["X"], axis="x")


BEAD = Topology.of_beads(("X",), ("X",), ())


MASSES = np.array([10.0])


SYSTEM = CgSystem(BEAD, MASSES, {"x": VARIABLE})


LOOKED_AT = dataclasses.replace(SYSTEM, surface=("x",))
"""The system; convergence of a run is checked along x."""


def cg_run(
    potential: Potential,
    starts: np.ndarray,
    simulation: SimulationSettings,
    seed: int,
    system: CgSystem = SYSTEM,
) -> CgRun:
    """A run at 300 K; every call gives a new one."""
    generator = torch.Generator().manual_seed(seed)
    return CgRun(potential, Configuration(starts, 300.0), simulation, generator, system)
