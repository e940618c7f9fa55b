"""Atomistic sampling on a molecule whose free energies are known.

Statistical checks state their allowance.
"""

import math

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import InputError
from meanforce.sampling.recompute import recompute
from meanforce.sampling.schedule import Schedule
from meanforce.settings.campaigns.static import StaticSettings
from meanforce.settings.campaigns.unbiased import UnbiasedSettings
from meanforce.units import kt
from torsion import (
    BARRIER,
    PROTOCOL,
    dihedral,
    exact_populations,
    job_in,
    metadynamics,
    molecule,
    run,
)


@pytest.fixture(scope="module")
def biased(tmp_path_factory):
    return run(metadynamics(length=1500.0), tmp_path_factory.mktemp("metadynamics"))


def test_metadynamics_reweights_to_the_exact_populations(biased):
    phi = dihedral(biased.positions(slice(None)))
    weights = np.exp(biased.array("log_weight"))
    bins, blocks = 6, 14
    index = np.minimum(((phi + math.pi) / (2 * math.pi) * bins).astype(int), bins - 1)
    block = np.arange(len(phi)) * blocks // len(phi)
    table = np.zeros((blocks, bins))
    np.add.at(table, (block, index), weights)
    estimate = table.sum(0) / table.sum()
    error = (
        np.sqrt(
            ((table - table.sum(1, keepdims=True) * estimate) ** 2).sum(0) * blocks / (blocks - 1)
        )
        / table.sum()
    )
    # 6 bins, 6 standard errors (Student, 13 degrees of freedom): false alarms below 1e-4 per bin.
    assert (np.abs(estimate - exact_populations(bins)) < 6 * error).all()
    assert (error < 0.03).all()


def test_metadynamics_bias_is_the_scaled_free_energy(biased):
    axis, grid = biased.array("bias_axis_0"), biased.array("bias_grid")
    expected = -(1 - 1 / 5.0) * BARRIER / 2 * (1 + np.cos(axis))
    difference = (grid - grid.mean()) - (expected - expected.mean())
    # The bias fluctuates by about the height of a late hill, far below 1 kJ/mol.
    assert np.sqrt((difference**2).mean()) < 0.6


def test_the_grid_is_the_sum_of_the_hills_and_openmm_feels_it(biased):
    hills, axis = biased.array("bias_hills"), biased.array("bias_axis_0")
    distance = np.abs(axis[None, :] - hills[:, 3, None])
    distance = np.minimum(distance, 2 * math.pi - distance)
    rebuilt = (hills[:, 4, None] * np.exp(-0.5 * (distance / 0.3) ** 2)).sum(0)
    np.testing.assert_allclose(biased.array("bias_grid"), rebuilt, rtol=1e-3)
    last = slice(biased.n_frames - 1, biased.n_frames)
    phi = dihedral(biased.positions(last))[0]
    interpolated = np.interp(phi, axis, rebuilt)
    # The last hill may have come after this frame.
    assert biased.array("bias_energy")[-1] == pytest.approx(interpolated, abs=0.3)
    assert hills[:, 0] == pytest.approx(0.25 * np.arange(1, len(hills) + 1))


def test_a_frame_does_not_contain_the_hill_that_falls_on_it(biased):
    # Every fifth frame falls on a hill: stride 0.1 ps, pace 0.25 ps.
    times, hills = biased.times(), biased.array("bias_hills")
    bins = biased.array("bias_grid").shape[0]
    axis = np.linspace(-math.pi, math.pi, bins)
    on_a_hill = np.flatnonzero(np.abs(times % 0.5) < 1e-6)[:200]
    assert np.isclose(times[on_a_hill, None], hills[:, 0], atol=1e-6).any(1).all()
    phi = biased.array("variables")[on_a_hill, 0]
    for frame, angle in zip(on_a_hill, phi.tolist(), strict=True):
        # The hill is the frame's own: its centre is where the frame is.
        own = hills[np.isclose(hills[:, 0], times[frame], atol=1e-6)][0]
        assert own[3] == pytest.approx(angle, abs=1e-6)
        earlier = hills[hills[:, 0] < times[frame] - 1e-6]
        distance = np.abs(axis[:, None] - earlier[:, 3])
        distance = np.minimum(distance, 2 * math.pi - distance)
        grid = (earlier[:, 4] * np.exp(-0.5 * (distance / 0.3) ** 2)).sum(1)
        grid[-1] = grid[0]
        energy = float(CubicSpline(axis, grid, bc_type="periodic")(angle))
        # The contribution of its own hill.
        assert own[4] > 0.05
        assert biased.array("bias_energy")[frame] == pytest.approx(energy, abs=1e-3)


