"""Fitting method `relative_entropy` of networks: CG runs, and reweighted steps along ∇S.

Shell, J. Chem. Phys. 129, 144108 (2008); Thaler, Stupp, Zavadlav, J. Chem. Phys. 157, 244103
(2022), for networks. A network is trained on forces first, so that the first CG run is already a
fair one.
"""

import dataclasses
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.fitting import force_matching
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.atomistic_draws import AtomisticDraws
from meanforce.fitting.iterative.descent import Descent, Sides, cosine
from meanforce.fitting.iterative.fit import check_masses, to_end
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.iterate import Row
from meanforce.fitting.iterative.network_problem import (
    NetworkProblem,
    compared,
    trained_part,
    weights_in,
)
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.states import State, states_of
from meanforce.fitting.iterative.stored_frames import Sample
from meanforce.fitting.iterative.turn import Turn
from meanforce.fitting.result import Fit
from meanforce.potentials.interface import Potential, TrainablePotential
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.registry import KINDS
from meanforce.potentials.with_prior import WithPrior
from meanforce.restart.bundle import Bundle
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.network import NetworkSettings
from meanforce.units import kt

START = "start"
"""Name in a restart bundle: the potential that was fitted to forces, and how that went."""


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
        """The distances are all."""
        return 0.0

    def errors(self, observed: list[Observed]) -> dict[str, torch.Tensor]:
        """None."""
        return {}

    def update(self, observed: list[Observed], turn: Turn) -> np.ndarray:
        """See `Method`; it adds numbers of the steps to the row of the iteration.

        adam_steps: their number. effective: least fraction of the CG frames that still count after
        them. gain, gain_held_out: by how much they lower S, in nats, by frames that were trained on
        and by those that were not.
        """
        problem, chosen = self._problem, self._problem.settings
        ran, potential = (
            trained_part(problem.potential(turn.coefficients, device=turn.device)) for _ in range(2)
        )
        sides = [
            self._sides(state, one.frames, ran, turn.device)
            for state, one in zip(problem.states, observed, strict=True)
        ]
        rate = chosen.steps.learning_rate * cosine(turn.iteration, chosen.at_most)
        seed = problem.seed, turn.iteration
        made = Descent(chosen.steps, ran, sides, rate, seed).run(potential, turn.memory, turn.pause)
        turn.memory = made.memory
        turn.row |= {"adam_steps": made.steps, "effective": made.effective, "gain": made.gain}
        if made.held is not None:
            turn.row["gain_held_out"] = made.held
        return made.weights - turn.coefficients

    def _sides(
        self, state: State, frames: np.ndarray, ran: TrainablePotential, device: torch.device
    ) -> Sides:
        """Both ensembles at a state point."""
        problem, at = self._problem, (state.temperature, device)
        cell = None if state.cell is None else torch.from_numpy(state.cell)
        positions = torch.from_numpy(np.asarray(frames)).clone()
        there = Configuration(positions, state.temperature, cell).map(
            lambda tensor: tensor.to(device, ran.dtype)
        )
        sample = Sample.of(ran, there, 1 / kt(state.temperature), problem.at_once)
        held = self._held(state)
        return Sides(
            sample,
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
            chosen, blank, frames, states, histograms, seed,
            start=start.potential, at_once=settings.training.batch_size, left_out=member,
        )  # fmt: skip
        weights = weights_in(start.potential)
        made = to_end(problem, NetworkEntropy(problem), weights, report, start.following(job))
    return dataclasses.replace(made, about=made.about | {START: start.about})


@dataclasses.dataclass(frozen=True)
class Start:
    """What training on forces has made.

    Attributes:
        potential: the model, on the CPU.
        about: plain values on that fit.
    """

    potential: Potential
    about: dict[str, Any]

    @classmethod
    def after(cls, fit: Fit) -> "Start":
        """From a fit; as `of` makes it from a bundle, so that both go on alike."""
        arrays, info = _packed(fit.potential, fit.about)
        return cls.of(Bundle(arrays, json.loads(json.dumps(info))))

    @classmethod
    def of(cls, bundle: Bundle | None) -> "Start | None":
        """From a bundle of the job, if it was written after that training."""
        if bundle is None or START not in bundle.info:
            return None
        plain, prefix = bundle.info[START], f"{START}/"
        tensors = {
            # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
            name.removeprefix(prefix): torch.from_numpy(array).clone()
            for name, array in bundle.arrays.items()
            if name.startswith(prefix)
        }
        values = plain["values"]
        kind = WithPrior if "prior" in values else KINDS[plain["kind"]]
        return cls(kind.from_state(tensors, values), plain["about"])

    def following(self, job: Job) -> "AfterStart":
        """The job, whose bundles from now on hold this as well."""
        return AfterStart(job.folder, job.identity, job.stop, job.interval, start=self)


@dataclasses.dataclass
class AfterStart(Job):
    """The part of a job after the training on forces.

    Attributes:
        start: its result.
    """

    start: Start | None = None

    def load(self) -> Bundle | None:
        """The bundle, if it is of this part."""
        bundle = super().load()
        return bundle if bundle is not None and START in bundle.info else None

    def save(self, arrays: dict[str, np.ndarray], info: dict[str, Any]) -> None:
        """Replace the bundle.

        Raises:
            Stopped: the job was asked to stop; the bundle is in place.
        """
        own, plain = _packed(self.start.potential, self.start.about)
        super().save(arrays | own, info | plain)


def _packed(
    potential: Potential, about: dict[str, Any]
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Arrays and plain values of a bundle."""
    tensors, values = potential.state()
    arrays = {f"{START}/{name}": tensor.cpu().numpy() for name, tensor in tensors.items()}
    return arrays, {START: {"kind": potential.kind, "values": values, "about": about}}
