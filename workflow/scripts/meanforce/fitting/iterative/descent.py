"""Steps of a network along the gradient of the relative entropy, on the frames of one CG run."""

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import torch

from meanforce.errors import InputError
from meanforce.fitting.iterative.adam import Adam
from meanforce.fitting.iterative.atomistic_draws import AtomisticDraws, Draw
from meanforce.fitting.iterative.stored_frames import Sample, add_gradient, energies
from meanforce.fitting.iterative.turn import Memory
from meanforce.fitting.iterative.unit_sums import mean_and_variance
from meanforce.potentials.interface import TrainablePotential
from meanforce.settings.descent import DescentSettings

SHORTER = 10
"""How often the first step after a CG run is halved, if it leaves too few effective frames."""


@dataclasses.dataclass(frozen=True)
class Sides:
    """Both ensembles at one state point.

    Attributes:
        sampled: frames of the CG run.
        atoms: gives atomistic frames.
        held: gives those that are not trained on; None without any.
    """

    sampled: Sample
    atoms: AtomisticDraws
    held: AtomisticDraws | None = None


def add_entropy_gradient(
    potential: TrainablePotential, sampled: Sample, atoms: Draw, weights: torch.Tensor
) -> None:
    """Add ∇S = β(⟨∇U⟩_AA − Σ w ∇U) to the gradient of the potential's weights.

    Args:
        potential: U, without its prior, whose gradient is zero.
        sampled: frames of the CG run.
        atoms: some atomistic frames.
        weights: w of the frames of the CG run, of sum 1, shape (n,).
    """
    beta, at_once = sampled.beta, sampled.at_once
    add_gradient(potential, sampled.configurations, -beta * weights, at_once)
    add_gradient(potential, atoms.configurations, beta * atoms.shares, at_once)


def entropy_change(
    potential: TrainablePotential, ran: TrainablePotential, sampled: Sample, atoms: Draw
) -> tuple[float, float]:
    """S(U) − S(U_run) = β⟨U − U_run⟩_AA − β(A − A_run), in nats, and its variance.

    Args:
        potential: U.
        ran: U_run, the potential of the CG run.
        sampled: its frames.
        atoms: some atomistic frames.
    """
    after, before = (
        energies(one, atoms.configurations, sampled.at_once) for one in (potential, ran)
    )
    changes = sampled.beta * (after - before).cpu().numpy()
    mean, of_mean = mean_and_variance(changes, atoms.shares.cpu().numpy(), atoms.blocks)
    free, of_free = sampled.free_energy(sampled.changes(potential))
    return mean - free, of_mean + of_free


DONE = "done"
"""Name of the number of steps, which a restart bundle has within a round."""


@dataclasses.dataclass(frozen=True)
class Round:
    """What the steps on the frames of one CG run came to.

    Attributes:
        weights: of the potential after them, float64, shape (K,).
        memory: for the next round.
        steps: their number.
        effective: least fraction, of all state points, of the effective frames that still are.
        gain: by how much S fell, in nats, by the frames that the steps were made for.
    """

    weights: np.ndarray
    memory: Memory
    steps: int
    effective: float
    gain: float


@dataclasses.dataclass(frozen=True)
class Descent:
    """Takes steps on the frames of one CG run.

    Attributes:
        settings: of the steps.
        ran: the potential that was run, without its prior; it is not changed.
        sides: both ensembles at each state point.
        rate: size of the steps.
        seed: numbers of these steps that no others of the fit have.
    """

    settings: DescentSettings
    ran: TrainablePotential
    sides: list[Sides]
    rate: float
    seed: tuple[int, ...]

    def run(
        self,
        potential: TrainablePotential,
        memory: Memory,
        pause: Callable[[Callable[[], Memory]], None],
    ) -> Round:
        """Steps until too few frames are effective, or their number is reached.

        Args:
            potential: with the weights of the one that was run; it is changed in place.
            memory: of the round before, or of this one, if the job goes on within it.
            pause: see `Turn`.

        Raises:
            InputError: even a very short step leaves too few effective frames.
            Stopped: the job was asked to stop.
        """
        adam = Adam(potential, self.rate, memory)
        done = int(memory.get(DONE, 0))
        weights, effective = self._weights(potential)
        while done < self.settings.steps:
            for number, (side, own) in enumerate(zip(self.sides, weights, strict=True)):
                rng = self._rng(number, done)
                atoms = side.atoms.draw(self.settings.frames, rng)
                add_entropy_gradient(potential, side.sampled, atoms, own)
            before = adam.weights.detach().clone()
            adam.step()
            found = self._weights(potential)
            if found[1] < self.settings.smallest_effective:
                if done:
                    adam.put(before)
                    break
                weights, effective = self._shortened(potential, adam, before)
                done = 1
                break
            weights, effective = found
            done += 1
            pause(lambda at=done: adam.within | {DONE: np.array(at)})
        reached = adam.weights.detach().double().cpu().numpy()
        return Round(reached, adam.moments, done, effective, -self.change(potential)[0])

    def _weights(self, potential: TrainablePotential) -> tuple[list[torch.Tensor], float]:
        """Of the frames of each CG run, and the least fraction that is effective."""
        samples = [side.sampled for side in self.sides]
        found = [sample.weights(sample.changes(potential)) for sample in samples]
        return found, min(map(Sample.effective, samples, found))

    def _shortened(
        self, potential: TrainablePotential, adam: Adam, before: torch.Tensor
    ) -> tuple[list[torch.Tensor], float]:
        """Halve the first step until enough frames are effective.

        Raises:
            InputError: that does not help.
        """
        for _ in range(SHORTER):
            adam.put(0.5 * (adam.weights.detach() + before))
            weights, effective = self._weights(potential)
            if effective >= self.settings.smallest_effective:
                return weights, effective
        raise InputError(
            f"fitting.descent: a first step of {self.rate / 2**SHORTER:.2g} in each weight leaves "
            f"{effective:.1%} of the CG frames effective, but 'smallest_effective' asks for "
            f"{self.settings.smallest_effective:.0%}; give a smaller 'learning_rate' or "
            "'smallest_effective'"
        )

    def change(self, potential: TrainablePotential, held: bool = False) -> tuple[float, float]:
        """S(U) − S(U_run) of all state points, in nats, and its standard error.

        Args:
            potential: U.
            held: by frames that are not trained on, where there are any.
        """
        total, variance = 0.0, 0.0
        for number, side in enumerate(self.sides):
            source = side.held if held and side.held is not None else side.atoms
            draw = source.draw(self.settings.frames, self._rng(number, self.settings.steps))
            change, own = entropy_change(potential, self.ran, side.sampled, draw)
            total, variance = total + change, variance + own
        return total, math.sqrt(variance)

    def _rng(self, number: int, step: int) -> np.random.Generator:
        # The last number differs from the streams of the CG runs, which end without one.
        return np.random.default_rng([*self.seed, number, step, 1])


def cosine(iteration: int, at_most: int) -> float:
    """Factor of the learning rate, from 1 down to zero after the last iteration."""
    return 0.5 * (1 + math.cos(math.pi * iteration / at_most))
