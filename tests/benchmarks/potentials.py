"""Kinds of potentials side by side: time, error and speed of each on the same frames.

    python tests/benchmarks/potentials.py DATASET [--only spline cgnet ...] [--frames N]

takes a mapped dataset, such as results/capped_alanine/T300/metadynamics/1/heavy.h5 of
config/capped_alanine_300K.yaml, and prints rows of the README's table. One time block in ten is
left out; errors are those on it. The speed is that of forces of 100 replicas, compiled as in long
CG runs. MACE needs envs/requirements-mace.txt. Times are CPU seconds of one thread.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.core.configuration import Configuration  # noqa: E402
from meanforce.data.dataset import Dataset  # noqa: E402
from meanforce.dynamics.compiled import compiled  # noqa: E402
from meanforce.dynamics.langevin import chains_last  # noqa: E402
from meanforce.fitting.frames import FrameChoice, Frames, read_frames  # noqa: E402
from meanforce.fitting.registry import fit  # noqa: E402
from meanforce.potentials.interface import Potential  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.potentials.registry import Potential as Settings  # noqa: E402

FOLDS = 10
REPLICAS, ROUNDS, TEMPERATURE = 100, 5, 300.0
LEFT_OUT = 0
UNIT = (4.184 * 10) ** 2
"""(kJ/mol/nm)² in (kcal/mol/Å)²."""

PRIOR = {"bonds": "harmonic", "angles": "harmonic"}
NETWORK = {"temperature": "none", "prior": PRIOR}
KINDS = {
    "spline": {"kind": "spline", "terms": {}, "temperature": "none"},
    "cgnet": {
        "kind": "cgnet", "hidden": [192, 192, 192],
        "training": {"weight_decay": 0.0, "epochs": 40, "batch_size": 256, "patience": 8},
    } | NETWORK,
    "local_cgnet": {
        "kind": "local_cgnet",
        "training": {"weight_decay": 0.0, "epochs": 40, "batch_size": 256, "patience": 8},
    } | NETWORK,
    "mace": {
        "kind": "mace", "channels": 16, "max_L": 0,
        "training": {"weight_decay": 0.0, "epochs": 10, "batch_size": 32, "learning_rate": 0.01},
    } | NETWORK,
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--only", nargs="+", default=list(KINDS), choices=list(KINDS))
    parser.add_argument("--frames", type=int, default=50000)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    available = sum(len(part.frames) for part in Dataset.of([arguments.dataset]).parts)
    wanted = arguments.frames
    if available < wanted:
        raise SystemExit(f"{arguments.dataset}: has {available} frames, but {wanted} are wanted")
    frames = read_frames([arguments.dataset], FOLDS, choice=FrameChoice(stride=available // wanted))
    frames = frames.select(slice(0, wanted))
    print("| kind | time (s) | force error on blocks left out, (kcal/mol/Å)² | replica-steps/s |")
    print("|---|---|---|---|")
    mean_square = squares(frames, lambda part: torch.zeros_like(part.forces))
    print(f"| no forces at all | | {mean_square:.1f} | |", flush=True)
    for kind in arguments.only:
        settings = validated(Settings, KINDS[kind], kind)
        start = time.process_time()
        potential = fit(settings, frames, {}, LEFT_OUT, 1, lambda line: None).potential
        seconds = time.process_time() - start
        rate = speed(potential, frames) / 1e3
        row = f"| {kind} | {seconds:.0f} | {error(potential, frames):.2f} | {rate:.1f} k |"
        print(row, flush=True)


@torch.no_grad()
def speed(potential: Potential, frames: Frames) -> float:
    """Replica-steps in a second of one thread: forces of 100 replicas."""
    some = frames.positions[:: len(frames) // REPLICAS][:REPLICAS].to(potential.dtype)
    positions = chains_last(some)

    def forces(beads: torch.Tensor) -> tuple[torch.Tensor]:
        return (potential.energy_and_forces(Configuration(beads, TEMPERATURE))[1],)

    fast = forces if potential.kind == "mace" else compiled(forces, (positions,), print)
    fast(positions)
    seconds = []
    for _ in range(ROUNDS):
        start, steps = time.process_time(), 0
        while time.process_time() < start + 1.0:
            fast(positions)
            steps += 1
        seconds.append((time.process_time() - start) / steps)
    return REPLICAS / statistics.median(seconds)


@torch.no_grad()
def error(potential: Potential, frames: Frames) -> float:
    """Error of the potential's forces on the blocks left out."""

    def forces(part: Frames) -> torch.Tensor:
        positions = part.positions.to(potential.dtype)
        return potential.energy_and_forces(Configuration(positions, part.temperatures))[1].to(
            part.forces.dtype
        )

    return squares(frames, forces)


def squares(frames: Frames, predicted: Callable[[Frames], torch.Tensor]) -> float:
    """Mean square of f − predicted per component, in (kcal/mol/Å)², as training losses are."""
    total, count = 0.0, 0
    for part in frames.chunks(1000, LEFT_OUT):
        total += (part.forces - predicted(part)).double().square().sum().item()
        count += part.forces.numel()
    return total / count / UNIT


if __name__ == "__main__":
    main()
