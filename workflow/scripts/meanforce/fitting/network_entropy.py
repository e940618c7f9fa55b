"""Fitting method `relative_entropy` of networks: CG runs, and reweighted steps along ∇S.

Shell, J. Chem. Phys. 129, 144108 (2008); Thaler, Stupp, Zavadlav, J. Chem. Phys. 157, 244103
(2022), for networks. A network is trained on forces first, so that the first CG run is already a
fair one.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
import torch

from meanforce.fitting import force_matching
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.atomistic_draws import AtomisticDraws
from meanforce.fitting.iterative.descent import Descent, Sides, cosine
from meanforce.fitting.iterative.fit import check_masses, to_end
from meanforce.fitting.iterative.from_forces import START, Start
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.iterate import Row
from meanforce.fitting.iterative.network_problem import (
    NetworkProblem,
    compared,
    trained_part,
    weights_in,
)
from meanforce.fitting.iterative.observer import Kept, Observed
from meanforce.fitting.iterative.states import State, states_of
from meanforce.fitting.iterative.stored_frames import Sample
from meanforce.fitting.iterative.turn import Turn
from meanforce.fitting.result import Fit
from meanforce.potentials.interface import TrainablePotential
from meanforce.potentials.linear import LinearPotential
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.network import NetworkSettings

RAN = "ran"
"""Name in a restart bundle: weights of the potential that was run before."""

RESOLVED = 2.0
"""Standard errors by which a decrease of S is more than noise."""

BEFORE = 2.0
"""How far the potential of forces counts as off its goal, as long as no steps have been tried."""


class NetworkEntropy:
    """Several small steps of Adam along ∇S on the frames of each CG run; see `Descent`.

    Args:
        problem: what does not change from iteration to iteration.
    """

    def __init__(self, problem: NetworkProblem) -> None:
        self._problem = problem

    @staticmethod
    def features(potential: LinearPotential) -> None:
        """Histograms and frames are enough."""

    def columns(self, observed: list[Observed]) -> Row:
        """None but those of `update`."""
        return {}

    def off(self, row: Row) -> float:
        """Decrease of S by the steps before, in its noise; not at the goal without any steps."""
        if "gained" not in row:
            return BEFORE
        return max(0.0, row["gained"]) / (RESOLVED * row["gained_stderr"])

    def errors(self, observed: list[Observed]) -> dict[str, torch.Tensor]:
        """None."""
        return {}

    def update(self, observed: list[Observed], turn: Turn) -> np.ndarray:
        """See `Method`; it adds numbers to the row of the iteration.

        gained: by how much the update before lowered S, in nats, by frames of this CG run and
        atomistic frames that are not trained on (where there are any): steps follow the noise of
        neither. Of this update, at full step, adam_steps: the number of its steps; effective: least
        fraction of the CG frames that still count after them; gain: by how much they lower S, by
        the frames that they follow, whose noise makes it too large.
        """
        chosen, memory = self._problem.settings, turn.memory
        ran, potential = (self._at(turn.coefficients, turn.device) for _ in range(2))
        sides = [
            self._sides(state, one.frames, ran)
            for state, one in zip(self._problem.states, observed, strict=True)
        ]
        rate = chosen.steps.learning_rate * cosine(turn.iteration, chosen.at_most)
        descent = Descent(chosen.steps, ran, sides, rate, (self._problem.seed, turn.iteration))
        before = {}
        if RAN in memory:
            before = {RAN: memory[RAN]}
            gained, error = descent.change(self._at(memory[RAN], turn.device), held=True)
            turn.row |= {"gained": gained, "gained_stderr": error}
        made = descent.run(potential, memory, lambda own: turn.pause(lambda: own() | before))
        turn.memory = made.memory | {RAN: turn.coefficients}
        turn.row |= {"adam_steps": made.steps, "effective": made.effective, "gain": made.gain}
        return made.weights - turn.coefficients

    def _at(self, weights: np.ndarray, device: torch.device) -> TrainablePotential:
        return trained_part(self._problem.potential(weights, device=device))

    def _sides(self, state: State, frames: Kept, ran: TrainablePotential) -> Sides:
        """Both ensembles at a state point."""
        problem, at = self._problem, (state.temperature, ran.device)
        held = self._held(state)
        return Sides(
            Sample.of(ran, frames, state.temperature, state.cell, problem.at_once),
            AtomisticDraws(problem.frames, state.chosen, *at),
            AtomisticDraws(problem.frames, held, *at) if len(held) else None,
        )

    def _held(self, state: State) -> np.ndarray:
        """Frames of the state point that are not trained on."""
        frames = self._problem.frames
        here = frames.temperatures.double().numpy() == state.temperature
        return np.flatnonzero(here & (frames.folds.numpy() == self._problem.left_out))


def fit_network(
    settings: NetworkSettings,
    frames: Frames,
    variables: dict[str, CollectiveVariableSettings],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit the distribution of all frames but those of fold `member`.

    Args:
        settings: of the potential.
        frames: training data.
        variables: name: collective variable.
        member: fold that is left out.
        seed: of all random numbers.
        report: called with lines of progress.
        job: its restart bundle, or None for a fit in one go.

    Raises:
        InputError: frames have no masses or are too few, the training on forces diverges, the first
            CG run breaks, or steps are too long.
        Stopped: the job was asked to stop.
    """
    chosen = settings.fitting
    check_masses(frames)
    blank = compared(frames)
    histograms = Histograms(blank)
    # Too few frames are refused before the training.
    states = states_of(frames, member, histograms, chosen.smallest_sample)
    with or_temporary(job) as job:
        start = Start.of(job.load())
        if start is None:
            given = settings, frames, variables, member, seed, report
            start = Start.after(force_matching.fit(*given, job))
        problem = NetworkProblem(
            chosen, blank, frames, states, histograms, seed, variables=variables,
            start=start.potential, at_once=settings.training.batch_size, left_out=member,
        )  # fmt: skip
        weights = weights_in(start.potential)
        made = to_end(problem, NetworkEntropy(problem), weights, report, start.following(job))
    return dataclasses.replace(made, about=made.about | {START: start.about})
