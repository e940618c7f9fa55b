"""Speed of CG dynamics: of its parts, against the machine, against JAX, and through OpenMM.

    python tests/benchmarks/dynamics.py [--rounds 5] [--threads 1] [--jax PYTHON]

prints the rows of the table in docs/speed.md, on one thread, as the workflow's jobs run. JAX needs
an environment of its own; PYTHON is its interpreter. Nothing else should run on the machine
meanwhile; where that is not possible, `--cpu-time` counts CPU seconds of one thread instead.
Compiling takes minutes.
"""

import argparse
import functools
import itertools
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openmm
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from timing import Clock, Ratio, paired  # noqa: E402

from meanforce.core.configuration import Configuration  # noqa: E402
from meanforce.core.topology import Topology  # noqa: E402
from meanforce.deployment.system import build_system  # noqa: E402
from meanforce.dynamics import compiled as compiling  # noqa: E402
from meanforce.dynamics import engine as stepping  # noqa: E402
from meanforce.dynamics.engine import CgRun, TorchEngine  # noqa: E402
from meanforce.dynamics.job import sample_to_file  # noqa: E402
from meanforce.dynamics.langevin import chains_last  # noqa: E402
from meanforce.dynamics.schedule import AT_ONCE  # noqa: E402
from meanforce.dynamics.system import CgSystem  # noqa: E402
from meanforce.potentials.cgnet import Cgnet  # noqa: E402
from meanforce.potentials.interface import EnsembleMean, Start  # noqa: E402
from meanforce.potentials.local_cgnet import LocalCgnet  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.potentials.registry import Potential  # noqa: E402
from meanforce.settings.simulations import SimulationSettings  # noqa: E402

TEMPERATURE = 300.0
TIME_STEP, STRIDE = 1e-5, 4e-4
"""Short, so that an untrained network does not drive beads to where activations are denormal."""
REPLICAS = (100, 1000, 5000)
SECONDS = 1.0
"""CPU time of one timed turn."""

CASES = {
    # Published speeds are for this one: pair distances only.
    "distances": ([128, 128, 128], False),
    "default": ([192, 192, 192], True),
}
"""Widths, and whether beads are bonded, so that angles and dihedrals are features too."""

WIDTHS = {"cgnet": [128] * 3, "local_cgnet": [32, 32]}
"""Of the networks that are compared at several numbers of beads; `local_cgnet`'s default."""


def chain(beads: int, bonded: bool) -> Topology:
    names = tuple(f"B{number}" for number in range(beads))
    return Topology.of_beads(
        names, names, tuple(itertools.pairwise(range(beads))) if bonded else ()
    )


def compact(replicas: int, beads: int) -> torch.Tensor:
    """Configurations about a curled chain, nm, shape (replicas, beads, 3)."""
    turn = torch.arange(beads) * 1.7
    curl = torch.stack([0.15 * turn.cos(), 0.15 * turn.sin(), 0.06 * turn], dim=1)
    noise = torch.randn(replicas, beads, 3, generator=torch.Generator().manual_seed(2))
    return chains_last(curl + 0.01 * noise)


def in_one_call(
    forces: Callable[[torch.Tensor], torch.Tensor], chains: int, beads: int
) -> tuple[Callable[[torch.Tensor], tuple[torch.Tensor, ...]], int]:
    """Forces as compiled code evaluates them in one call, one after the other as in a run.

    Returns:
        what gives the last ones and the positions that belong to them, and how many there are.
    """
    small = compiling.chains_in_a_call(chains, beads) * beads <= compiling.SMALL
    count = AT_ONCE if small else 1

    def chained(positions: torch.Tensor) -> tuple[torch.Tensor, ...]:
        # In the order of the memory, as in a run.
        beads_first = positions.permute(1, 2, 0)
        for _ in range(count):
            found = forces(beads_first.permute(2, 0, 1)).permute(1, 2, 0)
            beads_first = torch.add(beads_first, found, alpha=1e-9)
        return beads_first.permute(2, 0, 1), found.permute(2, 0, 1)

    return chained, count


def network(beads: int, hidden: list[int], bonded: bool, kind: str = "cgnet") -> Cgnet | LocalCgnet:
    settings = validated(
        Potential, {"kind": kind, "hidden": hidden, "training": {"epochs": 1}}, "potential"
    )
    generator = torch.Generator().manual_seed(1)
    start = Start(
        chain(beads, bonded), Configuration(compact(200, beads), TEMPERATURE), [TEMPERATURE]
    )
    return {"cgnet": Cgnet, "local_cgnet": LocalCgnet}[kind].initial(settings, start, generator)


def operations(model: Cgnet) -> int:
    """Floating-point operations of the network's matrix products: energy and gradient."""
    widths = [len(model.tensors["mean"]), *model.values["hidden"], 1]
    return 4 * sum(a * b for a, b in itertools.pairwise(widths))


