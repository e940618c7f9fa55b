"""Every registered kind of potential: forces, symmetries, batches, precision, files."""

import numpy as np
import potential_checks as checks
import pytest
import torch
from potential_examples import CHAIN, EXAMPLES, cgnet, linear

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.potentials.files import load, save
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.potentials.registry import KINDS


def test_every_kind_has_an_example():
    assert {example.kind for example in EXAMPLES.values()} == set(KINDS)


@pytest.fixture(params=EXAMPLES)
def example(request):
    return EXAMPLES[request.param]


@pytest.fixture
def potential(example) -> Potential:
    return example.make(1)


@pytest.fixture
def positions(example, potential) -> torch.Tensor:
    return checks.frames(example.molecule, potential)


@pytest.fixture
def free(potential) -> None:
    """Only for potentials that do not depend on where in space the beads are."""
    if potential.cartesian:
        pytest.skip("is declared a function of a Cartesian coordinate, so space has directions")


def test_forces_are_minus_the_gradient(potential, positions):
    checks.force_is_minus_gradient(potential, positions)


@pytest.mark.usefixtures("free")
def test_moving_and_turning_keep_the_energy_and_turn_forces(potential, positions):
    checks.moved_and_turned_alike(potential, positions)


@pytest.mark.usefixtures("free")
def test_total_force_and_torque_vanish(potential, positions):
    checks.no_net_force_and_torque(potential, positions)


def test_a_cartesian_potential_is_moved(example, potential, positions):
    if not potential.cartesian:
        pytest.skip("is declared invariant, which other tests prove")
    with pytest.raises(AssertionError):
        checks.moved_and_turned_alike(potential, positions)


@pytest.mark.usefixtures("free")
def test_mirror_images_are_as_declared(potential, positions):
    checks.parity_as_declared(potential, positions)


def test_exchanging_equal_beads_is_as_declared(example, potential, positions):
    checks.permutation_as_declared(potential, example.molecule, positions)


def test_copies_far_apart_add_up_where_declared(example, potential, positions):
    if not potential.extensive:
        assert example.doubled is None, "has a doubled example, but is not declared extensive"
        pytest.skip("is not declared extensive: it is for the beads of one molecule")
    checks.extensive(potential, example.doubled(1), positions)


def test_single_and_double_precision_agree(potential, positions):
    checks.precisions_agree(potential, positions)


def test_batch_equals_single(potential, positions):
    checks.batch_is_single(potential, positions)


def test_temperature_matters_where_it_should(example, potential, positions):
    low, _ = potential.energy_and_forces(Configuration(positions, 300.0))
    high, _ = potential.energy_and_forces(Configuration(positions, 400.0))
    assert ((low - high).abs().max() > 1e-3) == example.depends_on_temperature


def test_saved_model_is_the_same_model_to_the_bit(example, potential, positions, tmp_path):
    if isinstance(potential, EnsembleMean):
        pytest.skip("members are stored one by one")
    save(potential, tmp_path / "model.safetensors", {"note": 1})
    again, about = load(tmp_path / "model.safetensors")
    assert about == {"note": 1}
    for ours, theirs in zip(
        potential.energy_and_forces(Configuration(positions, 320.0)),
        again.energy_and_forces(Configuration(positions, 320.0)),
        strict=True,
    ):
        assert torch.equal(ours, theirs)


def test_damaged_model_is_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    save(cgnet(), path, {})
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="not a complete model"):
        load(path)
    with pytest.raises(InputError, match="not a complete model"):
        load(tmp_path / "nothing.safetensors")


def test_b_splines_sum_to_one():
    spline = linear("spline", "distance")
    s = torch.linspace(0.8, 3.4, 50, dtype=torch.float64)
    value, slope = spline.basis(s)
    np.testing.assert_allclose(value.sum(1), 1.0, atol=1e-12)
    np.testing.assert_allclose(slope.sum(1), 0.0, atol=1e-12)


