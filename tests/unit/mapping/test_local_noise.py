"""Noise of forces in a liquid against noise that was added; fixed seeds."""

import dataclasses

import numpy as np
import pytest
from liquids import argon, ethane

from meanforce.mapping.local_noise import LocalFrames, local_noise

NOISE = 60.0
"""kJ/mol/nm; the forces of argon are about 40, those of ethane 240."""


def frames_of(liquid, seed: int = 1) -> LocalFrames:
    """The liquid's frames, whose forces have noise."""
    frames = liquid.frames
    forces = frames.forces.double().numpy()
    noise = np.random.default_rng(seed).normal(0, NOISE, forces.shape)
    return LocalFrames(
        frames.positions.numpy(), forces + noise, frames.cells[0].double().numpy(),
        np.arange(len(forces)) * 20 // len(forces), frames.molecule,
    )  # fmt: skip


def test_what_pair_forces_explain_is_no_noise():
    """Noise of 80 × 256 × 3 components is known to 0.6 %; the linear pieces leave some more.

    It is an upper bound: 5 standard errors below it a false alarm is below 1e-6.
    """
    frames = frames_of(argon(80))
    found = local_noise(frames)
    bare = (frames.forces**2).mean()
    assert bare > 1.4 * NOISE**2
    assert found.variance > NOISE**2 * (1 - 5 * 0.006)
    assert found.variance < 1.03 * NOISE**2
    assert 0 < found.error < 0.05 * NOISE**2
    # The same for each frame's own cell, and wherever the molecules are.
    turns = np.random.default_rng(2).integers(-1, 2, frames.positions.shape)
    moved = dataclasses.replace(
        frames,
        positions=(frames.positions + turns @ frames.cell).astype(np.float64),
        cell=np.tile(frames.cell, (len(frames.positions), 1, 1)),
    )
    assert local_noise(moved).variance == pytest.approx(found.variance, rel=1e-3)


def test_bonds_and_other_molecules_have_functions_of_their_own():
    """Forces along stiff bonds are thousands of kJ/mol/nm, and all explained but for the noise."""
    frames = frames_of(ethane(60))
    found = local_noise(frames)
    assert (frames.forces**2).mean() > 15 * NOISE**2
    assert NOISE**2 * (1 - 5 * 0.007) < found.variance < 1.08 * NOISE**2


def test_noise_alone_is_noise():
    """The fit to other blocks explains nothing of it, and takes nothing off."""
    frames = frames_of(argon(80))
    noise = np.random.default_rng(3).normal(0, NOISE, frames.forces.shape)
    found = local_noise(dataclasses.replace(frames, forces=noise))
    assert found.variance == pytest.approx((noise**2).mean(), rel=1e-9)
    assert found.variance == pytest.approx(NOISE**2, rel=0.03)
    # Beads that carry no force do not count.
    noise[:, :100] = 0
    assert local_noise(dataclasses.replace(frames, forces=noise)).variance == pytest.approx(
        NOISE**2, rel=0.03
    )
