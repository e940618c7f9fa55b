"""Configurations of arrays and of tensors: parts keep what belongs to them."""

import numpy as np
import pytest
import torch

from meanforce.core.configuration import Configuration

MAKERS = {"NumPy": np.asarray, "PyTorch": torch.as_tensor}


@pytest.mark.parametrize("maker", MAKERS)
def test_parts_keep_their_own_temperatures_and_cells(maker):
    make = MAKERS[maker]
    positions = make(np.arange(30.0).reshape(5, 2, 3))
    temperatures, cells = make(300.0 + np.arange(5.0)), make(np.arange(45.0).reshape(5, 3, 3))
    whole = Configuration(positions, temperatures, cells)
    assert (len(whole), whole.n_beads) == (5, 2)
    assert whole.temperature_per_frame and whole.cell_per_frame
    parts = list(whole.split(2))
    assert [len(part) for part in parts] == [2, 2, 1]
    for number, part in enumerate(parts):
        own = slice(2 * number, 2 * number + 2)
        for ours, all_ in (
            (part.positions, positions),
            (part.temperature, temperatures),
            (part.cell, cells),
        ):
            assert (np.asarray(ours) == np.asarray(all_[own])).all()


@pytest.mark.parametrize("maker", MAKERS)
def test_what_is_the_same_for_all_stays_so(maker):
    make = MAKERS[maker]
    some = Configuration(make(np.zeros((5, 2, 3))), 300.0, make(np.eye(3)))
    assert not some.temperature_per_frame and not some.cell_per_frame
    part = some.select(slice(1, 3))
    assert part.temperature == 300.0 and part.cell.shape == (3, 3) and len(part) == 2
    assert some.at(350.0).temperature == 350.0
    doubled = some.map(lambda array: 2 * array)
    assert np.asarray(doubled.cell)[0, 0] == 2.0
    assert Configuration(some.positions, 300.0).map(lambda array: array).cell is None


def test_no_configuration_at_all_is_one_empty_part():
    assert [len(part) for part in Configuration(np.zeros((0, 2, 3)), 300.0).split(7)] == [0]
