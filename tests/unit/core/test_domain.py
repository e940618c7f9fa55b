"""Domains of training data: which frames lie outside, and how seldom those of the same kind do."""

import json

import mdtraj
import numpy as np
import pytest
from peptides import PEPTIDE, peptide
from two_molecules import BOX, TWO, apart, frames

from meanforce.core import domain
from meanforce.core.domain import Domain
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology


def peptides(n: int, seed: int, width: float = 0.004) -> np.ndarray:
    rng = np.random.default_rng(seed)
    angles = rng.normal([[-1.2], [2.0]], 0.3, (2, n))
    made = peptide(*angles, *(rng.normal(0, 0.1, (n, k)) for k in (2, 3)))
    return made + rng.normal(0, width, made.shape)


@pytest.fixture(scope="module")
def known() -> Domain:
    return Domain.of_frames(PEPTIDE, peptides(10_000, 1))


def test_ranges_are_those_of_the_coordinates(known):
    positions = peptides(10_000, 1)
    trajectory = mdtraj.Trajectory(positions, None)
    for beads, compute, what, function in (
        ((0, 5), mdtraj.compute_distances, "distance", lambda x: x),
        ((0, 1, 3), mdtraj.compute_angles, "angle", lambda x: x),
        ((1, 3, 4, 6), mdtraj.compute_dihedrals, "sine of dihedral", np.sin),
        ((1, 3, 4, 6), mdtraj.compute_dihedrals, "cosine of dihedral", np.cos),
    ):
        values = function(compute(trajectory, [list(beads)], periodic=False)[:, 0])
        names = {"-".join(PEPTIDE.names[b] for b in one) for one in (beads, beads[::-1])}
        (column,) = [
            n for n, name in enumerate(known.names) if name in {f"{what} {one}" for one in names}
        ]
        assert known.low[column] == pytest.approx(values.min(), abs=1e-5)
        assert known.high[column] == pytest.approx(values.max(), abs=1e-5)
        wanted = np.quantile(values, domain.LEVELS)
        np.testing.assert_allclose(known.quantiles[:, column], wanted, atol=1e-4)


def test_new_frames_of_the_same_distribution_are_inside(known):
    """Less than 0.3 % outside of any range, far from the 1 % that make a warning."""
    assert known.outside(peptides(20_000, 2)).any(1).mean() < 0.003


def test_frames_elsewhere_are_outside(known):
    wider = known.outside(peptides(2000, 3, width=0.008)).any(1).mean()
    assert wider > 0.2
    broken = peptides(5, 4)
    broken[2, 9] += 1.0
    broken[3, 0, 0] = np.nan
    assert known.outside(broken).any(1).tolist() == [False, False, True, True, False]
    at = known.outside(broken)[2]
    assert all("NME3-C" in name for name, out in zip(known.names, at, strict=True) if out)
    mirrored = known.outside(peptides(100, 5) * [1, 1, -1]).any(1)
    assert mirrored.all()


def test_parts_and_plain_values_give_the_same(known, monkeypatch):
    again = Domain.of(PEPTIDE, json.loads(json.dumps(known.parameters())))
    positions = peptides(500, 6, width=0.006)
    wanted = known.outside(positions)
    monkeypatch.setattr(domain, "PART", 5000)
    np.testing.assert_array_equal(again.outside(positions), wanted)
    parts = Domain.of_frames(PEPTIDE, positions)
    monkeypatch.undo()
    whole = Domain.of_frames(PEPTIDE, positions)
    for name in ("low", "high"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))


def test_copies_share_ranges_and_images_do_not_matter():
    pair = MoleculeType("P", ("A", "B"), ("A", "B"), ((0, 1),), ())
    molecule = Topology(((pair, 2),))
    positions = frames(200)
    made = Domain.of_frames(molecule, positions)
    assert made.names == ("distance A-B",)
    lengths = np.linalg.norm(positions[:, 1::2] - positions[:, ::2], axis=2)
    assert made.low[0] == pytest.approx(lengths.min())
    assert made.high[0] == pytest.approx(lengths.max())
    moved = positions.copy()
    moved[:, 1] += BOX[0] - 2 * BOX[2]
    assert not made.outside(moved, BOX).any()
    assert made.outside(moved).all()
    boxes = np.broadcast_to(BOX, (200, 3, 3))
    assert not Domain.of_frames(TWO, positions, boxes).outside(apart(positions), boxes).any()


def test_single_beads_have_no_domain():
    one = MoleculeType("W", ("W",), ("W",), (), ())
    assert Domain.of_frames(Topology(((one, 3),)), np.zeros((5, 3, 3))) is None