def products(model: Cgnet, replicas: int) -> Callable[[], None]:
    """The network's matrix products alone, of energy and gradient: what its shapes allow."""
    widths = [len(model.tensors["mean"]), *model.values["hidden"]]
    shapes = itertools.pairwise(widths)
    pairs = [(torch.randn(replicas, a), torch.randn(a, b)) for a, b in shapes]
    pairs += [(torch.randn(len(a), w.shape[1]), w.T) for a, w in pairs]

    def multiply() -> None:
        for a, b in pairs:
            a @ b

    return multiply


def forces_of(model: Cgnet) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda positions: model.energy_and_forces(Configuration(positions, TEMPERATURE))[1]


class Repeated:
    """Repeats a function often enough to be timed; `count` is the number of repeats."""

    def __init__(self, function: Callable[[], object]) -> None:
        function()
        # CPU time: also on a busy machine, turns must be long compared with the fixed cost of a
        # run.
        start = time.process_time()
        for _ in range(10):
            function()
        self._function = function
        self.count = max(1, int(10 * SECONDS / (time.process_time() - start)))

    def __call__(self) -> None:
        for _ in range(self.count):
            self._function()


def rates(ratio: Ratio, first: float, second: float) -> tuple[float, float]:
    """Median rates of both sides of a ratio, from how much each does in a turn."""
    return tuple(
        statistics.median(amount / seconds[side] for seconds in ratio.times)
        for side, amount in enumerate((first, second))
    )


def per_work(ratio: Ratio, first: float, second: float) -> Ratio:
    """Ratio of rates, where one turn of the first does another amount of work than the second."""
    return Ratio([r * first / second for r in ratio.ratios], ratio.times)


def whole_run(model: Cgnet, replicas: int, steps: int) -> Callable[[], None]:
    """The stage's whole run, compiled as a long one: steps, frames, checks of stability, files."""
    length = steps * TIME_STEP
    settings = SimulationSettings.model_validate(
        {
            "chains": replicas, "time_step": TIME_STEP, "friction": 2.0, "equilibration": 0.0,
            "length": length, "stride": min(STRIDE, length), "device": "cpu",
            "until": None,
        },
        context={"internal": True},
    )  # fmt: skip
    molecule = Topology.of(model.values)
    starts = compact(replicas, molecule.size).contiguous().numpy()
    system = CgSystem(molecule, np.full(molecule.size, 12.0))

    def cg_run() -> CgRun:
        generator = torch.Generator().manual_seed(1)
        return CgRun(model, Configuration(starts, TEMPERATURE), settings, generator, system)

    # Once for all turns: the time of compilation is not measured here.
    made: list[compiling.Function] = []

    def compile_once(function, arguments, report) -> compiling.Function:
        if not made:
            made.append(compile_or_say(function, arguments))
        return made[0]

    def run() -> None:
        stepping.pays, stepping.compiled = lambda *unused: True, compile_once
        with tempfile.TemporaryDirectory() as folder:
            sample_to_file(cg_run(), Path(folder) / "cg.h5", lambda line: None)

    with torch.no_grad():
        stepping.LONG = 1
        engine = TorchEngine(cg_run())
        chains = engine.start()
        chains.compiled = True
        stepping.compiled = compile_once
        engine.prepare(chains, print)
    return run


def compile_or_say(function, arguments):
    return compiling.compiled(function, arguments, lambda line: print(f"({line})"))


def row(what: str, wanted: str, ratio: Ratio, note: str) -> None:
    print(ratio.row(what, wanted) + f" {note} |", flush=True)


def dynamics(name: str, rounds: int, clock: Clock) -> None:
    """Whole steps against bare forces, and these against matrix products and uncompiled ones."""
    hidden, bonded = CASES[name]
    model = network(10, hidden, bonded)
    plain = forces_of(model)
    a, b = torch.randn(2000, 2000), torch.randn(2000, 2000)
    product, clocks = Repeated(lambda: a @ b), (clock, clock)
    for replicas in REPLICAS:
        positions = compact(replicas, 10)
        chained, count = in_one_call(plain, replicas, 10)
        fast = compile_or_say(chained, (positions,))
        bare = Repeated(lambda f=fast, x=positions: f(x))
        evaluations = bare.count * count
        at = f"`{name}`, {replicas} replicas"
        run = whole_run(model, replicas, evaluations)
        ratio = paired(run, bare, rounds, clocks)
        step, force = (r / 1e3 for r in rates(ratio, *[evaluations * replicas] * 2))
        note = f"{step:.0f} k and {force:.0f} k replica-steps/s"
        row(f"{at}: whole run / bare compiled forces", "≥ 0.8", ratio, note)
        work = evaluations * replicas * operations(model), product.count * 2 * 2000**3
        timed = paired(bare, product, rounds, clocks)
        force, limit = (r / 1e9 for r in rates(timed, *work))
        note = f"{force:.0f} and {limit:.0f} GFLOP/s"
        row(f"{at}: forces / matrix product", "≥ 0.4", per_work(timed, *work), note)
        alone = Repeated(products(model, replicas))
        work = alone.count * replicas * operations(model), work[1]
        timed = per_work(paired(alone, product, rounds, clocks), *work)
        row(f"{at}: the network's products alone / matrix product", "", timed, "")
        slow = Repeated(lambda x=positions: plain(x))
        timed = per_work(paired(bare, slow, rounds, clocks), evaluations, slow.count)
        row(f"{at}: compiled / not compiled", "> 1", timed, "")


