"""The CG runs of an iteration, one at each training state point, which can be stopped."""

import dataclasses
from collections.abc import Callable

import numpy as np

from meanforce.dynamics.schedule import Schedule
from meanforce.dynamics.standing import Standing
from meanforce.dynamics.starts import check_starts_on_grid
from meanforce.dynamics.streaming import StreamedRun
from meanforce.fitting.iterative.distances import TermDistance, distances, floors_of, score
from meanforce.fitting.iterative.iterate import Iterate, part_of
from meanforce.fitting.iterative.observer import Observed, Observer
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.states import State
from meanforce.fitting.iterative.turn import Memory
from meanforce.potentials.device import chosen_device
from meanforce.progress import Progress, Rate
from meanforce.restart.bundle import Bundle
from meanforce.restart.job import Job

CLEAR = 5.0
"""Floors from which the distances are clear enough to end a run early."""

RUN = "run/"
SUMS = "observer/"


class Measurement:
    """Runs a potential at all state points.

    Args:
        problem: what does not change.
        now: where the fit is; ends of runs and what they gave are put there.
        report: called with lines of progress.
        job: its restart bundle.
        bundle: of an earlier process, or None.

    Attributes:
        device: where the fit computes.
    """

    def __init__(
        self,
        problem: Problem,
        now: Iterate,
        report: Callable[[str], None],
        job: Job,
        bundle: Bundle | None,
    ) -> None:
        self._problem, self._now, self._report, self._job = problem, now, report, job
        self._bundle = bundle if bundle and "run" in bundle.info else None
        chosen = problem.settings.simulation
        before = bundle.info["device"] if bundle else None
        self.device = chosen_device(chosen.device, "fitting.simulation.device", before)
        self._schedule = Schedule.of(chosen.as_simulation())
        self._each = self._schedule.end * len(problem.states)
        total = self._each * problem.settings.at_most
        done = now.iteration * self._each
        rate = Rate("replica-steps/s", chosen.chains)
        self._progress = Progress(report, total, done, rate, at_most=True)

    def of_states(self) -> list[Observed]:
        """What the CG runs of this iteration give.

        Raises:
            Unstable: one of them broke.
            Stopped: the job was asked to stop.
        """
        for number in range(len(self._now.observed), len(self._problem.states)):
            self._now.observed.append(self._run(number))
        return self._now.observed

    def save(self) -> None:
        """Make a restart bundle between two runs."""
        arrays, plain = self._now.packed()
        self._job.save(arrays, plain | {"device": self.device.type})

    def pause(self, memory: Callable[[], Memory]) -> None:
        """Make a restart bundle within the turn of a method, if it is time for one.

        Args:
            memory: gives what the method is to begin with when the job goes on.

        Raises:
            Stopped: the job was asked to stop.
        """
        if self._job.due():
            self._now.memory = memory()
            self.save()

    def finish(self) -> None:
        """Report the end."""
        self._progress.finish()

    def _run(self, number: int) -> Observed:
        problem, now = self._problem, self._now
        state, chains = problem.states[number], problem.settings.simulation.chains
        rng = np.random.default_rng([problem.seed, now.iteration, number])
        starts = state.starts(problem.frames, chains, rng)
        if number in now.ends:
            starts = dataclasses.replace(starts, positions=now.ends[number])
        run = problem.run(now.coefficients, starts, self.device, (now.iteration, number))
        counted = problem.histograms, run, self._schedule.frames, problem.features
        observer = Observer(*counted, keeps=problem.keeps_frames)
        before = self._restored(observer)
        if before is None and not now.iteration:
            notice = check_starts_on_grid(run, "fitting.simulation")
            if notice is not None:
                self._report(f"warning: {notice}")
        stream = StreamedRun(run, observer, self._report, before, now.engine)
        now.engine = stream.standing.plain["engine"]
        done = now.iteration * self._each + number * self._schedule.end

        def between() -> None:
            self._progress.advance(
                done + stream.chains.step, f"iteration {now.iteration + 1}", self._note
            )
            if observer.may_end() and self._is_clear(state, observer):
                stream.end("the difference is clear")
            if self._job.due():
                self._save(stream, observer)

        stream.to_end(between)
        now.ends[number] = stream.standing.arrays["positions"]
        return observer.observed

    def _note(self) -> str:
        scores = [row["score"] for row in self._now.rows if "score" in row]
        return f"distance {scores[-1]:.3g} floors" if scores else ""

    def _is_clear(self, state: State, observer: Observer) -> bool:
        """Whether the distributions that differ from their targets do so by much more than noise.

        Bonds soon have their distribution, long before g(r) has its own.
        """
        far = [term for term in self.distances(state, observer.observed) if not term.at_floor]
        return bool(far) and score(far, floors_of(far)) > CLEAR

    def distances(self, state: State, observed: Observed) -> list[TermDistance]:
        """Of what a run gave from its targets."""
        counted = self._problem.histograms
        return distances(counted, observed.counts, state.target, state.volume, state.label)

    def _restored(self, observer: Observer) -> Standing | None:
        """Where the run of an earlier process was; only the first run of this one continues it."""
        bundle, self._bundle = self._bundle, None
        if bundle is None:
            return None
        sums = part_of(bundle.arrays, SUMS)
        if sums["weights"].shape != observer.arrays["weights"].shape:
            # The bundle of a version that divided runs in another way: this one begins anew.
            return None
        observer.restore(sums, bundle.info["observed_frames"])
        return Standing(part_of(bundle.arrays, RUN), bundle.info["run"])

    def _save(self, stream: StreamedRun, observer: Observer) -> None:
        """Make a restart bundle within a run."""
        standing, (arrays, plain) = stream.standing, self._now.packed()
        arrays |= {RUN + name: array for name, array in standing.arrays.items()}
        arrays |= {SUMS + name: array for name, array in observer.arrays.items()}
        plain |= {"run": standing.plain, "observed_frames": observer.done}
        self._job.save(arrays, plain | {"device": self.device.type})
