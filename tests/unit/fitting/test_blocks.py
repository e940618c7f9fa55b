"""Time blocks are long compared with the memory of the conformations."""

import json
import math

import numpy as np
import pytest
from scipy.signal import lfilter

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.fitting.blocks import MEMORIES
from meanforce.fitting.frames import FrameChoice, read_frames
from meanforce.mapping.memory import liquid as liquid_correlation
from meanforce.mapping.memory import slow_modes_of_liquid
from meanforce.statistics.autocorrelation import correlation

MEMORY = 8.0
"""Autocorrelation time of the distance between two beads, ps."""


def write(path, length: float, seed: int, stride: float = 0.1, walkers: int = 1) -> None:
    """Two beads whose distance has the memory MEMORY; walkers take turns."""
    rng, n = np.random.default_rng(seed), round(length / stride)
    keep = math.exp(-stride / MEMORY)
    kicks = math.sqrt(1 - keep**2) * rng.standard_normal((n, walkers))
    kicks[0] /= math.sqrt(1 - keep**2)
    positions = np.zeros((n * walkers, 2, 3))
    positions[:, 1, 0] = 1 + 0.1 * lfilter([1], [1, -keep], kicks, axis=0).ravel()
    parameters = {"bead_names": ["A", "B"], "bonds": [[0, 1]], "temperature": 300.0}
    times = np.repeat(stride * np.arange(n), walkers)
    zeros, turns = np.zeros(n * walkers), np.tile(np.arange(walkers), n)
    with H5mdWriter(path, np.ones(2), parameters, with_forces=True) as writer:
        writer.append(FrameBlock(positions, times, zeros, zeros, turns, force=-positions))


def block_lengths(frames, stride: float = 0.1) -> np.ndarray:
    """ps."""
    return stride * np.bincount(frames.blocks)


def test_short_data_are_cut_into_few_blocks(tmp_path):
    """0.1 ns: four blocks for each of five folds would be 5 ps long, and two 10 ps.

    With so little data the memory cannot be measured in 4.7 % of all draws (94 of 2,000); a failure
    for 7 or more of 20 has the probability 2e-5.
    """
    short = 0
    for seed in range(20):
        write(tmp_path / f"{seed}.h5", 100.0, seed)
        frames = read_frames([tmp_path / f"{seed}.h5"], 5)
        assert frames.cut.length == pytest.approx(block_lengths(frames).min())
        assert set(frames.folds.tolist()) == set(range(5))
        short += frames.cut.length < 2 * MEMORY
        # Ten folds leave 10 ps at most, which is reported wherever five folds get the same memory.
        cut = read_frames([tmp_path / f"{seed}.h5"], 10).cut
        assert cut.per_fold == 1 and cut.too_short == (frames.cut.per_fold == 1)
    assert short < 7


def test_blocks_that_cannot_be_long_enough_are_told(tmp_path):
    write(tmp_path / "a.h5", 100.0, 1)
    cut = read_frames([tmp_path / "a.h5"], 10).cut
    assert cut.text().startswith("warning: 1 time blocks per fold, of 10 ps")
    about = json.loads(json.dumps(cut.about(), allow_nan=False))
    assert about["blocks_too_short"] is True


def test_long_data_have_as_many_blocks_as_they_can(tmp_path):
    """From 20 ns the memory is known to 4 %; 32 blocks are 625 ps long."""
    write(tmp_path / "a.h5", 20000.0, 1, stride=0.5)
    frames = read_frames([tmp_path / "a.h5"], 8)
    assert frames.cut.per_fold == 4 and not frames.cut.too_short
    # Five of its standard errors.
    assert frames.cut.memory == pytest.approx(MEMORY, rel=0.3)
    # 640 ps: 32 blocks would be 20 ps long.
    write(tmp_path / "b.h5", 8 * 2 * 5 * MEMORY, 2, stride=0.5)
    cut = read_frames([tmp_path / "b.h5"], 8).cut
    assert cut.per_fold in (1, 2) and cut.length >= MEMORIES * cut.memory


def test_datasets_are_cut_by_their_own_memory(tmp_path):
    write(tmp_path / "long.h5", 20000.0, 1, stride=1.0)
    write(tmp_path / "short.h5", 200.0, 2)
    frames = read_frames([tmp_path / "long.h5", tmp_path / "short.h5"], 5)
    blocks, first = frames.blocks.numpy(), 20000
    assert len(np.unique(blocks[:first])) == 20
    assert len(np.unique(blocks[first:])) == 5
    assert blocks[first] == 20 and (np.diff(blocks) >= 0).all()
    # In each dataset every fold has its share.
    for part in (frames.folds[:first], frames.folds[first:]):
        shares = np.bincount(part.numpy())
        assert len(shares) == 5 and np.ptp(shares) <= 2


