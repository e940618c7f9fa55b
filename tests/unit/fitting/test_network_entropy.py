"""Relative entropy of networks: gradients, known densities, restarts, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from inversions import (
    BENT,
    BIAS,
    DIATOMIC,
    RUN,
    bent,
    bond,
    diatomics,
    joined,
    same_bits_when_killed,
    silent,
)
from networks import network

from meanforce.core.configuration import Configuration
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.adam import Adam
from meanforce.fitting.iterative.atomistic_draws import AtomisticDraws
from meanforce.fitting.iterative.descent import add_entropy_gradient, entropy_change
from meanforce.fitting.iterative.network_problem import (
    copy_of,
    gradient_in,
    put_weights,
    weights_in,
)
from meanforce.fitting.iterative.observer import Kept
from meanforce.fitting.iterative.stored_frames import Sample
from meanforce.fitting.network_entropy import NetworkEntropy
from meanforce.fitting.relative_entropy import fit
from meanforce.potentials.interface import Potential, Start, TrainablePotential
from meanforce.potentials.registry import KINDS
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential as Settings
from meanforce.units import kt

TEMPERATURE = 300.0
CPU = torch.device("cpu")


def sample_of(ran: TrainablePotential, frames: Frames) -> Sample:
    """Frames as if a CG run had given them, in ten chains."""
    cell = None if frames.cells is None else frames.cells[0].double().numpy()
    n = len(frames)
    kept = Kept(frames.positions.numpy(), np.arange(n) % 10, np.zeros(n))
    return Sample.of(ran, kept, float(frames.temperatures[0]), cell, at_once=13)


def drawn(frames: Frames, number: int):
    draws = AtomisticDraws(frames, np.arange(len(frames)), float(frames.temperatures[0]), CPU)
    return draws.draw(number, np.random.default_rng(2))


def in_double(draw):
    return dataclasses.replace(draw, configurations=draw.configurations.map(torch.Tensor.double))


def some_network(kind: str) -> tuple[TrainablePotential, Frames, Frames]:
    """A network, frames of a CG run, and atomistic ones."""
    if kind == "cgnet":
        sampled, atoms = bent(60, 3), bent(80, 4)
        return network(BENT, sampled.positions.numpy()), sampled, atoms
    if kind == "local_cgnet":
        sampled, atoms = bent(60, 3), bent(80, 4)
        values = {"kind": kind, "hidden": [8], "near_bonds": 1, "training": {"epochs": 1}}
        start = Start(sampled.molecule, sampled.configurations, [300.0])
        settings = validated(Settings, values, "potential")
        return (
            KINDS[kind].initial(settings, start, torch.Generator().manual_seed(1)),
            sampled,
            atoms,
        )
    pytest.importorskip("mace", reason="needs mace-torch")
    box = 1.5 * torch.eye(3)
    sampled, atoms = (
        dataclasses.replace(frames, cells=box.expand(len(frames), 3, 3))
        for frames in (bent(20, 3), bent(30, 4))
    )
    values = {"kind": "mace", "channels": 4, "layers": 1, "cutoff": 0.5, "training": {"epochs": 1}}
    start = Start(sampled.molecule, sampled.configurations, [300.0])
    generator = torch.Generator().manual_seed(1)
    made = KINDS["mace"].initial(validated(Settings, values, "potential"), start, generator)
    return made, sampled, atoms


@pytest.mark.parametrize("kind", ["cgnet", "local_cgnet", "mace"])
def test_the_gradient_is_that_of_the_relative_entropy_on_fixed_frames(kind):
    """Away from the potential that was run, so that weights matter, with weights of the atoms."""
    made, sampled, atoms = some_network(kind)
    shares = torch.linspace(0.2, 1.8, len(atoms))
    atoms = in_double(drawn(dataclasses.replace(atoms, weights=shares), len(atoms)))
    ran = made.to(torch.float64)
    sample, potential = sample_of(ran, sampled), copy_of(ran)
    weights = torch.cat([t.detach().reshape(-1) for t in potential.trainable()])
    generator = torch.Generator().manual_seed(3)
    here = weights + 0.1 * torch.randn(len(weights), generator=generator).double()
    put_weights(potential, here)
    for tensor in potential.trainable():
        tensor.requires_grad_(True)
    own = sample.weights(sample.changes(potential))
    assert float(own.max() / own.min()) > 1.1
    add_entropy_gradient(potential, sample, atoms, own)
    gradient = gradient_in(potential)
    assert torch.isfinite(gradient).all()
    for seed in range(3):
        generator.manual_seed(seed)
        along, step = torch.randn(len(weights), generator=generator).double(), 1e-5
        ends = []
        for sign in (1, -1):
            put_weights(potential, here + sign * step * along)
            ends.append(entropy_change(potential, ran, sample, atoms)[0])
        slope = (ends[0] - ends[1]) / (2 * step)
        assert float(gradient @ along) == pytest.approx(slope, rel=1e-5, abs=1e-7)


GRID = np.linspace(0.2, 0.42, 4001)


def energy_on(potential: Potential, r: np.ndarray, temperature: float = TEMPERATURE) -> np.ndarray:
    """Energy of a diatomic at some distances, kJ/mol."""
    positions = torch.zeros(len(r), 2, 3, dtype=potential.dtype)
    positions[:, 1, 0] = torch.from_numpy(r)
    energy, _ = potential.energy_and_forces(Configuration(positions, temperature))
    return energy.detach().double().numpy()


def density(energy: np.ndarray, r: np.ndarray = GRID, temperature: float = TEMPERATURE):
    values = r**2 * np.exp(-(energy - energy.min()) / kt(temperature))
    return values / values.sum()


def distance(potential: Potential, exact: np.ndarray) -> float:
    """Kullback–Leibler distance of the density of a diatomic from the exact one, nats."""
    return float(exact @ np.log(exact / density(energy_on(potential, GRID))))


def test_changes_of_the_relative_entropy_are_those_of_exact_densities():
    """Within five standard errors, which one of 10⁶ draws exceeds, and which are small.

    The potential that was run is a network, and its run is made of exact draws.
    """
    atoms = diatomics(20000, seed=5, ends=(0.2, 0.42))
    ran = network(DIATOMIC, atoms.positions[:500].numpy(), 1, (8,))
    run = diatomics(20000, energy=lambda r: energy_on(ran, r), seed=6, ends=(0.2, 0.42))
    potential, weights = copy_of(ran), torch.from_numpy(weights_in(ran)).float()
    generator = torch.Generator().manual_seed(3)
    put_weights(potential, weights + 0.1 * torch.randn(len(weights), generator=generator))
    found, variance = entropy_change(potential, ran, sample_of(ran, run), drawn(atoms, 10**6))
    exact = density(bond(GRID))
    wanted = distance(potential, exact) - distance(ran, exact)
    assert abs(found - wanted) < 5 * np.sqrt(variance)
    assert np.sqrt(variance) < 0.05 * abs(wanted)


def test_draws_have_the_mean_of_the_weights_and_less_noise():
    frames = diatomics(5000)
    weights = torch.linspace(0.0, 2.0, 5000)
    draws = AtomisticDraws(
        dataclasses.replace(frames, weights=weights), np.arange(5000), 300.0, CPU
    )
    r = frames.positions.norm(dim=2)[:, 1].double().numpy()
    wanted = float(weights.double().numpy() @ r / weights.double().sum())
    rng, means, late = np.random.default_rng(1), [], []
    for _ in range(200):
        some = draws.draw(100, rng)
        assert float(some.shares.sum()) == pytest.approx(1.0)
        means.append(float(some.shares @ some.configurations.positions[:, 1].norm(dim=1).double()))
        late.append(float((some.blocks >= 10).mean()))
    assert abs(np.mean(means) - wanted) < 5 * np.std(means) / np.sqrt(200)
    # Half of the frames, of three quarters of the weight, in every draw alike.
    assert np.mean(late) == pytest.approx(0.75, abs=0.01)
    assert np.std(late) < 0.01
    assert float(draws.draw(5000, rng).shares[-1]) == pytest.approx(2 / 5000, rel=1e-3)


def chosen(**changes):
    """A small network, trained on forces in a short time."""
    run = RUN | {"chains": 32, "equilibration": 0.5, "length": 2.0, "stride": 0.05}
    fitting = {
        "kind": "relative_entropy", "simulation": run | changes.pop("run", {}), "at_most": 6,
        "descent": {"learning_rate": 0.02, "steps": 12} | changes.pop("descent", {}),
    }  # fmt: skip
    training = {"epochs": 15, "batch_size": 250, "weight_decay": 0.0, "learning_rate": 0.02}
    values = {
        "kind": "cgnet", "hidden": [8], "temperature": "none", "prior": changes.pop("prior", None),
        "training": training | changes.pop("training", {}), "fitting": fitting | changes,
    }  # fmt: skip
    return validated(Settings, values, "potential")


def test_a_network_from_wrong_forces_comes_near_to_the_exact_density():
    """Forces of half the stiffness; the steps that are reported add up to what is gained."""
    frames, larger = diatomics(20000, forces=0.5), {"batch_size": 1000}
    made = fit(chosen(training=larger), frames, {}, 0, 3, silent)
    exact = density(bond(GRID))
    before = fit(chosen(training=larger, at_most=1), frames, {}, 0, 3, silent)
    assert before.about["kept"] == 1
    ends = [distance(one.potential, exact) for one in (before, made)]
    assert ends[0] > 0.08
    assert ends[1] < 0.25 * ends[0]
    rows = made.curve
    kept = made.about["kept"]
    gained = rows["gained"].iloc[1:kept].sum()
    error = np.sqrt((rows["gained_stderr"].iloc[1:kept] ** 2).sum())
    assert abs(gained - (ends[0] - ends[1])) < 4 * error < 8 * gained
    assert (rows["effective"] >= 0.5).all()
    assert rows["distance_bonds_P_Q"].iloc[kept - 1] < 0.5 * rows["distance_bonds_P_Q"].iloc[0]


def test_a_fit_that_is_killed_again_and_again_makes_the_same_bits(tmp_path):
    """Stopped in the training on forces, in biased CG runs, and between steps, with a prior."""
    frames = joined(*(diatomics(500, at, forces=0.5) for at in (280.0, 320.0)))
    wanted = chosen(
        at_most=2, training={"epochs": 3}, prior={"bonds": "harmonic"},
        descent={"steps": 90, "smallest_effective": 0.1},
        run={"chains": 4, "equilibration": 0.2, "length": 0.8, "bias": BIAS | {"build": 0.4}},
    )  # fmt: skip
    once, _ = same_bits_when_killed(fit, wanted, frames, tmp_path / "job")
    assert len(once.curve) == 2
    assert (once.curve["adam_steps"] > 20).all()
    assert "validation_loss" in once.about["start"]


def test_a_fit_that_runs_away_keeps_its_best_iterate(monkeypatch):
    """Steps up the gradient: they are halved, and at last the start is kept."""
    right = NetworkEntropy.update
    monkeypatch.setattr(NetworkEntropy, "update", lambda *args: -20 * right(*args))
    frames = diatomics(2000)
    made = fit(chosen(run={"length": 1.0}), frames, {}, 0, 3, silent)
    assert made.about["step"] < 1
    best = made.curve["score"].min()
    assert made.about["score"] < 1.5 * best + 1.5


def test_steps_that_leave_too_few_effective_frames_are_shortened_or_refused():
    """Half of the frames may not count: steps of 0.5 are halved; 99.99 % is more than can be."""
    frames = diatomics(2000, forces=0.5)
    long = {"learning_rate": 0.5, "smallest_effective": 0.6}
    made = fit(chosen(at_most=2, descent=long), frames, {}, 0, 3, silent)
    assert (made.curve["effective"] >= 0.6).all()
    # A first step that was shortened ends its round.
    assert made.curve["adam_steps"].iloc[0] == 1
    strict = {"learning_rate": 1.0, "smallest_effective": 0.9999999}
    with pytest.raises(InputError, match=r"of the CG frames effective, .*smaller 'learning_rate'"):
        fit(chosen(at_most=2, descent=strict), frames, {}, 0, 3, silent)


def test_few_frames_by_their_weights_are_refused_before_the_training():
    frames = diatomics(400)
    weights = torch.full((400,), 1e-9)
    weights[:30] = 400 / 30
    lines = []
    with pytest.raises(InputError, match=r"weights make worth \d+, .*asks for 50"):
        fit(chosen(), dataclasses.replace(frames, weights=weights), {}, 0, 3, lines.append)
    assert not lines
    with pytest.raises(InputError, match="have no masses of the beads"):
        fit(chosen(), dataclasses.replace(frames, masses=None), {}, 0, 3, silent)


def test_adam_goes_on_as_if_it_had_not_been_stopped():
    frames = bent(40).positions.numpy()
    potentials = [network(BENT, frames) for _ in range(2)]

    def steps(adam, potential, number):
        for _ in range(number):
            energy = potential.energy(Configuration(torch.from_numpy(frames), TEMPERATURE))
            energy.square().mean().backward()
            adam.step()

    one = Adam(potentials[0], 0.01, {})
    steps(one, potentials[0], 6)
    before = Adam(potentials[1], 0.01, {})
    steps(before, potentials[1], 3)
    again = network(BENT, frames)
    after = Adam(again, 0.01, before.within)
    steps(after, again, 3)
    assert torch.equal(one.weights, after.weights)
