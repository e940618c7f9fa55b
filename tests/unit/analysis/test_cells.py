"""Several molecules in a periodic box: validation sees nearest images, as training and runs do."""

import numpy as np
import pytest
import torch
from comparisons import by_name, sample_of
from potential_examples import terms
from two_molecules import BETWEEN, BOX, ONE, TWO, apart, frames, write

from meanforce.analysis.comparison import Comparison, ReferenceForces, TrainedModel
from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics import calibration, force_error
from meanforce.analysis.samples import model_sample, reference_sample
from meanforce.core.configuration import Configuration
from meanforce.potentials.interface import EnsembleMean
from meanforce.settings.job import validated
from meanforce.settings.validation import ValidationSettings

N = 400
NOISE = 20.0
"""kJ/mol/nm; of the made-up forces about those of the first member."""

MEMBERS = [terms("spline", seed, TWO) for seed in (1, 2, 3, 4)]


def compare(positions: np.ndarray, box: np.ndarray | None, members: list) -> Comparison:
    """Forces of the first member in the box, with noise, against an ensemble."""
    exact = torch.from_numpy(frames(N)).to(MEMBERS[0].dtype)
    forces = MEMBERS[0].energy_and_forces(Configuration(exact, 300.0))[1].double().numpy()
    noise = np.random.default_rng(3).normal(0.0, NOISE, forces.shape)
    sample = sample_of(positions, TWO, box=box)
    ends = {"surface": ["x"], "lower": [0.0], "upper": [4.0], "bins": 10}
    return Comparison(
        validation=validated(ValidationSettings, ends, "validation"),
        variables={"x": BETWEEN},
        temperature=300.0,
        model=sample,
        trained=TrainedModel(EnsembleMean(members), Scheme.paired(len(members), 8)),
        reference=sample,
        seed=1,
        forces=ReferenceForces(forces + noise),
    )


def test_force_errors_are_those_of_nearest_images():
    row = by_name(force_error.rows(compare(apart(frames(N)), BOX, MEMBERS[:1])))["force_rmse"]
    # 4800 components: the root mean square is known to 1 %.
    assert row.value == pytest.approx(NOISE / force_error.UNIT, rel=0.04)
    # The images matter: forces between molecules are not within the noise.
    endless = by_name(force_error.rows(compare(apart(frames(N)), None, MEMBERS[:1])))
    assert endless["force_rmse"].value > 1.5 * row.value


def test_spread_and_weights_of_members_are_those_of_nearest_images():
    whole, moved = compare(frames(N), None, MEMBERS), compare(apart(frames(N)), BOX, MEMBERS)
    (wanted,), (found,) = calibration.rows(whole), calibration.rows(moved)
    assert found.metric == "ensemble_spread"
    assert found.value == pytest.approx(wanted.value, rel=1e-4)
    # Energies, hundreds of kJ/mol in single precision, are in the exponent.
    for (_, one), (_, other) in zip(whole.member_weights, moved.member_weights, strict=True):
        np.testing.assert_allclose(other, one, rtol=5e-3, atol=1e-12)


def test_a_single_molecule_has_no_cell():
    like = torch.zeros(1)
    assert sample_of(frames(5), ONE, box=BOX).cell(like) is None
    assert sample_of(frames(5), TWO).cell(like) is None
    cell = sample_of(frames(5), TWO, box=BOX).cell(like)
    assert cell.dtype == torch.float32 and torch.equal(cell, torch.from_numpy(BOX).float())


@pytest.mark.parametrize("molecule", [TWO, ONE])
def test_variables_of_several_molecules_are_those_of_nearest_images(tmp_path, molecule):
    moved = apart(frames(50)).astype(np.float32)
    # A single molecule is stored whole: its frames are taken as they are.
    images = frames(50) if molecule is TWO else moved
    wanted = np.linalg.norm(images[:, 2] - images[:, 0], axis=1)
    path = write(tmp_path / "data.h5", moved, molecule)
    for sample in (reference_sample([path], [BETWEEN], 5), model_sample(path, [BETWEEN], 1)):
        np.testing.assert_allclose(sample.variables[:, 0], wanted, rtol=0, atol=1e-5)
