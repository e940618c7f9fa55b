"""Time and memory of a spline fit to many frames of ten beads, and where the time goes.

    python tests/benchmarks/splines.py [--frames 1000000] [--threads 1]

prints rows of the README's table. Nothing else should run on the machine meanwhile.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import torch  # noqa: E402

from meanforce.core.topology import Topology  # noqa: E402
from meanforce.fitting.frames import Frames  # noqa: E402
from meanforce.fitting.registry import fit  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.potentials.registry import Potential  # noqa: E402

BONDS = ((0, 1), (1, 2), (1, 3), (3, 4), (4, 5), (4, 6), (6, 7), (6, 8), (8, 9))
"""Of capped alanine's heavy atoms."""

MADE = 100_000
"""Frames made at once."""


def frames_of(count: int) -> Frames:
    """Ten beads of ten types that shake, with random forces: the hardest case for a fit's speed."""
    generator = torch.Generator().manual_seed(1)
    names = tuple(f"B{number}" for number in range(10))
    base = torch.randn(10, 3, generator=generator) * 0.05
    for i, j in BONDS:
        step = torch.randn(3, generator=generator)
        base[j] = base[i] + 0.15 * step / step.norm()
    positions, forces = torch.empty(2, count, 10, 3)
    for start in range(0, count, MADE):
        part = slice(start, min(start + MADE, count))
        shape = (part.stop - part.start, 10, 3)
        positions[part] = base + 0.01 * torch.randn(shape, generator=generator)
        forces[part] = 500 * torch.randn(shape, generator=generator)
    block = torch.arange(count) * 20 // count
    return Frames(
        positions, forces, torch.full((count,), 300.0), block % 5, block,
        Topology.of_beads(names, names, BONDS),
    )  # fmt: skip


def peak() -> float:
    """MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6


def measure(count: int, threads: int, queue: multiprocessing.Queue) -> None:
    """Fit `count` frames; wall time, processor time, memory in all, memory of the frames."""
    torch.set_num_threads(threads)
    frames = frames_of(count)
    before = peak()
    settings = validated(
        Potential, {"kind": "spline", "terms": {}, "temperature": "none"}, "potential"
    )
    wall, processor = time.perf_counter(), time.process_time()
    result = fit(settings, frames, {}, 0, 0, lambda line: None)
    queue.put(
        (time.perf_counter() - wall, time.process_time() - processor, peak(), before,
         len(result.potential.coefficients))
    )  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=10**6)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    print("| measured | wanted | value |\n|---|---|---|", flush=True)
    context = multiprocessing.get_context("spawn")
    # The time of the linear systems, the same for any number of frames, shows with a tenth of them.
    for count in (arguments.frames // 10, arguments.frames):
        queue = context.Queue()
        process = context.Process(target=measure, args=(count, arguments.threads, queue))
        process.start()
        wall, processor, memory, before, size = queue.get()
        process.join()
        name = f"spline fit, {count:,} frames of 10 beads, {size} coefficients"
        print(f"| {name}: time | < 120 s | **{wall:.0f} s** ({processor:.0f} s of processor) |")
        print(
            f"| the same: memory | < 1000 MB | **{memory:.0f} MB** "
            f"({before:.0f} MB before the fit, frames included) |",
            flush=True,
        )


if __name__ == "__main__":
    main()
