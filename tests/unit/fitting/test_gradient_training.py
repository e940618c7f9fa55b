"""Batches, memory, averages, schedules and ends of gradient training."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import torch
from chains import CGNET, CHAIN, chain_frames, write_dataset
from progress_lines import phases_of, progress_of

from meanforce.core.configuration import Configuration
from meanforce.errors import InputError, Stopped
from meanforce.fitting import batches as batches_module
from meanforce.fitting.batches import Batches
from meanforce.fitting.frames import FrameChoice, read_frames
from meanforce.fitting.loss import (
    inverse_variances,
    mean_squared_errors,
    noise_variances,
    validation_loss,
)  # fmt: skip
from meanforce.fitting.optimiser import trainer
from meanforce.fitting.registry import fit
from meanforce.fitting.resampling import Split
from meanforce.fitting.storage import Storage
from meanforce.fitting.torques import Torques
from meanforce.potentials.interface import Start
from meanforce.potentials.registry import KINDS
from meanforce.restart.job import BUNDLE, Job
from meanforce.settings.job import validated
from meanforce.settings.potentials.network import GradientTrainingSettings
from meanforce.settings.potentials.registry import Potential


def settings(**training):
    values = CGNET | {"training": CGNET["training"] | training}
    return validated(Potential, values, "potential")


def silent(line: str) -> None:
    pass


def mapped(frames, folder):
    """The same frames in memory-mapped files."""
    storage = Storage(folder)
    positions, forces = (
        storage.keep(np.array_split(tensor.numpy(), 7))
        for tensor in (frames.positions, frames.forces)
    )
    return dataclasses.replace(frames, positions=positions, forces=forces, storage=storage)


def drawn(batches, seed: int, first: int = 0) -> list[torch.Tensor]:
    """Blocks and positions of an epoch's batches, as one tensor each."""
    generator = torch.Generator().manual_seed(seed)
    return [batch.positions.clone() for batch in batches.epoch(generator, first)]


@pytest.mark.parametrize("window", [2**24, 40 * 96])
def test_an_epoch_takes_each_frame_of_the_other_folds_once(monkeypatch, window):
    # A frame has 96 bytes: the small window holds one run, the large one everything.
    monkeypatch.setattr(batches_module, "WINDOW", window)
    frames = chain_frames(997, seed=1)
    batches = Batches(frames, 2, 10)
    kept = frames.positions[frames.folds != 2]
    epoch = drawn(batches, seed=3)
    assert len(epoch) == len(batches) == len(kept) // 10
    assert all(len(batch) == 10 for batch in epoch)
    seen = torch.cat(epoch).reshape(-1, 12)
    assert len(seen.unique(dim=0)) == len(seen)
    both = torch.cat([seen, kept.reshape(-1, 12)]).unique(dim=0)
    assert len(both) == len(kept)
    # The order is random, the same for the same generator, and can be entered anywhere.
    assert not torch.equal(seen, kept.reshape(-1, 12)[: len(seen)])
    assert all(map(torch.equal, epoch, drawn(batches, seed=3)))
    assert not torch.equal(epoch[0], drawn(batches, seed=4)[0])
    for first in (1, 37, len(batches)):
        assert all(map(torch.equal, epoch[first:], drawn(batches, 3, first)))
        assert len(drawn(batches, 3, first)) == len(batches) - first


def test_few_frames_make_one_batch():
    frames = chain_frames(60, seed=1)
    (batch,) = drawn(Batches(frames, 0, 512), seed=1)
    assert len(batch) == 48


def test_mapped_frames_are_the_same_frames(tmp_path):
    frames = chain_frames(500, seed=1)
    there = mapped(frames, tmp_path)
    assert list(tmp_path.iterdir()) == []
    there.storage.release()
    assert torch.equal(there.positions, frames.positions)
    results = [fit(settings(epochs=2), f, {}, 0, 7, silent) for f in (frames, there)]
    assert results[0].curve.equals(results[1].curve)
    doubled = there.with_forces(lambda part: 2 * part.forces)
    assert torch.equal(doubled.forces, 2 * frames.forces)
    assert torch.equal(there.forces, frames.forces)
    # In files it is a view of one, so that no copy is in memory.
    assert doubled.forces.untyped_storage().data_ptr() != there.forces.untyped_storage().data_ptr()


