"""Functions of whole structures: exact cases, and single precision."""

import numpy as np
import pytest
import torch

from meanforce.core.bead_functions.arrays import NUMPY, Arrays
from meanforce.core.bead_functions.native_contacts import contacts
from meanforce.core.bead_functions.registry import FUNCTIONS, bead_function
from meanforce.errors import InputError
from meanforce.potentials.variables import evaluate_variables
from meanforce.settings.bead_functions import BEAD_FUNCTIONS
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated

N = 8
NAMES = [f"B{number}" for number in range(N)]
RNG = np.random.default_rng(11)
CHAIN = np.cumsum(RNG.normal(0.0, 0.2, (N, 3)), axis=0)
PATH = [CHAIN + 0.1 * k * RNG.normal(size=(N, 3)) for k in range(5)]
SINGLE = Arrays(torch, lambda values: torch.as_tensor(np.asarray(values), dtype=torch.float32))


def variable(kind: str, structures=None, **values) -> CollectiveVariableSettings:
    """A complete variable of all beads, one residue each."""
    given = {"kind": kind, "mapping": "m", "beads": NAMES, "residues": list(range(N))} | values
    if structures is not None:
        given |= {"references": ["a.pdb"], "structures": np.array(structures).tolist()}
    return validated(CollectiveVariableSettings, given, "variable")


VARIABLES = {
    "rmsd": variable("rmsd", [CHAIN]),
    "radius_of_gyration": variable("radius_of_gyration"),
    "native_contacts": variable("native_contacts", [CHAIN], cutoff=0.9),
    "path_s": variable("path_s", PATH),
    "path_z": variable("path_z", PATH),
}


def rotation() -> np.ndarray:
    q, _ = np.linalg.qr(RNG.normal(size=(3, 3)))
    return q * np.sign(np.linalg.det(q))


def test_settings_and_code_have_the_same_kinds():
    assert set(FUNCTIONS) == set(BEAD_FUNCTIONS) == set(VARIABLES)


def test_a_moved_reference_has_no_deviation_and_a_finite_gradient():
    moved = CHAIN @ rotation().T + 3.0
    value, gradient = bead_function(VARIABLES["rmsd"], NUMPY)(moved[None])
    assert value[0] < 1e-14
    assert np.isfinite(gradient).all()


def test_a_mirror_image_is_not_superposed():
    value, _ = bead_function(VARIABLES["rmsd"], NUMPY)(-CHAIN[None])
    assert value[0] > 0.05


def test_half_turns_are_found():
    for axis in range(3):
        turn = -np.eye(3)
        turn[axis, axis] = 1.0
        value, _ = bead_function(VARIABLES["rmsd"], NUMPY)((CHAIN @ turn)[None])
        assert value[0] < 1e-14


def test_a_path_runs_from_0_to_1():
    """Structures far apart count alone: s = (k − 1)/(K − 1), and z = 0."""
    distant = [CHAIN * scale for scale in (1.0, 3.0, 5.0)]
    # Scaling by equal steps makes equal deviations of neighbours, and 2.3 is not far: e^−2.3 = 0.1.
    s, _ = bead_function(variable("path_s", distant), NUMPY)(np.array(distant))
    z, _ = bead_function(variable("path_z", distant), NUMPY)(np.array(distant))
    weights = np.exp(-2.3 * np.subtract.outer(np.arange(3), np.arange(3)) ** 2)
    np.testing.assert_allclose(s, weights @ [0, 0.5, 1] / weights.sum(1), rtol=1e-12)
    gyration = ((CHAIN - CHAIN.mean(0)) ** 2).sum() / N
    np.testing.assert_allclose(z, -np.log(weights.sum(1)) * 4 * gyration / 2.3, rtol=1e-12)


def test_a_contact_counts_half_at_the_tolerance_times_its_distance():
    # Beads on a line: only the first and the last are more than six residues apart.
    line = np.zeros((N, 3))
    line[:, 0] = 0.1 * np.arange(N)
    settings = variable("native_contacts", [line], cutoff=0.75, separation=6, tolerance=1.5)
    pairs, distances = contacts(settings)
    assert pairs.tolist() == [[0, 7]]
    assert distances == pytest.approx([0.7])
    stretched = line.copy()
    stretched[7, 0] = 1.5 * 0.7
    values, _ = bead_function(settings, NUMPY)(np.array([line, stretched, 100 * line]))
    assert values == pytest.approx([1.0, 0.5, 0.0], abs=1e-7)


def test_only_beads_far_along_the_chain_make_contacts():
    pairs, distances = contacts(variable("native_contacts", [CHAIN], cutoff=0.9))
    assert len(pairs) > 3
    assert (np.abs(pairs[:, 0] - pairs[:, 1]) > 3).all()
    assert (distances < 0.9).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cutoff": 0.01}, r"more than 3 residues apart are nearer than 0\.01 nm .*nearest: 0\."),
        ({"cutoff": 0.9, "separation": 7}, r"more than 7 residues apart .*nearest: no such pair"),
    ],
)
def test_a_reference_without_contacts_is_refused(changes, message):
    with pytest.raises(InputError, match=message):
        bead_function(variable("native_contacts", [CHAIN], **changes), NUMPY)


def test_a_path_with_the_same_structure_twice_is_refused():
    with pytest.raises(InputError, match="structures 2 and 3 of the path are equal"):
        bead_function(variable("path_s", [CHAIN, 2 * CHAIN, 2 * CHAIN @ rotation().T]), NUMPY)


def test_a_variable_whose_structures_are_not_filled_in_is_refused():
    declared = VARIABLES["rmsd"].model_copy(update={"structures": None, "residues": None})
    with pytest.raises(InputError, match=r"no beads and structures yet; --variables: give"):
        bead_function(declared, NUMPY)


@pytest.mark.parametrize("name", VARIABLES)
def test_single_precision_is_near_double_precision(name):
    frames = CHAIN + 0.05 * RNG.normal(size=(50, N, 3))
    value, gradient = bead_function(VARIABLES[name], NUMPY)(frames)
    ours, slopes = bead_function(VARIABLES[name], SINGLE)(torch.from_numpy(frames).float())
    np.testing.assert_allclose(ours.numpy(), value, atol=3e-6)
    np.testing.assert_allclose(slopes.numpy(), gradient, atol=1e-4 * np.abs(gradient).max())


def test_molecules_cut_by_a_box_are_put_together():
    box = torch.tensor([[2.0, 0, 0], [0.3, 2.1, 0], [0.1, 0.4, 1.9]], dtype=torch.float64)
    chain = torch.from_numpy(CHAIN)[None]
    turns = torch.from_numpy(RNG.integers(-2, 3, (1, N, 3))).double()
    for one in VARIABLES.values():
        whole = evaluate_variables([one], NAMES, chain)
        cut = evaluate_variables([one], NAMES, chain + turns @ box, box)
        torch.testing.assert_close(cut, whole)
