"""Neighbour search: all pairs against the cell list, and its time in the number of beads.

    python tests/benchmarks/neighbours.py [--density 30] [--cutoff 0.5]

prints microseconds a frame at the density (beads/nm³) and cutoff (nm) of a CG liquid. The count
of beads from which the cell list is faster is `FEW` of `core.neighbours`.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.core import neighbours as module  # noqa: E402

BEADS = (10, 50, 100, 150, 200, 500, 1000, 5000, 20000)
MOST_BY_PAIRS = 1000
"""Beads up to which all pairs are tried."""


def microseconds(positions: np.ndarray, cell: np.ndarray | None, cutoff: float, few: int) -> float:
    """Time for one frame; the best of three."""
    module.FEW = few
    best = np.inf
    for _ in range(3):
        start = time.perf_counter()
        module.neighbours(positions, cell, cutoff)
        best = min(best, time.perf_counter() - start)
    return 1e6 * best / len(positions)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--density", type=float, default=30.0)
    parser.add_argument("--cutoff", type=float, default=0.5)
    arguments = parser.parse_args()
    rng = np.random.default_rng(1)
    print("| beads | cell | all pairs, µs | cell list, µs |")
    print("|---|---|---|---|")
    for beads in BEADS:
        edge = (beads / arguments.density) ** (1 / 3)
        positions = rng.random((max(1, 2000 // beads), beads, 3)) * edge
        # As wide as potentials require.
        box = np.eye(3) * max(edge, 2.2 * arguments.cutoff)
        for name, cell in (("none", None), ("cubic", box)):
            pairs = (
                f"{microseconds(positions, cell, arguments.cutoff, beads):.0f}"
                if beads <= MOST_BY_PAIRS
                else ""
            )
            listed = microseconds(positions, cell, arguments.cutoff, 0)
            print(f"| {beads} | {name} | {pairs} | {listed:.0f} |", flush=True)


if __name__ == "__main__":
    main()