def test_datasets_are_read_into_files(tmp_path):
    for name in "ab":
        write_dataset(tmp_path / f"{name}.h5", 400)
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    there, here = (
        read_frames(paths, 5, choice=FrameChoice(stride=3), folder=tmp_path),
        read_frames(paths, 5, choice=FrameChoice(stride=3)),
    )
    for name in ("positions", "forces", "temperatures", "folds", "blocks"):
        assert torch.equal(getattr(there, name), getattr(here, name))
    assert len(there) == 268


def test_chunks_are_contiguous_views_of_one_fold():
    frames = chain_frames(400, seed=1)
    parts = list(frames.chunks(15))
    assert torch.equal(torch.cat([part.positions for part in parts]), frames.positions)
    assert all(len(part) <= 15 and len(set(part.folds.tolist())) == 1 for part in parts)
    assert parts[0].positions.data_ptr() == frames.positions.data_ptr()
    third = torch.cat([part.blocks for part in frames.chunks(15, fold=3)])
    assert torch.equal(third, frames.blocks[frames.folds == 3])


def test_the_average_follows_its_recursion():
    generator = torch.Generator().manual_seed(1)
    start = Start(CHAIN, chain_frames(100, 1).configurations, [300.0])
    one, other = (
        KINDS["cgnet"].initial(settings(), start, torch.Generator().manual_seed(2))
        for _ in range(2)
    )
    train = trainer(settings(ema=0.9).training, one, other, 300)
    expected = [tensor.clone() for tensor in other.trainable()]
    positions = start.frames.positions[:10]
    for step in range(1, 101):
        target = torch.randn(10, 4, 3, generator=generator)
        train.step(
            (one.energy_and_forces(Configuration(positions, 300.0))[1] - target).square().mean()
        )
        decay = min(0.9, (1 + step) / (10 + step))
        for mean, weight in zip(expected, one.trainable(), strict=True):
            mean.mul_(decay).add_((1 - decay) * weight.detach())
    for mean, ours, weight in zip(expected, other.trainable(), one.trainable(), strict=True):
        torch.testing.assert_close(ours, mean, rtol=1e-4, atol=1e-6)
        # Forces do not determine the zero of the energy, the last bias.
        assert ours.numel() == 1 or not torch.equal(ours, weight)


def test_the_average_is_what_is_validated_and_kept():
    frames = chain_frames(500, seed=1)
    held = frames.select(frames.folds == 0)
    plain, averaged = (
        fit(settings(epochs=3, schedule="cosine", ema=ema), frames, {}, 0, 7, silent)
        for ema in (None, 0.95)
    )
    for result in (plain, averaged):
        assert validation_loss(result.potential, held) == pytest.approx(
            result.about["validation_loss"], rel=1e-5
        )
    # The same batches and steps: only what is validated differs.
    assert plain.curve["training"].equals(averaged.curve["training"])
    assert not plain.curve["validation"].equals(averaged.curve["validation"])


def test_partners_are_trained_on_one_half_and_judged_by_some_of_the_other():
    frames = chain_frames(800, seed=1)
    # With five folds, the first trains on three. One frame is validated for four trained on.
    for member, stride in ((0, 3), (1, 6)):
        parts, left_out = Split.of("half_samples", 5, member).frames(frames)
        # Frames that are not trained on may be arbitrary without changing a step.
        spoilt = parts.forces.clone()
        spoilt[parts.folds == left_out] *= 3
        ours, others = (
            fit(settings(epochs=2), f, {}, left_out, 7, silent)
            for f in (parts, dataclasses.replace(parts, forces=spoilt))
        )
        assert ours.curve["training"].equals(others.curve["training"])
        assert not ours.curve["validation"].equals(others.curve["validation"])
        held = [f.select(slice(None, None, stride)) for f in parts.chunks(10**6, left_out)]
        total = sum(len(f) * validation_loss(ours.potential, f) for f in held)
        assert total / sum(map(len, held)) == pytest.approx(ours.about["validation_loss"], rel=1e-5)
        every = mean_squared_errors(ours.potential, parts, Torques.none(), left_out).mean().item()
        assert every == pytest.approx(ours.about["validation_loss"], rel=0.5)


