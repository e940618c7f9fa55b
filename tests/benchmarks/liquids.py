"""Force matching of a liquid: frames a second, where the time goes, and memory.

    python tests/benchmarks/liquids.py [--frames 200] [--only speed profile memory]

prints rows of a table. Speed is the ratio of the streamed normal equations to those with all pairs
listed, in turns in one process, for a box that both can take. Nothing else should run meanwhile.
"""

import argparse
import cProfile
import multiprocessing
import os
import pstats
import resource
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from timing import paired  # noqa: E402

from meanforce.core.molecule_type import MoleculeType  # noqa: E402
from meanforce.core.topology import Topology  # noqa: E402
from meanforce.fitting.frames import Frames  # noqa: E402
from meanforce.fitting.linear import without_coefficients  # noqa: E402
from meanforce.fitting.normal_equations import NormalEquations  # noqa: E402
from meanforce.fitting.registry import fit  # noqa: E402
from meanforce.fitting.storage import Storage  # noqa: E402
from meanforce.fitting.streamed import StreamedEquations  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.potentials.registry import Potential  # noqa: E402

PROPANE = MoleculeType("PRP", ("A", "B", "C"), ("CH3", "CH2", "CH3"), ((0, 1), (1, 2)))
DENSITY = 8.666
"""Molecules per nm³, as propane at 200 K."""

SHAPE = np.array([[-0.139, -0.092, 0.0], [0.0, 0.0, 0.0], [0.139, -0.092, 0.0]])


def liquid(molecules: int, count: int, folder: Path | None = None) -> Frames:
    """Propanes that shake about a lattice, under random forces."""
    edge = (molecules / DENSITY) ** (1 / 3)
    per_side = int(np.ceil(molecules ** (1 / 3)))
    lattice = np.stack(np.meshgrid(*[np.arange(per_side)] * 3), -1).reshape(-1, 3)[:molecules]
    base = (lattice[:, None] * edge / per_side + SHAPE).reshape(-1, 3)
    storage = Storage(folder)

    def shaken(seed: int, scale: float, middle: np.ndarray | float):
        rng = np.random.default_rng(seed)
        for _ in range(count):
            yield (middle + scale * rng.normal(size=base.shape)).astype(np.float32)[None]

    block = torch.arange(count) * 20 // count
    return Frames(
        storage.keep(shaken(1, 0.01, base)), storage.keep(shaken(2, 500.0, 0.0)),
        torch.full((count,), 200.0), block % 5, block, Topology(((PROPANE, molecules),)),
        cells=torch.eye(3).repeat(count, 1, 1) * edge, storage=storage,
    )  # fmt: skip


def spline(cutoff: float):
    """Settings with all defaults but the cutoff."""
    return validated(
        Potential,
        {"kind": "spline", "terms": {"pairs": {"cutoff": cutoff}}, "temperature": "none"},
        "potential",
    )


def speed(rounds: int) -> list[str]:
    """Both ways of adding normal equations up, on 30 molecules."""
    frames = liquid(30, 100)
    blank = without_coefficients(spline(0.7), frames, {})
    ratio = paired(
        lambda: StreamedEquations(blank, frames), lambda: NormalEquations(blank, frames), rounds
    )
    return [ratio.row("streamed / all pairs listed, 90 beads", "> 1")]


def profile(count: int) -> list[str]:
    """Frames a second with 1,500 beads, and the share of each part."""
    frames = liquid(500, count)
    blank = without_coefficients(spline(1.2), frames, {})
    watch = cProfile.Profile()
    start = time.perf_counter()
    watch.runcall(StreamedEquations, blank, frames)
    wall = time.perf_counter() - start
    found = pstats.Stats(watch).stats
    parts = {
        "neighbour search": "pair_vectors", "adding entries of A": "_added", "AᵀA": "sums_of",
        "basis functions": "near", "bonded coordinates": "evaluate",
        "curves of pairs": "curves_of",
    }  # fmt: skip
    total = sum(value[2] for value in found.values())
    rows = [f"| frames a second, 1,500 beads, cutoff 1.2 nm | | **{count / wall:.1f}** | |"]
    for what, name in parts.items():
        spent = sum(value[3] for key, value in found.items() if key[2] == name)
        rows.append(f"| {what} | | **{100 * spent / total:.0f} %** | |")
    return rows


def measure(count: int, queue: multiprocessing.Queue) -> None:
    """Peak memory of a whole fit to frames in files, MB, and its wall time."""
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        frames = liquid(500, count, Path(folder))
        start = time.perf_counter()
        fit(spline(1.2), frames, {}, 0, 0, lambda line: None)
        wall = time.perf_counter() - start
    queue.put((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, wall))


def memory(count: int) -> list[str]:
    """Memory of a fit to a quarter of the frames, and to all."""
    context, found = multiprocessing.get_context("spawn"), []
    for number in (count // 4, count):
        queue = context.Queue()
        process = context.Process(target=measure, args=(number, queue))
        process.start()
        found.append(queue.get())
        process.join()
    (low, _), (high, wall) = found
    return [
        f"| peak memory, {count:,} frames / {count // 4:,} (1,500 beads) | < 1000 MB, flat | "
        f"**{high / low:.2f}** | {low:.0f} and {high:.0f} MB |",
        f"| whole fit: frames a second | | **{count / wall:.1f}** | |",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=400)
    parser.add_argument("--only", nargs="*", help="of: speed, profile, memory")
    arguments = parser.parse_args()
    wanted = set(arguments.only or ["speed", "profile", "memory"])
    torch.set_num_threads(1)
    print("| measured | wanted | value | range |\n|---|---|---|---|", flush=True)
    if "speed" in wanted:
        print("\n".join(speed(arguments.rounds)), flush=True)
    if "profile" in wanted:
        print("\n".join(profile(arguments.frames // 4)), flush=True)
    if "memory" in wanted:
        print("\n".join(memory(arguments.frames)), flush=True)


if __name__ == "__main__":
    main()
