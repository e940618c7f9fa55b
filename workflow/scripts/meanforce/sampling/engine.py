"""The stage `sample`: steps copies of a system, stores frames, and can be killed at any moment."""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openmm
from openmm import app

from meanforce.errors import InputError
from meanforce.progress import Progress, Rate
from meanforce.restart.bundle import Bundle
from meanforce.restart.job import Job
from meanforce.sampling.dynamics import Dynamics
from meanforce.sampling.schedule import Schedule
from meanforce.sampling.store import Store
from meanforce.sampling.thermometer import Thermometer, Unstable
from meanforce.settings.campaigns.registry import SampledCampaign

CHECKED_FRAMES = 200
"""In-run unbiased forces are stored for about this many frames, to check the recomputed ones."""

WHOLE_FRAMES = 2**26
"""Most bytes of these frames where others have some atoms only, unless that leaves too few."""

FEWEST_WHOLE = 20
"""Number of them with which forces are checked in any case."""

LOGGED_LINES = 100

STRETCH = 0.5
"""Seconds of stepping after which the engine checks whether it must stop."""

PART = 10**6
"""Steps times atoms between these checks if the random numbers of several copies depend on how
stepping is divided: about a second on a slow machine, and always the same division."""


@dataclasses.dataclass
class Segment:
    """The part of a run that one process did."""

    first_tick: int
    last_tick: int
    seconds: float
    temperature: float
    platform: str

    def line(self, time_step: float, copies: int) -> str:
        """A line of the segment table."""
        sampled = (self.last_tick - self.first_tick) * time_step
        speed = sampled * copies / 1000.0 / max(self.seconds, 1e-9) * 86400.0
        return (
            f"{self.first_tick * time_step:.10g},{self.last_tick * time_step:.10g},"
            f"{self.seconds:.3f},{speed:.2f},{self.temperature:.2f},{self.platform}\n"
        )


SEGMENTS_HEAD = "from_ps,to_ps,wall_s,ns_per_day,temperature_k,platform\n"