def against_jax(python: str | None, threads: int, rounds: int, clock: Clock) -> None:
    """Dynamics with the same network in JAX, in turns with ours; 1,000 replicas."""
    if python is None or not Path(python).exists():
        print("(JAX skipped: no interpreter of an environment that has it; give --jax PYTHON)")
        return
    hidden, bonded = CASES["distances"]
    model, replicas = network(10, hidden, bonded), 1000
    peer = subprocess.Popen(
        [python, Path(__file__).with_name("jax_dynamics.py"), str(replicas), str(threads)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip

    steps, spent = int(peer.stdout.readline()), [0.0]

    def turn() -> None:
        peer.stdin.write("go\n")
        peer.stdin.flush()
        spent.append(float(peer.stdout.readline()))

    clocks = (clock, clock if clock is time.perf_counter else lambda: spent[-1])
    ratio = paired(whole_run(model, replicas, steps), turn, rounds, clocks)
    ours, theirs = (r / 1e3 for r in rates(ratio, *[steps * replicas] * 2))
    note = f"{ours:.0f} k and {theirs:.0f} k replica-steps/s"
    row("`distances`, 1000 replicas: whole run / JAX, jitted", "> 1", ratio, note)
    peer.stdin.close()
    peer.wait()


def through_openmm() -> None:
    """Steps/s of one replica as a PythonForce on the Reference platform."""
    for name, (hidden, bonded) in CASES.items():
        model = network(10, hidden, bonded)
        system = build_system(EnsembleMean([model]), np.full(10, 12.0), TEMPERATURE)
        integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, 2.0, TIME_STEP)
        platform = openmm.Platform.getPlatformByName("Reference")
        context = openmm.Context(system, integrator, platform)
        context.setPositions(compact(1, 10)[0].double().numpy())
        steps = Repeated(lambda: integrator.step(10))  # noqa: B023
        start = time.perf_counter()
        steps()
        rate = 10 * steps.count / (time.perf_counter() - start)
        print(f"| `{name}`, one replica through PythonForce | | {rate:.0f} steps/s | |", flush=True)


def cost() -> None:
    """Replica-steps/s of forces against beads and replicas; 100 and 1,000 also compiled."""
    for beads, kind in itertools.product((10, 27, 50, 100, 200), ("cgnet", "local_cgnet")):
        torch._dynamo.reset()
        model, rates = network(beads, WIDTHS[kind], True, kind), []
        plain = forces_of(model)
        for replicas in (10, 100, 1000):
            if beads * beads * replicas > 1e7:
                rates.append("")
                continue
            positions = compact(replicas, beads)
            rates.append(rate(lambda x=positions: plain(x), replicas))  # noqa: B023
        for replicas in (100, 1000):
            positions = compact(replicas, beads)
            chained, count = in_one_call(plain, replicas, beads)
            fast = compile_or_say(chained, (positions,))
            work = functools.partial(fast, positions)
            rates.append(rate(work, replicas * count))
        print(f"| {beads} beads, `{kind}` | {' | '.join(rates)} |", flush=True)


def rate(function: Callable[[], object], amount: int) -> str:
    """Thousands of an amount of work in a second."""
    work, seconds = Repeated(function), []
    for _ in range(3):
        start = time.process_time()
        work()
        seconds.append((time.process_time() - start) / work.count)
    return f"{amount / statistics.median(seconds) / 1e3:.3g} k"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--cpu-time", action="store_true", help="CPU seconds in place of seconds")
    parser.add_argument("--jax", help="Python interpreter of an environment with JAX")
    parts = ("distances", "default", "jax", "openmm", "cost")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    clock = time.process_time if arguments.cpu_time else time.perf_counter
    print(f"| what, {arguments.threads} threads | wanted | measured | range | |")
    print("|---|---|---|---|---|", flush=True)
    with torch.no_grad():
        for part in arguments.only:
            if part in CASES:
                dynamics(part, arguments.rounds, clock)
            elif part == "jax":
                against_jax(arguments.jax, arguments.threads, arguments.rounds, clock)
            elif part == "openmm":
                through_openmm()
            else:
                cost()


if __name__ == "__main__":
    main()