def test_static_bias_shifts_populations_as_it_must(tmp_path):
    campaign = StaticSettings.model_validate(
        PROTOCOL
        | {
            "kind": "static",
            "collective_variables": ["phi"],
            "gaussians": [{"height": -8.0, "center": [0.0], "width": [1.0]}],
            "length": 1000.0,
        },
        context={"internal": True},
    )
    frames = run(campaign, tmp_path / "static")
    phi = dihedral(frames.positions(slice(None)))
    expected = -8.0 * np.exp(-((2 * np.sin(phi / 2)) ** 2) / 2)
    np.testing.assert_allclose(frames.array("bias_energy"), expected, atol=1e-3)
    fine = np.linspace(-math.pi, math.pi, 2001)
    energy = BARRIER / 2 * (1 + np.cos(fine)) - 8.0 * np.exp(-((2 * np.sin(fine / 2)) ** 2) / 2)
    weights = np.exp(-energy / kt(300.0))
    exact = weights[np.abs(fine) < 1].sum() / weights.sum()
    blocks = np.array([(np.abs(part) < 1).mean() for part in np.array_split(phi, 20)])
    # Student with 19 degrees of freedom: 6 standard errors, false alarm 1e-5.
    assert blocks.mean() == pytest.approx(exact, abs=6 * blocks.std(ddof=1) / math.sqrt(20))


def test_recomputed_forces_are_the_in_run_unbiased_forces(tmp_path):
    import h5py

    path = tmp_path / "trajectory.h5"
    campaign = metadynamics(length=120.0)
    run(campaign, tmp_path)
    recompute(molecule(), path, tmp_path / "forces.h5", 1, job_in(tmp_path / "f"), print)
    with h5py.File(tmp_path / "forces.h5") as file, TrajectoryReader(path) as frames:
        assert file.attrs["deviation_from_run"] < 1e-5
        assert file["forces"].shape == (frames.n_frames, 4, 3)
        # The bias was on, so that the check is meaningful.
        assert np.abs(frames.array("bias_energy")).max() > 1.0


def test_forces_of_another_system_are_refused(tmp_path):
    run(metadynamics(length=120.0), tmp_path)
    other = molecule()
    other.system.getForce(2).setTorsionParameters(0, 0, 1, 2, 3, 1, 0.0, 2 * BARRIER)
    with pytest.raises(InputError, match="do not belong together"):
        recompute(
            other, tmp_path / "trajectory.h5", tmp_path / "f.h5", 1, job_in(tmp_path / "f"), print
        )


def test_same_seed_same_bits_and_other_seed_other_bits(tmp_path):
    campaign = metadynamics(length=120.0)
    first = run(campaign, tmp_path / "a").positions(slice(None))
    again = run(campaign, tmp_path / "b").positions(slice(None))
    other = run(campaign, tmp_path / "c", seed=4).positions(slice(None))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_schedule_counts_frames_without_burn_in():
    campaign = metadynamics(length=10.0, burn_in=4.0, stride=0.1)
    assert Schedule.of(campaign) == Schedule(1000, 800, 60, 20, 20)


def test_platform_that_does_not_exist_is_named(tmp_path):
    campaign = UnbiasedSettings.model_validate(
        PROTOCOL | {"kind": "unbiased", "platform": "HIP"}, context={"internal": True}
    )
    with pytest.raises(InputError, match=r"'HIP' is not available here; available: .*Reference"):
        run(campaign, tmp_path)


def test_trajectory_cut_short_is_refused(tmp_path):
    run(metadynamics(length=120.0), tmp_path).__exit__()
    path = tmp_path / "trajectory.h5"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="is not a complete trajectory"):
        TrajectoryReader(path)
