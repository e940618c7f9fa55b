"""Speed and memory of the stage `train` for networks.

    python tests/benchmarks/training.py [--rounds 5] [--frames 500000] [--only speed memory]

prints rows of the README's table. Nothing else should run on the machine meanwhile.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from timing import paired  # noqa: E402

from meanforce.core.configuration import Configuration  # noqa: E402
from meanforce.data.h5md import FrameBlock, H5mdWriter  # noqa: E402
from meanforce.fitting.batches import Batches  # noqa: E402
from meanforce.fitting.frames import read_frames  # noqa: E402
from meanforce.fitting.gradient import fit_gradient  # noqa: E402
from meanforce.potentials.cgnet import Cgnet  # noqa: E402
from meanforce.potentials.interface import Start  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.potentials.registry import Potential  # noqa: E402

NAMES = ["CH3", "C", "O", "N", "CA", "CB", "C2", "O2", "N2", "CH3-2"]
BONDS = [[0, 1], [1, 2], [1, 3], [3, 4], [4, 5], [4, 6], [6, 7], [6, 8], [8, 9]]
"""Heavy atoms of capped alanine."""

FEW = 50000
"""Frames of the timings, and of the smaller one of the runs whose memory is compared."""

EPOCHS, FOLDS, BATCH, RATE = 5, 10, 512, 3e-3


def potential(epochs: int) -> dict:
    """The default run's network."""
    training = {"weight_decay": 0.0, "epochs": epochs, "batch_size": BATCH, "learning_rate": RATE}
    return {
        "kind": "cgnet", "hidden": [192, 192, 192], "temperature": "none", "training": training
    }  # fmt: skip


def write_dataset(path: Path, count: int) -> None:
    """A molecule that shakes and tumbles, under random forces."""
    rng = np.random.default_rng(1)
    start = 0.12 * np.cumsum(rng.normal(size=(len(NAMES), 3)), axis=0)
    parameters = {"bead_names": NAMES, "bonds": BONDS, "temperature": 300.0}
    with H5mdWriter(path, np.ones(len(NAMES)), parameters, with_forces=True) as writer:
        for first in range(0, count, 10000):
            n = min(10000, count - first)
            axes, _ = np.linalg.qr(rng.normal(size=(n, 3, 3)))
            positions = np.matmul(start + rng.normal(0, 0.01, (n, *start.shape)), axes)
            flat = np.zeros(n)
            writer.append(FrameBlock(
                positions, 0.04 * np.arange(first, first + n), flat, flat, flat.astype(int),
                force=rng.normal(0, 1000, positions.shape),
            ))  # fmt: skip


class Case:
    """One dataset, trained on by the stage's function, and by a loop with nothing around it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.path = folder, folder / "few.h5"
        write_dataset(self.path, FEW)
        self.settings = validated(Potential, potential(EPOCHS), "potential")
        self.frames = self.read()

    def read(self):
        """Frames as the stage's program reads them."""
        return read_frames([self.path], FOLDS, folder=self.folder)

    def stage(self) -> None:
        """Everything that the stage does with frames that are read, validation included."""
        fit_gradient(self.settings, self.frames, {}, 0, 1, lambda line: None)

    def minimal(self) -> None:
        """The same network, the same number of batches; no validation, clipping or bookkeeping."""
        generator = torch.Generator().manual_seed(1)
        training = self.frames.select(self.frames.folds != 0)
        start = Start(training.molecule, training.configurations.select(slice(0, 1000)), [300.0])
        network = Cgnet.initial(self.settings, start, generator)
        weights = [tensor.requires_grad_(True) for tensor in network.trainable()]
        optimiser = torch.optim.Adam(weights, lr=RATE)
        for _ in range(EPOCHS):
            for batch in torch.randperm(len(training), generator=generator).split(BATCH)[:-1]:
                _, forces = network.energy_and_forces(
                    Configuration(training.positions[batch], 300.0)
                )
                loss = (forces - training.forces[batch]).square().mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()

    def loading(self) -> float:
        """Seconds to read the dataset and to make all batches of all epochs."""
        start = time.perf_counter()
        batches = Batches(self.read(), 0, BATCH)
        generator = torch.Generator().manual_seed(1)
        for _ in range(EPOCHS):
            for batch in batches.epoch(generator):
                assert len(batch) == BATCH
        return time.perf_counter() - start


def speed(folder: Path, rounds: int) -> list[str]:
    """Training against the minimal loop, and the part of the time that loading takes."""
    case = Case(folder)
    result = paired(case.stage, case.minimal, rounds)
    rows = [result.row(f"training with validation / minimal loop ({FEW:,} frames)", "≥ 0.90")]
    for number, what in enumerate(("training", "minimal loop")):
        seconds = statistics.median(times[number] for times in result.times)
        rate = EPOCHS * (1 - 1 / FOLDS) * FEW / seconds / 1e3
        rows.append(f"| {what}: thousand frames a second | | {rate:.0f} | |")
    shares = []
    for _ in range(rounds):
        loading, start = case.loading(), time.perf_counter()
        case.stage()
        shares.append(loading / (time.perf_counter() - start))
    low, high = 100 * min(shares), 100 * max(shares)
    middle = 100 * statistics.median(shares)
    what = f"loading, of the time of {EPOCHS} epochs"
    return [*rows, f"| {what} | < 5 % | **{middle:.1f} %** | {low:.1f}–{high:.1f} % |"]


def memory(folder: Path, many: int) -> list[str]:
    """Peak memory of the stage's program for few and for many frames."""
    peaks = {}
    for count in (FEW, many):
        path = folder / f"{count}.h5"
        write_dataset(path, count)
        settings = {
            "potential": potential(1), "collective_variables": {}, "weights": "none",
            "windows": None, "datasets_per_replica": None, "member": 0, "folds": FOLDS, "seed": 1,
        }  # fmt: skip
        program = ROOT / "workflow" / "scripts" / "train.py"
        process = subprocess.Popen(
            [
                sys.executable, program, "--datasets", path, "--settings", json.dumps(settings),
                "--model", folder / "model.safetensors", "--curve", folder / "curve.csv",
            ],
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        assert status == 0
        peaks[count] = usage.ru_maxrss * 1024 / 1e6
        path.unlink()
    low, high = peaks[FEW], peaks[many]
    what = f"peak memory, {many:,} frames / {FEW:,}"
    return [f"| {what} | flat | **{high / low:.2f}** | {low:.0f} and {high:.0f} MB |"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=500000, help="of the larger run for memory")
    parser.add_argument("--only", nargs="*", help="of: speed, memory")
    arguments = parser.parse_args()
    wanted = set(arguments.only or ["speed", "memory"])
    torch.set_num_threads(1)
    print("| measured | wanted | median | range |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if "speed" in wanted:
            print("\n".join(speed(Path(folder), arguments.rounds)), flush=True)
        if "memory" in wanted:
            print("\n".join(memory(Path(folder), arguments.frames)), flush=True)


if __name__ == "__main__":
    main()
