"""Networks: forms of temperature, kinds of distances, beads that they were made for."""

import pytest
import torch
from chains import CHAIN

from meanforce.core.configuration import Configuration
from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.loss import validation_loss
from meanforce.fitting.registry import fit
from meanforce.potentials.cgnet import Cgnet
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import EnsembleMean, Start
from meanforce.potentials.temperature import OUTPUTS, TemperatureForm
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

BONDS = InternalCoordinates(CoordinateList(distances=((0, 1), (1, 2), (2, 3))), 4)


def frames_at(temperatures: list[float], n: int, seed: int, curvature: float = 0.0) -> Frames:
    """A chain with U = E(R) − T S(R), plus, with a curvature, a part quadratic in T.

    Energies are harmonic in all bonds, the entropy is linear and quadratic in them.
    """
    generator = torch.Generator().manual_seed(seed)
    base = torch.tensor([[0.0, 0.14, 0], [0, 0, 0], [0.15, 0, 0], [0.15, -0.1, 0.1]])
    positions = base + 0.01 * torch.randn(n, 4, 3, generator=generator)
    values, vectors = BONDS.evaluate(positions)
    at = torch.tensor(temperatures)[torch.arange(n) % len(temperatures)]
    stretch, x = values - 0.15, (at[:, None] - 350) / 350
    energy_slope = 3000.0 * stretch
    entropy_slope = 200.0 + 12000.0 * stretch
    slope = energy_slope - x * entropy_slope + curvature * x**2 * 20000.0 * stretch
    forces = -BONDS.pull_back(slope, vectors).contiguous()
    block = torch.arange(n) * 20 // n
    return Frames(positions, forces, at, block % 5, block, CHAIN)


def trained(form: str, frames: Frames):
    values = {
        "kind": "cgnet", "hidden": [32, 32], "temperature": form,
        "training": {"weight_decay": 0.0, "epochs": 25, "batch_size": 50, "learning_rate": 5e-3},
    }  # fmt: skip
    settings = validated(Potential, values, "potential")
    return fit(settings, frames, {}, 0, 7, lambda line: None).potential


def test_energy_and_entropy_are_recovered_at_held_out_temperatures():
    training = frames_at([300.0, 400.0], 1200, seed=1)
    potentials = {form: trained(form, training) for form in ("none", "linear")}
    for temperature in (350.0, 330.0, 450.0):
        held = frames_at([temperature], 500, seed=2)
        variance = held.forces.square().mean().item()
        assert validation_loss(potentials["linear"], held) < 0.01 * variance
    # 450 K is as far outside as 350 K is inside. One potential for all temperatures is wrong there:
    outside = frames_at([450.0], 500, seed=2)
    difference = (outside.forces - frames_at([350.0], 500, seed=2).forces).square().mean().item()
    assert validation_loss(potentials["none"], outside) == pytest.approx(difference, rel=0.1)


def test_the_quadratic_form_follows_what_the_linear_one_cannot():
    training = frames_at([300.0, 350.0, 400.0], 1200, seed=1, curvature=4.0)
    held = frames_at([325.0], 500, seed=2, curvature=4.0)
    losses = {
        form: validation_loss(trained(form, training), held) for form in ("linear", "quadratic")
    }
    assert losses["quadratic"] < 0.01 * held.forces.square().mean().item()
    assert losses["linear"] > 5 * losses["quadratic"]


def potential(form: str = "feature", distances: str = "plain", seed: int = 1) -> Cgnet:
    """Random weights, also where a new potential has none, in float64."""
    generator = torch.Generator().manual_seed(seed)
    values = {
        "kind": "cgnet", "hidden": [16, 16], "temperature": form, "distances": distances,
        "training": {"weight_decay": 0.0, "epochs": 1},
    }  # fmt: skip
    settings = validated(Potential, values, "potential")
    start = Start(
        CHAIN, Configuration(torch.randn(100, 4, 3, generator=generator), 300.0), [300.0, 400.0]
    )
    made = Cgnet.initial(settings, start, generator).to(dtype=torch.float64)
    for tensor in made.trainable():
        tensor += 0.3 * torch.randn(tensor.shape, generator=generator, dtype=torch.float64)
    return made


@pytest.mark.parametrize("distances", ["plain", "inverse", "both"])
@pytest.mark.parametrize("form", OUTPUTS)
def test_forces_are_minus_the_gradient(form, distances):
    made = potential(form, distances)
    generator = torch.Generator().manual_seed(3)
    positions = torch.randn(6, 4, 3, generator=generator, dtype=torch.float64)
    positions.requires_grad_(True)
    for temperature in (340.0, torch.linspace(300, 420, 6)):
        energy, forces = made.energy_and_forces(Configuration(positions, temperature))
        (gradient,) = torch.autograd.grad(energy.sum(), positions)
        torch.testing.assert_close(forces, -gradient, rtol=1e-8, atol=1e-8)


def test_linear_and_quadratic_are_what_they_are_called():
    positions = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(3)).double()
    for form, order in (("none", 0), ("linear", 1), ("quadratic", 2)):
        made = potential(form)
        energies = torch.stack(
            [made.energy_and_forces(Configuration(positions, 300.0 + 20 * k))[0] for k in range(6)]
        )
        differences = energies.diff(n=order + 1, dim=0)
        assert differences.abs().max() < 1e-9 * energies.abs().max()
        assert order == 0 or energies.diff(n=order, dim=0).abs().max() > 1e-3


def test_a_form_survives_its_plain_values():
    form = TemperatureForm.initial("linear", [300.0, 400.0])
    assert TemperatureForm.of(form.parameters()) == form == TemperatureForm("linear", 350.0, 50.0)
    factors = form.factors(torch.tensor([300.0, 375.0]), torch.zeros(1))
    assert factors.tolist() == [[1.0, -1.0], [1.0, 0.5]]


def test_a_model_without_the_newer_values_is_what_it_was():
    made = potential("feature", "plain")
    tensors, values = made.state()
    old = {key: values[key] for key in (
        "bead_names", "bonds", "hidden", "temperature", "temperature_center", "temperature_scale"
    )}  # fmt: skip
    positions = torch.randn(6, 4, 3, generator=torch.Generator().manual_seed(3)).double()
    again = Cgnet.from_state(tensors, old)
    for ours, theirs in zip(
        made.energy_and_forces(Configuration(positions, 320.0)),
        again.energy_and_forces(Configuration(positions, 320.0)),
        strict=True,
    ):
        assert torch.equal(ours, theirs)
    # It has no types, so that it cannot refuse any.
    again.check_beads(Topology.of_beads(CHAIN.names, ("C",) * 4, CHAIN.bonds))


def test_other_beads_are_refused():
    ensemble = EnsembleMean([potential(seed=1), potential(seed=2)])
    ensemble.check_beads(CHAIN)
    names, types, bonds = CHAIN.names, CHAIN.types, CHAIN.bonds
    others = {
        "names": Topology.of_beads(("A", "B", "D", "C"), types, bonds),
        "types": Topology.of_beads(names, ("A", "B", "C", "C"), bonds),
        "bonds": Topology.of_beads(names, types, ((0, 1), (1, 2), (1, 3))),
    }
    for what, molecule in others.items():
        with pytest.raises(InputError, match=f"fitted to beads with other {what}: it has "):
            ensemble.check_beads(molecule)