class Engine:
    """Runs one job of a campaign.

    Args:
        dynamics: the copies.
        campaign: settings.
        temperature: of the thermostat (of the coldest level), K.
        topology: of the atoms.
        job: its folder and restart bundle.
        report: called with lines of progress.
        atoms: indices of those whose positions and forces are stored; None: positions of all.
    """

    def __init__(
        self,
        dynamics: Dynamics,
        campaign: SampledCampaign,
        temperature: float,
        topology: app.Topology,
        job: Job,
        report: Callable[[str], None],
        atoms: np.ndarray | None = None,
    ) -> None:
        self._atoms = atoms
        self._dynamics, self._campaign, self._job, self._report = dynamics, campaign, job, report
        self._temperature, self._topology = temperature, topology
        self._schedule = Schedule.of(campaign)
        self._tick, self._halved_at = 0, None
        self._part = max(1, PART // (topology.getNumAtoms() * dynamics.copies))
        self._checked = CHECKED_FRAMES
        if atoms is not None:
            fitting = WHOLE_FRAMES // (48 * topology.getNumAtoms())
            self._checked = min(CHECKED_FRAMES, max(FEWEST_WHOLE, fitting))
        self._earlier: list[dict] = []
        self._store: Store | None = None

    def run(self, bundle: Bundle | None, trajectory: Path, log: Path, segments: Path) -> None:
        """Pull windows to their places, equilibrate, let the bias burn in, and store frames.

        Args:
            bundle: where an earlier process stopped, or None.
            trajectory: HDF5 file to write.
            log: CSV file to write.
            segments: CSV file to write: what each process did, and how fast.

        Raises:
            InputError: the run became unstable, or a restart is wrong.
            Stopped: the job was asked to stop.
        """
        self._resume(bundle)
        while True:
            try:
                if bundle is None:
                    self._save()
                self._step_to_end()
                self._save()
                break
            except (Unstable, openmm.OpenMMException) as error:
                bundle = self._mend(error)
        with self._progress.during("writing files"):
            self._finish(trajectory, log, segments)
        self._progress.finish()

    def _resume(self, bundle: Bundle | None) -> None:
        n_atoms = self._topology.getNumAtoms()
        ends = bundle.info["files"] if bundle else None
        if self._store is not None:
            self._store.close()
        self._store = Store(
            self._job.folder,
            n_atoms,
            self._dynamics.n_variables,
            self._dynamics.has_levels,
            ends,
            self._atoms,
        )
        if bundle is not None:
            self._tick, self._halved_at = bundle.info["tick"], bundle.info["halved_at"]
            self._earlier = bundle.info["segments"]
            if self._halved_at is not None:
                self._dynamics.halve_time_step()
            before, now = bundle.info["made_on"], self._dynamics.made_on
            if before != now:
                self._report(f"was on {before} and is on {now}: going on with new random numbers")
            self._dynamics.restore(bundle.arrays, None if before == now else self._tick)
            self._report(f"going on at {self._time():g} ps")
        self._first_tick, self._started = self._tick, time.perf_counter()
        self._progress = self._new_progress()
        interval = self._schedule.per_temperature * self._campaign.time_step
        self._thermometer = Thermometer(
            self._dynamics.degrees_of_freedom,
            self._dynamics.copies,
            interval,
            self._campaign.friction,
        )
        self._rate = 0.0

    def _new_progress(self) -> Progress:
        """Progress of the whole job in ticks, from the present one on."""
        dynamics, end = self._dynamics, self._schedule.end
        nanoseconds = self._campaign.time_step * dynamics.copies / 1000.0
        rate = Rate(f"ns/day on {dynamics.platform.getName()}", nanoseconds * 86400.0)
        return Progress(self._report, end, self._tick, rate)

    def _time(self) -> float:
        """ps since the end of equilibration."""
        return (self._tick - self._schedule.equilibration) * self._campaign.time_step

    def _step_to_end(self) -> None:
        dynamics, schedule = self._dynamics, self._schedule
        while self._tick < schedule.end:
            self._progress.advance(self._tick, schedule.phase(self._tick))
            ticks = schedule.next_event(self._tick, dynamics.period) - self._tick
            if dynamics.divisible and self._rate:
                ticks = min(ticks, max(1, int(self._rate * STRETCH)))
            elif dynamics.divisible:
                ticks = 1
            else:
                ticks = min(ticks, self._part - self._tick % self._part)
            before = time.perf_counter()
            dynamics.advance(ticks)
            self._rate = ticks / max(time.perf_counter() - before, 1e-9)
            self._tick += ticks
            self._happen()
            if self._job.due() or dynamics.wants_bundle(self._time()):
                self._save()
        self._progress.advance(self._tick, "frames")

    def _happen(self) -> None:
        """Everything that happens at this tick."""
        schedule, dynamics = self._schedule, self._dynamics
        if schedule.is_pull(self._tick):
            dynamics.pull(self._tick / schedule.pull)
        if schedule.is_multiple(self._tick, schedule.per_temperature):
            self._thermometer.add(dynamics.temperature_ratios())
        # A frame is stored before the event: it was sampled under the bias and at the level before
        # the event. Otherwise its own hill would enter its weight e^{β(V − c)}.
        if schedule.is_frame(self._tick):
            self._store_frames()
        if schedule.is_multiple(self._tick, dynamics.period):
            dynamics.event(self._time())

    def _store_frames(self) -> None:
        schedule, store = self._schedule, self._store
        number = (self._tick - schedule.equilibration - schedule.burn_in) // schedule.per_frame
        frames = list(self._dynamics.frames(with_forces=self._atoms is not None))
        if (number - 1) % max(1, schedule.frames // self._checked) == 0:
            bias = self._dynamics.bias_forces() if self._dynamics.n_variables else None
            forces, positions = frames[0].forces, frames[0].positions
            if forces is None:
                forces = self._dynamics.unbiased_forces()
            store.add_check(store.n_frames, forces, bias, positions)
        for frame in frames:
            if not np.isfinite(frame.positions).all():
                raise Unstable("its positions are not finite")
            if frame.forces is not None and not np.isfinite(frame.forces).all():
                raise Unstable("its forces are not finite")
            store.add_frame(self._time(), frame)
        if number % max(1, schedule.frames // LOGGED_LINES) == 0:
            energies = self._dynamics.potential_energies()
            ratios = self._dynamics.temperature_ratios()
            for frame in frames:
                store.add_line(
                    self._time(), frame.walker, energies[frame.copy], frame.bias_energy,
                    ratios[frame.copy] * (frame.temperature or self._temperature),
                )  # fmt: skip

    def _segment(self) -> Segment:
        return Segment(
            self._first_tick,
            self._tick,
            time.perf_counter() - self._started,
            self._thermometer.mean * self._temperature,
            self._dynamics.platform.getName(),
        )

    def _save(self) -> None:
        self._thermometer.look(self._dynamics.temperature_ratios())
        self._thermometer.check(self._temperature)
        arrays = self._dynamics.state()
        if not np.isfinite(arrays["energies"]).all():
            raise Unstable("its energy is not finite")
        info = {
            "tick": self._tick,
            "halved_at": self._halved_at,
            "platform": self._dynamics.platform.getName(),
            "made_on": self._dynamics.made_on,
            "files": self._store.positions(),
            "segments": [*self._earlier, dataclasses.asdict(self._segment())],
        }
        try:
            self._job.save(arrays, info)
        finally:
            # Also if the job stops now: others may use what is in the bundle.
            self._dynamics.bundle_written()

    def _mend(self, error: Exception) -> Bundle:
        """Go back to the last bundle with half the time step, or give up.

        Returns:
            the bundle.

        Raises:
            InputError: the settings do not allow it, or it was done before.
        """
        what = (
            f"the run became unstable at step {self._tick} ({self._time():g} ps): {error}; its "
            f"last good frame is number {self._store.n_frames}"
        )
        given = f"{self._campaign.time_step * 1000:g} fs"
        if self._campaign.on_instability != "halve_time_step":
            raise InputError(
                f"{what}; use a smaller time_step (given {given}) or 'on_instability: "
                "halve_time_step'"
            ) from None
        if self._halved_at is not None:
            raise InputError(f"{what}, with half the time_step of {given} too") from None
        bundle = self._job.load()
        if bundle is None:
            raise InputError(f"{what}, before it took a step") from None
        self._report(f"{what}; going back to the last restart bundle with half the time step")
        self._resume(bundle)
        self._dynamics.halve_time_step()
        self._halved_at = self._tick
        return bundle

    def _finish(self, trajectory: Path, log: Path, segments: Path) -> None:
        attributes = {
            "platform": self._dynamics.platform.getName(),
            "temperature": self._temperature,
            "time_step": self._campaign.time_step,
            "campaign": self._campaign.kind,
            "time_step_halved_at_tick": self._halved_at,
        }
        self._store.finish(
            trajectory,
            log,
            self._topology,
            self._dynamics.box(),
            self._dynamics.record(),
            attributes,
        )
        with segments.open("w") as file:
            file.write(SEGMENTS_HEAD)
            for segment in [*self._earlier, dataclasses.asdict(self._segment())]:
                file.write(Segment(**segment).line(self._campaign.time_step, self._dynamics.copies))
        for line in self._dynamics.summary(self._store.scalars()):
            self._report(line)
