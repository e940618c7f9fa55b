"""Radial distributions and displacements against MDAnalysis, and samples whose boxes differ."""

import dataclasses

import MDAnalysis
import numpy as np
import pytest
from comparisons import sample_of
from gases import ATOM, BENT, CUBOID, TRICLINIC, gas, liquid_comparison
from liquids import argon
from MDAnalysis.analysis.msd import EinsteinMSD
from MDAnalysis.analysis.rdf import InterRDF

from meanforce.analysis.baseline import pooled
from meanforce.analysis.metrics import compressibility, displacement, rdf, structure
from meanforce.analysis.samples import box_of, model_sample, reference_sample
from meanforce.core.molecules import Molecules
from meanforce.core.topology import Topology
from meanforce.data.dataset import Dataset
from meanforce.data.h5md import EACH, FrameBlock, H5mdWriter


def universe(positions: np.ndarray, box: np.ndarray) -> MDAnalysis.Universe:
    """Frames of atoms in a rectangular box for MDAnalysis, in Å."""
    found = MDAnalysis.Universe.empty(positions.shape[1], trajectory=True)
    found.add_TopologyAttr("masses", np.ones(positions.shape[1]))
    found.load_new(10 * positions, order="fac")
    for step in found.trajectory:
        step.dimensions = [*(10 * np.diagonal(box)), 90, 90, 90]
    return found


