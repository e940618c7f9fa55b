"""Speed of CG dynamics by each engine, against the engine alone, for liquids of growing size.

    python tests/benchmarks/cg_engines.py [--rounds 3] [--sizes 900 3000 30000]

prints rows of a table: steps/s of a chain in a run, with its frames and checks, over steps/s of the
bare engine (OpenMM's integrator, LAMMPS's loop, one step of PyTorch), and how the time of a step
grows with the number of beads. Times are processor time, so that other load changes them little.
"""

import argparse
import copy
import itertools
import os
import re
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

import torch  # noqa: E402
from liquid_boxes import ATOM, box_run, lennard_jones, spline  # noqa: E402

from meanforce.core.topology import Topology  # noqa: E402
from meanforce.dynamics import lammps_mover  # noqa: E402
from meanforce.dynamics.engine import CgRun, TorchEngine  # noqa: E402
from meanforce.dynamics.lammps_mover import LammpsMover  # noqa: E402
from meanforce.dynamics.openmm_mover import OpenmmMover  # noqa: E402
from meanforce.dynamics.stretches import Stretch, StretchEngine  # noqa: E402
from meanforce.tables.curve_tables import Tabulated, mean_tables  # noqa: E402

DENSITY = 18.0
"""Beads in a nm³."""
STRIDE = 100
"""Steps between frames."""
CHAINS = 2


def processor() -> float:
    """Processor seconds of this process and of its children."""
    return sum(os.times()[:4])


def liquid(count: int) -> tuple[CgRun, Tabulated]:
    """A run of a Lennard-Jones liquid."""
    edge, side = (count / DENSITY) ** (1 / 3), int(np.ceil(count ** (1 / 3)))
    places = np.array(list(itertools.product(range(side), repeat=3)))[:count] * edge / side
    positions = places + np.random.default_rng(1).normal(0, 0.01, places.shape)
    molecule = Topology(((ATOM, count),))
    potential = spline(
        molecule, {"pairs": lennard_jones()}, functions=60, ranges={"pairs": (0.28, 0.85)}
    ).to(torch.float32)
    steps = 10**7
    run = box_run(
        potential, molecule, positions.astype(np.float32), edge * np.eye(3), time_step=0.005,
        equilibration=0.0, stride=STRIDE * 0.005, length=steps * 0.005,
    )  # fmt: skip
    return run, mean_tables(potential, 120.0)


class Stretches:
    """Steps by a mover, in a run and bare."""

    def __init__(self, run: CgRun, mover: OpenmmMover | LammpsMover) -> None:
        self._mover, self.engine = mover, StretchEngine(run, mover)
        self._chains = self.engine.start()
        self._run()

    def _run(self) -> int:
        before = self._chains.step
        for _ in self.engine.advance(self._chains):
            pass
        return CHAINS * (self._chains.step - before)

    def ours(self) -> float:
        """Steps of a chain per second."""
        start = processor()
        return self._run() / (processor() - start)


class WithOpenmm(Stretches):
    """OpenMM: bare steps of an integrator in one context."""

    def bare(self, steps: int = 10) -> float:
        """Steps per second."""
        context = self._mover._context(1)
        context.setPositions(self._chains.state.positions[0].numpy())
        context.setVelocities(self._chains.state.velocities[0].numpy())
        integrator = context.getIntegrator()
        integrator.step(steps)
        start = processor()
        integrator.step(4 * steps)
        context.getState(energy=True)
        return 4 * steps / (processor() - start)


class WithLammps(Stretches):
    """LAMMPS with its defaults: the time of its loop, without dumps."""

    def bare(self) -> float:
        """Steps per second."""
        state = self._chains.state
        steps = max(20, self._mover.bead_steps // (16 * state.positions.shape[1]))
        output, mover = [], copy.copy(self._mover)
        mover._package = []
        mover._script = re.sub("^neighbor .*$", "neighbor 2.0 bin", mover._script, flags=re.M)
        mover._run = lambda *a: output.append(LammpsMover._run(mover, *a)) or output[-1]
        mover.move(state.positions[0].numpy(), state.velocities[0].numpy(), Stretch(steps, 0, 0, 1))
        share = float(re.findall(r"([\d.]+)% CPU use", output[0])[-1]) / 100
        return steps / (share * float(re.findall(r"Loop time of (\S+) on", output[0])[-1]))


class WithTorch:
    """PyTorch: steps without frames and checks."""

    def __init__(self, run: CgRun) -> None:
        self.engine = TorchEngine(run)
        self._chains = self.engine.start()
        self._steps = max(20, 600_000 // run.starts.n_beads)
        self.ours()

    def _of(self, work: Callable[[], None]) -> float:
        start = processor()
        work()
        return CHAINS * self._steps / (processor() - start)

    def ours(self) -> float:
        """Steps of a chain per second."""

        def work() -> None:
            for _ in range(self._steps):
                for _ in self.engine.advance(self._chains):
                    pass

        return self._of(work)

    def bare(self) -> float:
        """Steps of a chain per second."""

        def work() -> None:
            for _ in range(self._steps):
                self.engine.step(self._chains)

        return self._of(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[900, 3000, 30000])
    parser.add_argument("--engines", nargs="+", default=["torch", "openmm", "lammps"])
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print("| engine, beads | wanted | ours / bare | range | steps/s of a chain | growth |")
    print("|---|---|---|---|---|---|", flush=True)
    last: dict[str, tuple[int, float]] = {}
    for count in arguments.sizes:
        run, tables = liquid(count)
        for name in arguments.engines:
            if name == "lammps" and not lammps_mover.installed():
                print(f"| {name}, {count} | needs envs/requirements-lammps.txt |", flush=True)
                continue
            with torch.no_grad():
                if name == "torch":
                    case = WithTorch(run)
                elif name == "openmm":
                    case = WithOpenmm(run, OpenmmMover(run, tables, "CPU"))
                else:
                    case = WithLammps(run, LammpsMover(run, tables))
                pairs = [(case.ours(), case.bare()) for _ in range(arguments.rounds)]
            ratios = sorted(ours / bare for ours, bare in pairs)
            rate = statistics.median(ours for ours, _ in pairs)
            growth = "–"
            if name in last:
                beads, before = last[name]
                growth = f"{before / rate:.1f}× for {count / beads:.1f}× the beads"
            last[name] = count, rate
            print(
                f"| {name}, {count} | ≥ 0.9 | **{statistics.median(ratios):.3f}** | "
                f"{ratios[0]:.3f}–{ratios[-1]:.3f} | {rate:.4g} | {growth} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
