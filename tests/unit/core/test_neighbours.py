"""Neighbours against brute force over images: all pairs and cell list, with and without cells."""

import itertools

import numpy as np
import pytest

from meanforce.core import neighbours as module
from meanforce.core.neighbours import neighbours, require_width
from meanforce.errors import InputError

CELLS = {
    "none": None,
    "cuboid": np.diag([1.0, 1.1, 1.3]),
    "triclinic": np.array([[1.0, 0.0, 0.0], [0.4, 0.9, 0.0], [-0.3, 0.35, 0.8]]),
    "hexagonal": np.array([[1.0, 0.0, 0.0], [-0.5, 0.75**0.5, 0.0], [0.0, 0.0, 1.3]]),
    "left-handed": np.array([[0.0, 1.0, 0.2], [1.0, 0.1, 0.0], [0.0, 0.3, 1.2]]),
    "one a frame": np.stack([np.eye(3), np.array([[1.2, 0.0, 0.0], [0.3, 1.0, 0], [0, 0.4, 0.9]])]),
}
POSITIONS = np.random.default_rng(1).uniform(-2, 3, size=(2, 6, 3))
"""Beyond the cells on all sides, as positions of a run that are never wrapped."""

IMAGES = np.array(list(itertools.product(range(-9, 10), repeat=3)))


def brute_force(cell: np.ndarray | None, cutoff: float, both_ways: bool) -> list[tuple[int, ...]]:
    found = []
    for frame, beads in enumerate(POSITIONS):
        if cell is None:
            images, shifts = np.zeros((1, 3), dtype=int), np.zeros((1, 3))
        else:
            images, shifts = IMAGES, IMAGES @ (cell if cell.ndim == 2 else cell[frame])
        for i, j in itertools.product(range(len(beads)), repeat=2):
            near = ((beads[j] - beads[i] + shifts) ** 2).sum(1) < cutoff**2
            for image in map(tuple, images[near].tolist()):
                itself = i == j and image == (0, 0, 0)
                again = not both_ways and (j < i or (i == j and image < (0, 0, 0)))
                if not itself and not again:
                    found.append((frame, i, j, *image))
    return sorted(found)


@pytest.mark.parametrize("few", [1000, 0], ids=["all pairs", "cell list"])
@pytest.mark.parametrize("cutoff", [0.2, 0.45, 0.75, 1.3])
@pytest.mark.parametrize("name", CELLS)
def test_every_image_within_the_cutoff_is_found_once(monkeypatch, name, cutoff, few):
    """Up to cutoffs longer than the cell, where a bead is its own neighbour."""
    monkeypatch.setattr(module, "FEW", few)
    cell = CELLS[name]
    for both_ways in (False, True):
        wanted = brute_force(cell, cutoff, both_ways)
        assert wanted or cutoff == 0.2 or cell is None
        found = neighbours(POSITIONS, cell, cutoff, both_ways)
        shifts = np.zeros((len(found), 3), dtype=int) if cell is None else found.shifts
        rows = zip(found.frame, found.first, found.second, *shifts.T, strict=True)
        # In this order, too: sums over pairs have the same bits by either way.
        assert [tuple(map(int, row)) for row in rows] == wanted


@pytest.mark.parametrize("few", [1000, 0])
@pytest.mark.parametrize("name", CELLS)
def test_offsets_lead_to_the_image(monkeypatch, name, few):
    monkeypatch.setattr(module, "FEW", few)
    cell = CELLS[name]
    found = neighbours(POSITIONS, cell, 0.9)
    offsets = found.offsets(cell)
    vectors = POSITIONS[found.frame, found.second] - POSITIONS[found.frame, found.first]
    if cell is None:
        assert offsets is None
    else:
        vectors = vectors + offsets
    assert (np.linalg.norm(vectors, axis=1) < 0.9).all()


def test_many_beads_are_searched_by_cell_list():
    """The density is that of a liquid, so that brute force has thousands of pairs to miss."""
    beads, cell = 400, CELLS["triclinic"] * 3
    positions = np.random.default_rng(2).random((2, beads, 3)) @ cell
    assert beads > module.FEW
    found = neighbours(positions, cell, 0.6)
    wanted = module._all_pairs(positions, cell, 0.6, both_ways=False)
    assert len(found) > 5000
    for field in ("frame", "first", "second", "shifts"):
        np.testing.assert_array_equal(getattr(found, field), getattr(wanted, field))


@pytest.mark.parametrize("few", [1000, 0])
def test_chains_that_exploded_have_no_neighbours(monkeypatch, few):
    monkeypatch.setattr(module, "FEW", few)
    positions = POSITIONS.copy()
    positions[0] = np.nan
    assert (neighbours(positions, None, 2.0).frame == 1).all()
    assert (neighbours(positions, np.eye(3), 0.4).frame == 1).all()
    positions[0] = np.arange(18.0).reshape(6, 3) * 1e12
    assert (neighbours(positions, None, 2.0).frame == 1).all()


@pytest.mark.parametrize("few", [1000, 0])
def test_no_frames_and_single_beads(monkeypatch, few):
    monkeypatch.setattr(module, "FEW", few)
    assert len(neighbours(POSITIONS[:0], np.eye(3), 0.4)) == 0
    assert len(neighbours(POSITIONS[:, :1], None, 0.4)) == 0
    # Six images of itself at a distance of one box, seen from one side.
    assert len(neighbours(POSITIONS[:1, :1], np.eye(3), 1.1)) == 3


def test_narrow_cells_are_refused_where_images_must_be_single():
    require_width(np.eye(3) * 2.0, 1.0, "it")
    with pytest.raises(
        InputError, match=r"smallest width is 0\.9 nm, but it reaches 1 nm; .* at least 2 nm"
    ):
        require_width(np.stack([np.eye(3) * 2.0, np.diag([3.0, 1.8, 3.0])]), 1.0, "it")
    # Edges of 2 nm, but opposite faces are closer.
    with pytest.raises(InputError, match="cell: half of its smallest width"):
        require_width(np.array([[2.0, 0, 0], [1.5, 1.3, 0], [0, 0, 2.0]]), 1.0, "it")


@pytest.mark.parametrize("farthest", [2, 10**6])
def test_pairs_of_images_far_away_are_ordered_as_well(farthest):
    """Where one whole number cannot hold beads and image, too."""
    rng = np.random.default_rng(3)
    rows = np.unique(
        np.column_stack(
            [rng.integers(0, 90, (500, 2)), rng.integers(-farthest, farthest, (500, 3))]
        ),
        axis=0,
    )
    mixed = rng.permutation(rows)
    order = module._order(mixed[:, 0], mixed[:, 1], mixed[:, 2:], 90)
    np.testing.assert_array_equal(mixed[order], rows)
