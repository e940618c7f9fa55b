"""Relative entropy of a network of many molecules in a box: `mace` on a Lennard-Jones fluid."""

import dataclasses

import numpy as np
import pytest
import torch
from inversions import CUTOFF, RUN, fluid, form, silent

from meanforce.core.neighbours import pair_vectors
from meanforce.fitting.frames import Frames
from meanforce.fitting.relative_entropy import fit
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential


def forces_of(frames: Frames) -> torch.Tensor:
    """Exact forces of the fluid's pair potential, kJ/mol/nm."""
    cell, step = frames.cells[0].double().numpy(), 1e-5
    found = pair_vectors(frames.positions.double().numpy(), cell, CUTOFF)
    slope = (form(found.distances + step) - form(found.distances - step)) / (2 * step)
    pull = -slope * found.vectors / found.distances
    forces = np.zeros(frames.positions.shape)
    np.add.at(forces, (found.frame, found.second), pull.T)
    np.add.at(forces, (found.frame, found.first), -pull.T)
    return torch.from_numpy(forces).float()


@pytest.mark.slow
@pytest.mark.long
def test_a_network_from_wrong_forces_comes_near_to_the_liquid():
    """27 particles at ρ* 0.3, forces of half their size: relative entropy gives them back.

    The potential of mean force is the fluid's own energy, so its exact forces are the answer.
    """
    pytest.importorskip("mace", reason="needs envs/requirements-mace.txt")
    frames = fluid(3)
    exact = forces_of(frames)
    values = {
        "kind": "mace", "channels": 4, "max_L": 0, "max_ell": 1, "layers": 1,
        "radial_hidden": [16], "correlation": 1, "cutoff": CUTOFF, "temperature": "none",
        "training": {
            "epochs": 4, "batch_size": 20, "weight_decay": 0.0, "learning_rate": 0.02,
        },
        "fitting": {
            "kind": "relative_entropy", "at_most": 8, "simulation": RUN,
            "descent": {"learning_rate": 0.005, "steps": 20, "frames": 400},
        },
    }  # fmt: skip
    settings = validated(Potential, values, "potential")
    half = dataclasses.replace(frames, forces=0.5 * exact)
    made = fit(settings, half, {}, 0, 3, silent)
    distances = made.curve["distance_pairs_P_P"]
    assert distances.iloc[made.about["kept"] - 1] < 0.5 * distances.iloc[0]
    some, wanted = frames.configurations.select(slice(0, 400)), exact[:400]
    _, found = made.potential.energy_and_forces(some)
    error = (found - wanted).square().mean() / wanted.square().mean()
    # 0.25 for forces of half their size.
    assert error < 0.25 / 3
