"""Which engine runs a CG model: that of the settings, or the fastest in a short timing."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from meanforce.dynamics import lammps_mover
from meanforce.dynamics.box_checks import check_box
from meanforce.dynamics.engine import CgRun, TorchEngine
from meanforce.dynamics.lammps_mover import LammpsMover
from meanforce.dynamics.openmm_mover import OpenmmMover
from meanforce.dynamics.schedule import Schedule
from meanforce.dynamics.stretches import Mover, Stretch, StretchEngine
from meanforce.errors import InputError
from meanforce.progress import Progress
from meanforce.settings.simulations import constant_volume
from meanforce.tables.curve_tables import Tabulated, is_tabulated, mean_tables

AnyEngine = TorchEngine | StretchEngine

TORCH = ("torch", "")
"""Engine and device of restart bundles that name none."""

WORTH = 1e7
"""Steps times chains times beads from which `auto` times the engines: minutes of run time.

This is a count, not a timing, so that short runs always compute the same bits.
"""

SECONDS = 0.5
"""Run time of each engine in a timing, at least."""

PLATFORMS = {"auto": "auto", "cpu": "CPU", "cuda": "CUDA"}
"""OpenMM's platform for each `device` of the settings."""


def engine_of(
    run: CgRun, report: Callable[[str], None], before: Sequence[str] | None = None
) -> AnyEngine:
    """The engine of a run.

    Args:
        run: what to run.
        report: called with a line on what was chosen.
        before: name and device of the engine of an earlier process of the job, which is kept.

    Raises:
        InputError: the engine cannot run this potential, or is not installed; the start does not
            fit the cell.
    """
    tabulated = None
    if run.starts.cell is not None and is_tabulated(run.potential):
        tabulated = mean_tables(run.potential, float(run.starts.temperature))
    check_box(run, tabulated)
    name, place = before or (run.simulation.engine, "")
    if run.simulation.pressure is not None:
        return _at_constant_pressure(run, tabulated, place)
    if name == "auto" and tabulated is not None and _is_worth_timing(run):
        return _fastest(run, tabulated, report)
    if name in ("auto", "torch"):
        return TorchEngine(run)
    if tabulated is None:
        raise InputError(f"simulation.engine: '{name}' {_needs(run)}; give 'engine: torch'")
    return StretchEngine(run, _mover(run, tabulated, name, place))


def _at_constant_pressure(run: CgRun, tabulated: Tabulated | None, place: str) -> StretchEngine:
    """OpenMM, the only engine whose box changes.

    Raises:
        InputError: it cannot run this.
    """
    if run.simulation.engine not in ("auto", "openmm"):
        raise InputError(f"simulation.engine: {constant_volume(run.simulation.engine)}")
    if tabulated is None:
        raise InputError(
            f"simulation.pressure: a constant pressure {_needs(run)}; give 'pressure: null'"
        )
    return StretchEngine(run, _mover(run, tabulated, "openmm", place))


def _is_worth_timing(run: CgRun) -> bool:
    """Whether other engines than `torch` can do what the settings ask for, in a long run."""
    settings = run.simulation
    schedule = Schedule.of(settings)
    steps = schedule.before_frames + schedule.frames * schedule.per_frame
    plain = settings.bias is None and settings.exchange is None
    return plain and steps * len(run.starts) * run.starts.n_beads >= WORTH


def _needs(run: CgRun) -> str:
    """What an engine of tables needs and this run does not have."""
    if not is_tabulated(run.potential):
        return "runs only tables of a potential of 'terms' (kinds spline and rbf)"
    return (
        "needs a periodic cell, but this run has none (its beads are one molecule, or its data "
        "have no box)"
    )


def _mover(run: CgRun, tabulated: Tabulated, name: str, place: str = "") -> Mover:
    if name == "lammps":
        return LammpsMover(run, tabulated)
    return OpenmmMover(run, tabulated, place or PLATFORMS[run.simulation.device])


def _fastest(run: CgRun, tabulated: Tabulated, report: Callable[[str], None]) -> AnyEngine:
    """The engine with the shortest time of a step of all chains."""
    with Progress(report).during("choosing an engine"):
        torch_engine = TorchEngine(run)
        engines: list[AnyEngine] = [torch_engine]
        times = [_torch_time(torch_engine)]
        for name in ("openmm", "lammps"):
            if name == "lammps" and not lammps_mover.installed():
                continue
            try:
                mover = _mover(run, tabulated, name)
                seconds = len(run.starts) * _mover_time(run, mover)
            except InputError as error:
                report(f"engine {name} is left out ({error})")
                continue
            engines.append(StretchEngine(run, mover))
            times.append(seconds)
    pairs = zip(engines, times, strict=True)
    rates = [f"{one.name} ({one.device}) {1 / seconds:.3g}" for one, seconds in pairs]
    chosen = engines[int(np.argmin(times))]
    report(f"engine {chosen.name}; steps/s of all chains: {', '.join(rates)}")
    return chosen


def _torch_time(engine: TorchEngine) -> float:
    """Time of a step of all chains, s; the run's random numbers stay as they were."""
    state = engine.generator.get_state()
    chains = engine.start()
    engine.step(chains)
    started, best = time.perf_counter(), np.inf
    while time.perf_counter() - started < SECONDS:
        before = time.perf_counter()
        engine.step(chains)
        # Reading a number waits until the device has done its work.
        float(chains.state.positions[0, 0, 0])
        best = min(best, time.perf_counter() - before)
    engine.generator.set_state(state)
    return best


def _mover_time(run: CgRun, mover: Mover) -> float:
    """Time of a step of one chain, s."""
    positions = np.asarray(run.starts.positions[0], dtype=np.float64)
    at_rest, steps = np.zeros_like(positions), 8
    while True:
        moved = mover.move(positions, at_rest, Stretch(steps, 0, 0, 1))
        if not moved.seconds < SECONDS:
            return moved.seconds / steps
        steps *= 4
