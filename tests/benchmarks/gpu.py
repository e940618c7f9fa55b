"""Speed of CG dynamics and of training on a GPU, or on a processor.

    python tests/benchmarks/gpu.py [--rounds 3] [--beads 10 27 100] [--replicas 100 1000 5000 50000]
        [--compile]

prints rows of the table of docs/speed.md. `cgnet` of three layers of 128, on a chain of beads with
bonds. Steps as they are; on a GPU, recorded as a CUDA graph; and compiled, then recorded there.
Compiling takes half a minute for each row.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow" / "scripts"))

from dynamics import TEMPERATURE, TIME_STEP, chain, compact, network

from meanforce.core.configuration import Configuration
from meanforce.dynamics.engine import CgRun, TorchEngine
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.cgnet import Cgnet
from meanforce.potentials.device import chosen_device
from meanforce.settings.simulations import SimulationSettings

HIDDEN, SECONDS, LARGEST = [128, 128, 128], 0.5, 3e6
"""Widths; of one timing; replicas times beads that are tried at most."""


def engine_of(beads: int, replicas: int, device: torch.device) -> TorchEngine:
    """A CG run of an untrained network, with a time step at which it cannot break."""
    model = network(beads, HIDDEN, True).to(device=device)
    settings = SimulationSettings.model_validate(
        {
            "chains": replicas, "time_step": TIME_STEP, "friction": 2.0, "equilibration": 0.0,
            "length": 1.0, "stride": 1.0, "until": None,
        },
        context={"internal": True},
    )  # fmt: skip
    starts = Configuration(compact(replicas, beads).contiguous().numpy(), TEMPERATURE)
    system = CgSystem(chain(beads, True), np.full(beads, 12.0))
    generator = torch.Generator(device).manual_seed(1)
    return TorchEngine(CgRun(model, starts, settings, generator, system))


def seconds_each(function: Callable[[], object], rounds: int) -> float:
    """Median over rounds of the time of one call; the GPU has done its work then."""
    function()
    count, times = 4, []
    while len(times) < rounds:
        started = time.perf_counter()
        for _ in range(count):
            function()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        spent = time.perf_counter() - started
        if spent < SECONDS / 2:
            count = int(count * max(2.0, min(50.0, SECONDS / spent)))
        else:
            times.append(spent / count)
    return statistics.median(times)


def stepping(beads: int, replicas: int, device: torch.device, way: str) -> float:
    """Seconds that an engine takes for a step."""
    # After a number of runs of other sizes, PyTorch would compile no more.
    torch._dynamo.reset()
    engine = engine_of(beads, replicas, device)
    chains = engine.start()
    chains.compiled = way == "compiled"
    if way != "as it is":
        engine.prepare(chains, lambda line: print(f"({line})"))
    each = seconds_each(lambda: engine.step(chains), ARGUMENTS.rounds)
    before = chains.step
    engine.step(chains)
    return each / (chains.step - before)


def dynamics_row(beads: int, replicas: int, device: torch.device, ways: list[str]) -> None:
    rates = [f"{replicas / stepping(beads, replicas, device, way) / 1e3:.3g}" for way in ways]
    print(f"| {beads} beads, {replicas} replicas | {' | '.join(rates)} |", flush=True)


def training_row(batch: int, device: torch.device) -> None:
    """Steps of Adam a second with a batch of forces that stays on the device."""
    model: Cgnet = network(10, HIDDEN, True).to(device=device)
    weights = [tensor.requires_grad_(True) for tensor in model.trainable()]
    optimiser = torch.optim.Adam(weights, lr=1e-3)
    positions = Configuration(compact(batch, 10).contiguous().to(device), TEMPERATURE)

    def one() -> None:
        _, forces = model.energy_and_forces(positions)
        loss = forces.square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    rate = 1 / seconds_each(one, ARGUMENTS.rounds)
    print(f"| training, batches of {batch} | {rate:.0f} steps/s |", flush=True)


def main() -> None:
    device = chosen_device(ARGUMENTS.device, "--device")
    name = torch.cuda.get_device_name() if device.type == "cuda" else "CPU"
    ways = ["as it is"]
    if device.type == "cuda":
        ways.append("recorded")
    if ARGUMENTS.compile:
        ways.append("compiled")
    title = f"{name}, PyTorch {torch.__version__}; thousand replica-steps/s"
    print(f"| {' | '.join([title, *ways])} |")
    print("|---" * (len(ways) + 1) + "|", flush=True)
    with torch.no_grad():
        for beads in ARGUMENTS.beads:
            for replicas in ARGUMENTS.replicas:
                if beads * replicas <= LARGEST:
                    dynamics_row(beads, replicas, device, ways)
    for batch in (256, 512, 4096):
        training_row(batch, device)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--beads", type=int, nargs="+", default=[10, 27, 100])
    parser.add_argument("--replicas", type=int, nargs="+", default=[100, 1000, 5000, 50000])
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument("--compile", action="store_true", help="compiled steps as well")
    ARGUMENTS = parser.parse_args()
    main()