class Cloud(Potential):
    """U = Σ q_i q_j exp(−r²) of pairs; a chiral term, unequal charges or a long range break it."""

    kind = "cloud"
    permutation_invariant = True
    extensive = True
    parity = "even"

    def __init__(self, charges: torch.Tensor, handed: float = 0.0, range_: float = 1.0) -> None:
        super().__init__(charges.dtype)
        self.charges, self.handed, self.range = charges, handed, range_

    def compute(self, configuration):
        positions = configuration.positions.detach().requires_grad_(True)
        difference = positions[:, :, None] - positions[:, None]
        pairs = torch.exp(-difference.square().sum(3) / self.range**2)
        energy = 0.5 * torch.einsum("nij,i,j->n", pairs, self.charges, self.charges)
        a, b, c = (positions[:, k] - positions[:, 0] for k in (1, 2, 3))
        energy = energy + self.handed * torch.sin(torch.linalg.det(torch.stack([a, b, c], 1)))
        (gradient,) = torch.autograd.grad(energy.sum(), positions)
        return energy.detach(), -gradient

    def state(self):
        return {"charges": self.charges}, {"handed": self.handed, "range": self.range}

    @classmethod
    def from_state(cls, tensors, values):
        return cls(tensors["charges"], values["handed"], values["range"])


FREE = Topology.of_beads(tuple("ABCD"), tuple("PPQQ"), ())
CHARGES = torch.tensor([1.0, 1.0, 2.0, 2.0], dtype=torch.float64)


def test_checks_pass_what_keeps_all_symmetries():
    cloud, twice = Cloud(CHARGES), Cloud(torch.cat([CHARGES, CHARGES]))
    positions = checks.frames(FREE, cloud)
    checks.force_is_minus_gradient(cloud, positions)
    checks.moved_and_turned_alike(cloud, positions)
    checks.parity_as_declared(cloud, positions)
    checks.permutation_as_declared(cloud, FREE, positions)
    checks.extensive(cloud, twice, positions)
    checks.precisions_agree(cloud, positions)


def test_checks_find_what_is_declared_and_not_kept():
    positions = checks.frames(FREE, Cloud(CHARGES))
    handed = Cloud(CHARGES, handed=0.5)
    unequal = Cloud(torch.tensor([1.0, 1.1, 2.0, 2.0], dtype=torch.float64))
    # At this range, copies that are 100 nm apart still feel each other.
    far = Cloud(CHARGES, range_=100.0), Cloud(torch.cat([CHARGES, CHARGES]), range_=100.0)
    with pytest.raises(AssertionError):
        checks.parity_as_declared(handed, positions)
    with pytest.raises(AssertionError):
        checks.permutation_as_declared(unequal, FREE, positions)
    with pytest.raises(AssertionError):
        checks.extensive(*far, positions)


def test_a_chain_read_backwards_is_the_only_exchange():
    assert checks.permutations(CHAIN) == [[4, 3, 2, 1, 0]]
    assert len(checks.permutations(FREE)) == 3


def test_spread_of_an_ensemble_is_the_standard_deviation_of_its_members():
    members = [cgnet(seed).to(torch.float64) for seed in (1, 2, 3, 4)]
    # Force matching does not determine the constant of the energy.
    lifted = cgnet(4).to(torch.float64)
    lifted.tensors["bias_2"] += 100.0
    positions = checks.frames(CHAIN, members[0])
    energies, forces = EnsembleMean(members).spread(Configuration(positions, 340.0))
    again, same = EnsembleMean([*members[:3], lifted]).spread(Configuration(positions, 340.0))
    each = [member.energy_and_forces(Configuration(positions, 340.0)) for member in members]
    relative = np.array([energy.numpy() - energy.numpy().mean() for energy, _ in each])
    np.testing.assert_allclose(energies, relative.std(axis=0, ddof=1), rtol=1e-12)
    np.testing.assert_allclose(
        forces, np.std([f.numpy() for _, f in each], axis=0, ddof=1), rtol=1e-12
    )
    np.testing.assert_allclose(again, energies, rtol=1e-9)
    np.testing.assert_allclose(same, forces, rtol=0, atol=1e-9 * forces.abs().max().item())
