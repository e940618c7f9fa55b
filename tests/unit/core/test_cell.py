"""Periodic cells, of arrays and of tensors."""

import itertools

import numpy as np
import pytest
import torch

from meanforce.core.cell import nearest_images, reciprocal, smallest_width, turns, widths

TRICLINIC = np.array([[3.0, 0.0, 0.0], [1.2, 2.7, 0.0], [-0.9, 1.0, 2.4]])
MAKERS = {"NumPy": np.asarray, "PyTorch": torch.as_tensor}


@pytest.mark.parametrize("maker", MAKERS)
def test_reciprocal_vectors_are_the_inverse(maker):
    cells = MAKERS[maker](np.stack([TRICLINIC, np.diag([1.0, 2.0, 3.0]), TRICLINIC[::-1]]))
    product = cells @ reciprocal(cells).swapaxes(-1, -2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), (3, 3, 3)), atol=1e-14)
    np.testing.assert_allclose(widths(cells)[1], [1.0, 2.0, 3.0])
    # Volume over the area of a face.
    volume = abs(np.linalg.det(TRICLINIC))
    face = np.linalg.norm(np.cross(TRICLINIC[0], TRICLINIC[1]))
    assert float(widths(cells)[0, 2]) == pytest.approx(volume / face)
    assert smallest_width(cells) == pytest.approx(1.0)


@pytest.mark.parametrize("maker", MAKERS)
def test_vectors_shorter_than_half_the_smallest_width_are_found_among_their_images(maker):
    rng = np.random.default_rng(1)
    short = rng.normal(size=(40, 6, 3))
    half = smallest_width(TRICLINIC) / 2
    short *= (half * rng.random((40, 6)) / np.linalg.norm(short, axis=2))[..., None]
    turned = rng.integers(-3, 4, size=(40, 6, 3))
    make = MAKERS[maker]
    found = nearest_images(make(short + turned @ TRICLINIC), make(TRICLINIC))
    np.testing.assert_allclose(found, short, atol=1e-12)
    np.testing.assert_allclose(turns(make(short + turned @ TRICLINIC), make(TRICLINIC)), turned)


def test_each_frame_has_its_own_cell():
    cells = np.stack([TRICLINIC * scale for scale in (1.0, 1.1, 0.9)])
    vectors = np.random.default_rng(2).normal(size=(3, 7, 3)) * 5
    together = nearest_images(vectors, cells)
    for one, cell, found in zip(vectors, cells, together, strict=True):
        np.testing.assert_allclose(found, nearest_images(one[None], cell)[0], atol=1e-14)


def test_longer_vectors_may_have_shorter_images_than_rounding_finds():
    """Why potentials refuse cells narrower than twice their reach."""
    vectors = np.random.default_rng(3).normal(size=(500, 1, 3)) * 3
    found = nearest_images(vectors, TRICLINIC)
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3))) @ TRICLINIC
    shortest = np.linalg.norm(found + images, axis=2).min(axis=1)
    assert (shortest < np.linalg.norm(found[:, 0], axis=1) - 1e-9).any()


def test_without_a_cell_nothing_changes():
    vectors = np.full((2, 2, 3), 100.0)
    assert nearest_images(vectors, None) is vectors