def test_walkers_that_take_turns_share_the_frames_of_a_block(tmp_path):
    """Four walkers in 1,600 frames are 40 ps each: all five blocks are 8 ps long, not 32."""
    write(tmp_path / "a.h5", 40.0, 3, walkers=4)
    cut = read_frames([tmp_path / "a.h5"], 5).cut
    assert cut.length == pytest.approx(8.0)
    assert cut.per_fold == 1 and cut.too_short


def test_a_stride_changes_no_time(tmp_path):
    write(tmp_path / "a.h5", 4000.0, 4)
    every, some = (
        read_frames([tmp_path / "a.h5"], 5, choice=FrameChoice(stride=stride)).cut
        for stride in (1, 10)
    )
    assert some.memory == pytest.approx(every.memory, rel=0.2)
    assert some.length == pytest.approx(every.length)


def liquid(path, length: float, seed: int, stride: float = 0.1, molecules: int = 300) -> None:
    """Dimers anywhere in a box at all times, whose lengths all follow one memory."""
    rng, n = np.random.default_rng(seed), round(length / stride)
    keep = math.exp(-stride / MEMORY)
    kicks = math.sqrt(1 - keep**2) * rng.standard_normal(n)
    common = lfilter([1], [1, -keep], kicks)
    places = rng.random((n, molecules, 1, 3)) * 4.0
    arm = np.zeros((n, molecules, 2, 3))
    arm[:, :, 1, 0] = (0.3 + 0.02 * common)[:, None]
    positions = (places + arm).reshape(n, -1, 3).astype(np.float32)
    dimer = MoleculeType("DIM", ("A", "B"), ("P", "P"), ((0, 1),))
    parameters = Topology(((dimer, molecules),)).parameters() | {"temperature": 300.0}
    zeros, times = np.zeros(n), stride * np.arange(n)
    masses = np.ones(2 * molecules)
    with H5mdWriter(path, masses, parameters, with_forces=True, box=4.0 * np.eye(3)) as writer:
        block = FrameBlock(positions, times, zeros, zeros, zeros.astype(int), force=-positions)
        writer.append(block)


def test_the_memory_of_a_liquid_is_that_of_its_molecules(tmp_path):
    """The squared length has the memory; 100 memories determine it to some 20 %."""
    liquid(tmp_path / "a.h5", 100 * MEMORY, 1, stride=2.0)
    frames = read_frames([tmp_path / "a.h5"], 5)
    assert 0.4 * MEMORY < frames.cut.memory < 2.0 * MEMORY
    assert frames.cells is not None and frames.cut.per_fold == 4


def test_density_modes_of_a_mixture_that_unmixes():
    """Two types whose densities are waves in opposite phase: the mode between them is seen."""
    rng, n = np.random.default_rng(2), 2500
    keep = math.exp(-1 / 20.0)
    depth = 0.5 * np.tanh(lfilter([1], [1, -keep], math.sqrt(1 - keep**2) * rng.normal(size=n)))
    positions = rng.random((n, 800, 3), dtype=np.float32)
    for sign, own in ((1, slice(0, 400)), (-1, slice(400, 800))):
        x = positions[:, own, 0]
        positions[:, own, 0] = x + sign * depth[:, None] / (2 * np.pi) * np.sin(2 * np.pi * x)
    mixture = Topology(((MoleculeType("A", ("X",), ("x",)), 400),
                        (MoleculeType("B", ("Y",), ("y",)), 400)))  # fmt: skip
    cells = np.broadcast_to(np.eye(3), (n, 3, 3))
    modes = slow_modes_of_liquid(positions, cells, mixture)
    assert modes.shape == (n, 9)
    found = liquid_correlation(modes, np.zeros(n, int))
    # The mode is the squared depth, and some noise that forgets at once.
    known = correlation([depth**2]).inefficiency
    assert 0.6 * known < found.inefficiency < 1.1 * known
    shifted = slow_modes_of_liquid(positions + 0.3, cells, mixture)
    np.testing.assert_allclose(modes, shifted, atol=1e-5)
