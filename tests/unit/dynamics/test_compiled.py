"""Compiled steps are the steps that are not compiled."""

import itertools

import numpy as np
import pytest
import torch
from double_well import settings

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.dynamics.compiled import available
from meanforce.dynamics.engine import CgRun, TorchEngine
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.interface import Start
from meanforce.potentials.local_cgnet import LocalCgnet
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

NAMES = tuple(f"B{number}" for number in range(10))
CHAIN = Topology.of_beads(NAMES, NAMES, tuple(itertools.pairwise(range(10))))


@pytest.mark.slow
@pytest.mark.skipif(not available(), reason="there is no C++ compiler")
def test_steps_of_a_number_of_chains_that_is_no_multiple_of_16():
    """20 chains: rests of loops over chains were written beyond the end of arrays.

    They have two temperatures, each the noise of its own.
    """
    turn = 1.7 * np.arange(10)
    curl = np.stack([0.15 * np.cos(turn), 0.15 * np.sin(turn), 0.06 * turn], axis=1)
    starts = curl + 0.01 * np.random.default_rng(1).standard_normal((20, 10, 3))
    frames = Configuration(torch.from_numpy(starts.astype(np.float32)), 300.0)
    network = LocalCgnet.initial(
        validated(Potential, {"kind": "local_cgnet", "training": {"epochs": 1}}, "potential"),
        Start(CHAIN, frames, [300.0]),
        torch.Generator().manual_seed(1),
    )
    chosen = settings(
        chains=20, time_step=1e-4, length=0.02, stride=0.0002, equilibration=0.0,
        exchange={"highest": 900.0, "levels": 2, "every": 0.002},
    )  # fmt: skip
    made, lines = [], []
    for compiled in (False, True):
        run = CgRun(
            network, Configuration(starts.astype(np.float32), 300.0), chosen,
            torch.Generator().manual_seed(2), CgSystem(CHAIN, np.full(10, 12.0)),
        )  # fmt: skip
        with torch.no_grad():
            engine = TorchEngine(run)
            chains = engine.start()
            chains.compiled = compiled
            engine.prepare(chains, lines.append)
            # Random numbers depend on how many steps are a call.
            engine._at_once = 2
            for _ in range(20):
                engine.step(chains)
        made.append(chains.state.positions)
    assert any("steps compiled in" in line for line in lines)
    torch.testing.assert_close(made[1], made[0], rtol=0, atol=2e-5)
    # Chains moved much more than they differ.
    assert (made[0] - frames.positions).abs().mean() > 1e-3
