"""Errors of umbrella sampling against their scatter: a double well, replica by replica.

    python tests/benchmarks/umbrella.py [--repeats 150] [--seed 7]

Each repeat samples nine windows along a double well four times, with a memory of two frames, and
solves MBAR for each of the four replicas. One of them, two, all four, and the third one alone are
then reweighted and judged as the baseline of a workflow is: one and two by time blocks, four as
units of their own. The table has the mean error, with its standard error, the scatter between
repeats, the root mean square of the claimed error over the scatter (1 would be right), and how many
of the claimed errors are not finite, which are left out.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

from comparisons import X, compare  # noqa: E402
from double_well_windows import (  # noqa: E402
    ENERGY,
    GRID,
    KT,
    PROTOCOL,
    WINDOWS,
    draws,
    write_replicas,
)

from meanforce.analysis.metrics import basins, populations  # noqa: E402
from meanforce.analysis.samples import reference_sample  # noqa: E402

LAYOUTS = {"1 replica": [0], "2 replicas": [0, 1], "4 replicas": [0, 1, 2, 3], "1 of 4": [2]}

METRICS = ("population_right_error", "delta_f_sides_error", "barrier_x_error")

HALVES = {
    "lower": [-2.0], "upper": [2.0], "cutoff": 40.0,
    "basins": {"left": [{"x": [-2.0, 0.0]}], "right": [{"x": [0.0, 2.0]}]},
    "differences": {"sides": ["right", "left"]},
    "barriers": {"x": ["left", "right"]},
}  # fmt: skip


def errors(sample, exact: np.ndarray, seed: int) -> dict[str, tuple[float, float]]:
    """Error and claimed standard error by metric, of reweighted frames."""
    comparison = compare(sample, None, exact=exact, **HALVES)
    comparison.rng = np.random.default_rng(seed)
    rows = [row for metric in (populations, basins) for row in metric.rows(comparison)]
    return {row.metric: (row.value, row.stderr) for row in rows if row.metric in METRICS}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=150)
    parser.add_argument("--frames", type=int, default=600, help="of each window")
    parser.add_argument("--memory", type=float, default=1 / 3, help="correlation of neighbours")
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args()
    rng, n_windows = np.random.default_rng(arguments.seed), len(WINDOWS.centers)
    edges = np.linspace(-2, 2, 41)
    exact = np.histogram(GRID, edges, weights=np.exp(-ENERGY / KT))[0]
    found = []
    for repeat in range(arguments.repeats):
        with tempfile.TemporaryDirectory() as folder:
            x = [draws(arguments.frames, rng, arguments.memory) for _ in range(4)]
            paths = write_replicas(Path(folder), x)
            for layout, chosen in LAYOUTS.items():
                own = [paths[r * n_windows + k] for r in chosen for k in range(n_windows)]
                sample = reference_sample(own, [X["x"]], 10, PROTOCOL)
                for metric, pair in errors(sample, exact / exact.sum(), repeat).items():
                    found.append((layout, metric, *pair))
    table = pd.DataFrame(found, columns=["layout", "metric", "error", "claimed"])
    for (metric, layout), part in table.groupby(["metric", "layout"], sort=False):
        scatter = part["error"].std(ddof=1)
        finite = part["claimed"][np.isfinite(part["claimed"])]
        claimed = np.sqrt((finite**2).mean())
        print(
            f"{metric:24} {layout:11} mean {part['error'].mean():+.4f} ± "
            f"{scatter / np.sqrt(len(part)):.4f}  scatter {scatter:.4f}  claimed/true "
            f"{claimed / scatter:.2f} ± {1 / np.sqrt(2 * len(part)):.2f}  "
            f"{len(part) - len(finite)} not finite"
        )


if __name__ == "__main__":
    main()