@pytest.mark.parametrize("warm_up", [0.0, 0.1])
def test_cosine_schedule(warm_up):
    start = Start(CHAIN, chain_frames(100, 1).configurations, [300.0])
    potential = KINDS["cgnet"].initial(settings(), start, torch.Generator().manual_seed(2))
    given = GradientTrainingSettings(
        epochs=1, schedule="cosine", warm_up=warm_up, learning_rate=0.01, weight_decay=0
    )
    train = trainer(given, potential, potential, 200)
    rates = []
    for _ in range(200):
        rates.append(train.optimiser.param_groups[0]["lr"])
        train.step(sum(tensor.sum() for tensor in potential.trainable()))
    top = round(200 * warm_up)
    assert rates[top] == max(rates) == 0.01
    assert rates[100 + top // 2] == pytest.approx(0.005)
    assert rates[-1] < 1e-5
    assert np.all(np.diff(rates[: top + 1]) > 0) and np.all(np.diff(rates[top:]) < 0)


def test_steps_shorten_training_with_its_schedule():
    """A limit of steps gives fewer epochs, with the learning rate of that number; or no change."""
    frames = chain_frames(200, seed=1)
    batches = len(Batches(frames, 0, 20))
    curves = {
        (epochs, steps): fit(
            settings(epochs=epochs, batch_size=20, steps=steps), frames, {}, 0, 7, silent
        ).curve
        for epochs, steps in [(3, None), (300, 2 * batches + 1), (3, 1000)]
    }
    assert len(curves[3, None]) == 3
    for curve in curves.values():
        pd.testing.assert_frame_equal(curve, curves[3, None])


def test_training_stops_when_validation_has_not_improved():
    frames = chain_frames(200, seed=1)
    generator = torch.Generator().manual_seed(5)
    noise = 200 * torch.randn(frames.forces.shape, generator=generator)
    lines = []
    result = fit(
        settings(epochs=300, batch_size=20, patience=3, torque_weight=0),
        dataclasses.replace(frames, forces=noise), {}, 0, 7, lines.append,
    )  # fmt: skip
    # Pure noise: no function of the beads is better than none for long.
    assert len(result.curve) == result.about["best_epoch"] + 3 < 100
    assert result.curve["validation"].idxmin() + 1 == result.about["best_epoch"]
    assert (
        lines[-1] == f"stopped early: epoch {result.about['best_epoch']} was the best for 3 epochs"
    )
    assert phases_of(lines[:-1]) == [
        "setting up the potential", "reading forces", "epochs", "validation"
    ]  # fmt: skip
    assert any(line.note == "epoch 1 of 300" for line in progress_of(lines[:-1]))


def test_a_loss_that_is_no_number_is_refused(tmp_path):
    frames = chain_frames(500, seed=1)
    frames.forces[frames.folds == 1] = float("nan")
    stops = iter([None, None, None, "test", "test"])
    job = Job(tmp_path, {}, stop=lambda: next(stops, None))
    with pytest.raises(Stopped):
        fit(settings(epochs=3), frames, {}, 0, 7, silent, job)
    assert (tmp_path / BUNDLE).exists()
    with pytest.raises(InputError, match=r"diverged in epoch 1.*'learning_rate' \(now 0.005\)"):
        fit(settings(epochs=3), frames, {}, 0, 7, silent, Job(tmp_path, {}))
    # With a lower learning rate it starts anew.
    assert not (tmp_path / BUNDLE).exists()


NOISE = torch.tensor([30.0, 100.0, 300.0, 30.0])


def noisy_chain(n: int):
    """Forces with noise of another size on each bead."""
    frames = chain_frames(n, seed=1)
    generator = torch.Generator().manual_seed(6)
    noise = NOISE[:, None] * torch.randn(frames.forces.shape, generator=generator)
    return dataclasses.replace(frames, forces=frames.forces + noise)


def test_bead_weights_are_inverse_variances_of_the_noise():
    weights = inverse_variances(noise_variances(noisy_chain(5000), Torques.none()))
    exact = 1 / NOISE.double() ** 2
    assert weights.mean().item() == pytest.approx(1)
    # 15,000 components per bead: a variance has a relative error of 0.012, a ratio of two 0.016;
    # the rest is the regression's own error.
    np.testing.assert_allclose(weights / weights[0], exact / exact[0], rtol=0.1)


def test_bead_weights_bring_the_fit_closer_to_the_mean_force():
    frames, truth = noisy_chain(1500), chain_frames(1500, seed=9)
    errors = {}
    for name in ("none", "inverse_variance"):
        result = fit(settings(epochs=15, bead_weights=name), frames, {}, 0, 7, silent)
        errors[name] = validation_loss(result.potential, truth)
    assert errors["inverse_variance"] < 0.5 * errors["none"]
    assert len(result.about["bead_weights"]) == 4
