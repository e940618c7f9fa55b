"""`weight_decay: auto`: the best of three trainings on held-out time blocks."""

import dataclasses

import pytest
import torch
from chains import CGNET, chain_frames

from meanforce.fitting.loss import validation_loss
from meanforce.fitting.registry import fit
from meanforce.fitting.weight_decay import FIRST, STRONGER, WEAKER, Trial, Trials
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential


def settings(**training):
    values = CGNET | {"training": CGNET["training"] | training}
    return validated(Potential, values, "potential")


def silent(line: str) -> None:
    pass


def noisy(n: int, size: float, seed: int = 1):
    """Forces of a chain with noise of a standard deviation, kJ/mol/nm."""
    frames = chain_frames(n, seed=seed)
    noise = torch.randn(frames.forces.shape, generator=torch.Generator().manual_seed(seed + 100))
    return dataclasses.replace(frames, forces=frames.forces + size * noise)


def test_the_model_is_that_of_the_chosen_decay_by_hand():
    frames, lines = noisy(300, 100.0), []
    chosen = fit(
        settings(epochs=6, weight_decay="auto", torque_weight=0), frames, {}, 0, 7, lines.append
    )
    trials = chosen.about["weight_decay_trials"]
    by_hand = [
        fit(
            settings(epochs=6, weight_decay=one["weight_decay"], torque_weight=0),
            frames,
            {},
            0,
            7,
            silent,
        )
        for one in trials
    ]
    losses = [one.about["validation_loss"] for one in by_hand]
    assert [one["loss"] for one in trials] == pytest.approx(losses, rel=1e-12)
    assert [one["best_epoch"] for one in trials] == [one.about["best_epoch"] for one in by_hand]
    assert len(set(losses)) == 3
    best = losses.index(min(losses))
    assert chosen.about["weight_decay"] == trials[best]["weight_decay"]
    assert chosen.about["validation_loss"] == min(losses)
    assert chosen.curve.drop(columns="weight_decay").equals(by_hand[best].curve)
    assert set(chosen.curve["weight_decay"]) == {chosen.about["weight_decay"]}
    for name, tensor in by_hand[best].potential.state()[0].items():
        assert torch.equal(tensor, chosen.potential.state()[0][name]), name
    # The log has a line for each, and one on the choice.
    assert sum(line.startswith("weight decay ") for line in lines) == 4
    assert f"weight decay {chosen.about['weight_decay']:g} is the best of 3" in lines[-1]


@pytest.mark.parametrize("losses, third", [((2.0, 1.0), STRONGER), ((1.0, 2.0), WEAKER)])
def test_the_third_decay_is_beyond_the_better_one(losses, third):
    trials = Trials()
    for chosen, loss in zip(FIRST, losses, strict=True):
        assert trials.following() == chosen
        trials = trials.after(Trial(0.1, chosen, loss, 1, ()), [torch.tensor(chosen)])
    assert trials.following() == third
    best = trials.best.memory
    assert trials.weights == (torch.tensor(best),)
    # One that is no better changes nothing.
    ended = trials.after(Trial(0.1, third, 1.0, 1, ()), [torch.tensor(third)])
    assert ended.following() is None
    assert ended.best.memory == best and ended.weights == trials.weights


@pytest.mark.parametrize("changed, factor", [
    ({"epochs": 4}, 1.0), ({"batch_size": 32}, 4 / 7), ({"learning_rate": 0.01}, 0.5),
])  # fmt: skip
def test_decays_follow_steps_and_their_size(changed, factor):
    """An epoch has four steps of 60 frames, or seven of 32."""
    frames = noisy(300, 100.0)
    decays = [
        [one["weight_decay"] for one in fit(
            settings(**{"epochs": 2, "batch_size": 60, "weight_decay": "auto"} | training),
            frames, {}, 0, 7, silent,
        ).about["weight_decay_trials"]]
        for training in ({}, changed)
    ]  # fmt: skip
    assert decays[0][0] == pytest.approx(1 / (45 * 4 * 5e-3), rel=0.05)
    assert decays[1][:2] == pytest.approx([factor * one for one in decays[0][:2]], rel=0.05)


@pytest.mark.parametrize("n, noise, epochs, seed, limit", [
    pytest.param(1000, 60.0, 60, 2, 0.6, id="few noisy frames"),
    pytest.param(4000, 10.0, 8, 1, 1.1, id="many frames"),
])  # fmt: skip
def test_forces_are_closer_to_the_truth_without_a_setting_by_hand(n, noise, epochs, seed, limit):
    """Against no decay: a third of the error for few frames, three quarters for many, when made."""
    frames, truth = noisy(n, noise, seed), chain_frames(2000, seed=9)
    errors = [
        validation_loss(
            fit(settings(epochs=epochs, weight_decay=decay), frames, {}, 0, 7, silent).potential,
            truth,
        )
        for decay in ("auto", 0.0)
    ]
    assert errors[0] < limit * errors[1]