def test_radial_distribution_is_that_of_mdanalysis():
    liquid = argon(40)
    positions = liquid.frames.positions.numpy()
    box = liquid.frames.cells[0].double().numpy()
    reach, bins = 0.85, 50
    ((name, sums),) = rdf.unit_sums(
        sample_of(positions, liquid.frames.molecule, 4, box=box), reach, bins
    ).items()
    ours = sums[:, :-1].sum(axis=0) / sums[:, -1].sum()
    made = universe(positions, box)
    # The trajectory in memory keeps one box for all frames that are set one by one.
    made.trajectory[0]
    made.dimensions = [*(10 * np.diagonal(box)), 90, 90, 90]
    dimensions = np.tile(made.dimensions, (len(positions), 1))
    made.load_new(10 * positions, order="fac", dimensions=dimensions)
    theirs = InterRDF(
        made.atoms, made.atoms, nbins=bins, range=(0, 10 * reach), exclusion_block=(1, 1)
    ).run()  # fmt: skip
    assert name == "Ar_Ar" and ours.max() > 2
    np.testing.assert_allclose(ours, theirs.results.rdf, rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("wrapped", [False, True])
def test_displacement_is_that_of_mdanalysis(wrapped):
    """Of unwrapped positions, as MDAnalysis needs them; ours may be wrapped into the box.

    Relative to the common centre: 7/8 of the motion of eight independent molecules.
    """
    rng = np.random.default_rng(1)
    path = 1.0 + np.cumsum(0.05 * rng.standard_normal((200, 8, 3)), axis=0)
    relative = path - path.mean(axis=1, keepdims=True)
    theirs = EinsteinMSD(universe(relative, CUBOID), msd_type="xyz", fft=False).run()
    positions = path % np.diagonal(CUBOID) if wrapped else path
    sample = sample_of(positions, Topology(((ATOM, 8),)), 1, box=CUBOID, dynamical=True)
    times, mean, _ = displacement.mean_squared_displacement(sample, np.random.default_rng(2))
    expected = 0.01 * theirs.results.timeseries[times.astype(int)]
    np.testing.assert_allclose(7 / 8 * mean, expected, rtol=1e-4)


def test_molecules_that_move_too_far_between_frames_have_no_diffusion():
    rng = np.random.default_rng(1)
    path = np.cumsum(0.3 * rng.standard_normal((200, 8, 3)), axis=0)
    sample = sample_of(path, Topology(((ATOM, 8),)), 1, box=CUBOID, dynamical=True)
    assert displacement.mean_squared_displacement(sample, rng) is None


def test_molecules_are_made_whole_in_any_box():
    molecule = Topology(((ATOM, 3), (BENT, 4)))
    sample = gas(20, 1, molecule, TRICLINIC)
    parts = Molecules.of(molecule)
    assert parts.kinds.tolist() == [0] * 3 + [1] * 4
    turns = np.random.default_rng(2).integers(-2, 3, sample.positions.shape)
    torn = sample.positions + turns @ TRICLINIC
    whole = parts.whole(torn, TRICLINIC)
    shift = whole - sample.positions
    # Each molecule is moved as one, by box vectors.
    for part in parts.parts:
        np.testing.assert_allclose(
            shift[:, part], shift[:, part[:1]].repeat(len(part), 1), atol=1e-9
        )
    centres = parts.centres(whole, np.arange(1.0, molecule.size + 1))
    own = np.arange(1.0, molecule.size + 1)[3:6, None]
    np.testing.assert_allclose(centres[:, 3], (whole[:, 3:6] * own).sum(1) / own.sum())


def write(path, sample, boxes, forces=None):
    """A dataset at 300 K; one box for all frames, or one for each."""
    n = len(sample.positions)
    parameters = sample.molecule.parameters() | {"temperature": 300.0}
    box = EACH if boxes.ndim == 3 else boxes
    with H5mdWriter(path, sample.masses, parameters, with_forces=forces is not None, box=box) as w:
        w.append(
            FrameBlock(
                position=sample.positions, time=np.arange(n) * 1.0, bias_energy=np.zeros(n),
                log_weight=np.zeros(n), chain=np.zeros(n, dtype=int), force=forces,
                boxes=boxes if boxes.ndim == 3 else None,
            )
        )  # fmt: skip
    return path


def test_each_frame_has_its_own_box(tmp_path):
    """Replicas of different density, and a run at constant pressure: ideal gases all the same."""
    molecule, rng = Topology(((ATOM, 40),)), np.random.default_rng(1)
    small = gas(1000, 1, molecule, CUBOID)
    scales = rng.uniform(1.0, 1.3, 1000)
    boxes = scales[:, None, None] * CUBOID
    large = dataclasses.replace(small, positions=small.positions * scales[:, None, None])
    paths = [write(tmp_path / "a.h5", small, CUBOID), write(tmp_path / "b.h5", large, boxes)]
    sample = reference_sample(paths, [], 10)
    assert sample.box.shape == (2000, 3, 3)
    np.testing.assert_allclose(sample.boxes(np.array([3, 1500])), [CUBOID, boxes[500]])
    assert reference_sample(paths[:1], [], 10).box.shape == (3, 3)
    assert model_sample(paths[1], [], 10).box.shape == (1000, 3, 3)
    both = pooled([reference_sample(paths[:1], [], 10), reference_sample(paths[1:], [], 10)])
    assert both.box.shape == (2000, 3, 3)
    # Molecules anywhere in their own box: g = 1 at 5 standard errors of counts.
    ((_, sums),) = rdf.unit_sums(sample, 1.5, 15).items()
    g = sums[:, :-1].sum(0) / sums[:, -1].sum()
    shells = 4 / 3 * np.pi * np.diff(np.linspace(0, 1.5, 16) ** 3)
    pairs = 780 * 2000 * shells / np.linalg.det(CUBOID) / 1.6
    assert np.all(abs(g - 1)[pairs > 30] < 5 / np.sqrt(pairs[pairs > 30]))
    comparison = liquid_comparison(sample, None)
    (row,) = compressibility.rows(comparison)
    assert row.value > 0 and row.stderr < 0.2 * row.value


def test_frames_are_taken_from_all_chains():
    """Chains alternate in a CG run, so that one frame in four would always be of the same one."""
    sample = gas(400, 1, Topology(((ATOM, 5),)))
    chains = np.tile(np.arange(4), 100)
    sample = dataclasses.replace(sample, chains=chains, times=np.repeat(np.arange(100.0), 4))
    chosen = sample.some(100)
    assert np.bincount(chains[chosen]).min() >= 20
    assert (np.diff(chosen) > 0).all() and len(np.unique(sample.units[chosen])) == 20
    assert sample.some(1000).tolist() == list(range(400))
    taken = sample.take(chosen)
    assert len(taken.weights) == 100 and taken.n_units == sample.n_units


def test_forces_of_some_frames_are_those_of_the_file(tmp_path):
    sample = gas(1300, 1, Topology(((ATOM, 2),)))
    forces = np.random.default_rng(1).normal(size=(1300, 2, 3)).astype(np.float32)
    paths = [write(tmp_path / f"{k}.h5", sample, CUBOID, k + forces) for k in range(2)]
    dataset, whole = Dataset.of(paths), np.concatenate([forces, 1 + forces])
    for frames in (np.arange(0, 2600, 7), np.array([5, 512, 1299, 1300, 2599]), np.array([1])):
        np.testing.assert_array_equal(dataset.forces_of(frames), whole[frames])
    assert dataset.forces_of(np.array([], dtype=int)).shape == (0, 2, 3)


def test_bonds_of_alike_molecules_are_one_distribution():
    molecule = Topology(((BENT, 20),))
    model, reference = (gas(200, seed, molecule) for seed in (1, 2))
    comparison = liquid_comparison(model, reference)
    found = structure.distributions(comparison)
    assert [one.kind for one in found] == ["bond", "bond", "angle"]
    assert found[0].model.sum() == pytest.approx(1)
    # Across the box, too: coordinates are those of nearest images.
    torn = (
        model.positions + np.random.default_rng(1).integers(-1, 2, model.positions.shape) @ CUBOID
    )
    again = structure.rows(liquid_comparison(dataclasses.replace(model, positions=torn), reference))
    for one, other in zip(structure.rows(comparison), again, strict=True):
        assert one.value == pytest.approx(other.value, rel=1e-3, abs=1e-6)
    assert box_of(None) is None
