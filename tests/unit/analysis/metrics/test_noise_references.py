"""A mapping with noise: models are judged by the ensemble without it. Double well; fixed seeds."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from comparisons import BEAD, X, along_x, by_name, compare

from meanforce.analysis.comparison import ReferenceForces, TrainedModel
from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics import divergence, force_error, profiles
from meanforce.analysis.samples import reference_sample
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.errors import InputError
from meanforce.units import KCAL, kt

WELLS, WIDTH, LEVEL = 1.0, 0.25, 0.3
"""Places and width of both wells, and the noise, nm."""

N = 40000


def exact(rng: np.random.Generator) -> np.ndarray:
    """Draws of the double well, nm, shape (N,)."""
    return rng.choice([-WELLS, WELLS], N) + WIDTH * rng.standard_normal(N)


def smeared(rng: np.random.Generator) -> np.ndarray:
    """Draws of a model that was trained to perfection on data with noise."""
    return exact(rng) + LEVEL * rng.standard_normal(N)


def mean_force(x):
    """Mean force of the smeared density, kJ/mol/nm."""
    variance = WIDTH**2 + LEVEL**2
    return kt(300.0) * (WELLS * np.tanh(WELLS * x / variance) - x) / variance


def write(path, x, level=None, unperturbed=None):
    """A dataset of a bead at x."""

    def positions(values):
        return np.stack([values, 0 * values, 0 * values], axis=1)[:, None]

    parameters = BEAD.parameters() | {"temperature": 300.0, "noise": level}
    kept = unperturbed is not None
    with H5mdWriter(path, np.ones(1), parameters, False, with_unperturbed=kept) as writer:
        writer.append(
            FrameBlock(
                position=positions(x),
                time=np.arange(len(x), dtype=float),
                bias_energy=np.zeros(len(x)),
                log_weight=np.zeros(len(x)),
                chain=np.zeros(len(x), dtype=int),
                unperturbed=positions(unperturbed) if kept else None,
            )
        )
    return path


@pytest.fixture
def reference(tmp_path):
    rng = np.random.default_rng(1)
    x = exact(rng)
    path = write(tmp_path / "n.h5", x + LEVEL * rng.standard_normal(N), LEVEL, x)
    return reference_sample([path], list(X.values()), 20)


def errors_of(model, reference) -> dict:
    comparison = compare(along_x(model), reference)
    return by_name([*divergence.rows(comparison), *profiles.rows(comparison)])


def test_model_of_the_smeared_density_is_not_perfect(reference):
    rng = np.random.default_rng(2)
    # Its bias cancels where the reference is smeared as well; this is what must not be judged by.
    alike = errors_of(smeared(rng), along_x(reference.noised[:, 0, 0]))
    wrong = errors_of(smeared(rng), reference)
    right = errors_of(exact(rng), reference)
    for name in ("js_x", "fes_rmse_x"):
        for rows, seen in ((alike, False), (wrong, True), (right, False)):
            excess = rows[name].value - rows[name].noise_floor
            # For a perfect model above 5 by chance in under 1e-6 of cases.
            assert (excess > 5 * rows[name].stderr_noise) is seen
    # The barrier that smearing took away.
    assert wrong["fes_rmse_x"].value > 0.2


def test_forces_are_compared_where_they_were_labelled(reference):
    """Labels of the smeared mean force and noise: the error is the noise, and not the smearing."""
    comparison = compare(along_x(exact(np.random.default_rng(3))), reference)
    rng, spread = np.random.default_rng(4), 2.0
    forces = np.zeros_like(reference.positions)
    forces[:, 0, 0] = mean_force(reference.noised[:, 0, 0]) + spread * rng.standard_normal(N)

    def energy_and_forces(configuration):
        positions = configuration.positions
        found = torch.zeros_like(positions)
        found[:, 0, 0] = torch.from_numpy(mean_force(positions[:, 0, 0].numpy()))
        return None, found

    ensemble = SimpleNamespace(energy_and_forces=energy_and_forces, dtype=torch.float64)
    comparison.forces = ReferenceForces(forces)
    comparison.trained = TrainedModel(ensemble, Scheme("exact"))
    row = by_name(force_error.rows(comparison))["force_rmse"]
    # 30,000 numbers: the relative error is 0.4 %.
    assert row.value == pytest.approx(spread / (10 * KCAL), rel=0.02)
    # Without noise on the frames, the forces would differ by more than twice as much.
    there = mean_force(reference.noised[:, 0, 0]) - mean_force(reference.positions[:, 0, 0])
    assert math.sqrt((there**2).mean()) > 2 * spread


def test_positions_without_noise_are_stored_only_where_there_is_noise(tmp_path):
    x = np.arange(3.0)
    with H5mdReader(write(tmp_path / "a.h5", x + 0.5, 0.1, x)) as reader:
        np.testing.assert_array_equal(reader.unperturbed_positions()[:, 0, 0], x)
        np.testing.assert_array_equal(reader.positions()[:, 0, 0], x + 0.5)
        reader.check_units()
    with H5mdReader(write(tmp_path / "b.h5", x)) as reader:
        np.testing.assert_array_equal(reader.unperturbed_positions(), reader.positions())
    with (
        H5mdReader(write(tmp_path / "c.h5", x, 0.1)) as reader,
        pytest.raises(InputError, match=r"c\.h5: has noise on its positions, .* if a run"),
    ):
        reader.unperturbed_positions()
