"""Null test of error bars, floors and verdicts: perfect models against independent references.

    python tests/benchmarks/calibration.py [--pairs 200] [--summary results/summary.csv]

Models and references are sampled from one known surface, with the correlations, biases and lengths
of the default run (see tests/support/correlated_pairs.py), so each error that is found is noise.
For every metric the table has

  mean/floor     mean |error| over the mean noise floor (1 would be right),
  claimed/true   root mean square of the claimed error over the scatter of the metric (1),
  worse          how often a perfect model is called worse (5 %),
  resolution     mean of the smallest error that is reported as resolved,
  found          how often a true error of that size is found (50 %; of free-energy differences, to
                 which it is added).

A third reference is a table of the surface itself with independent errors of its bins, as large as
those of a reference of two replicas: what a published table with error bars is taken for.

A second table has models of a surface that is wrong by increasing amounts, and how often JS, the
free-energy surface and free-energy differences detect it.

With `--summary`, of a run of config/capped_alanine_300K.yaml, whose experiments differ in nothing
but the training data, it prints the scatter of their errors over the claimed error bars.
"""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

from correlated_pairs import Surface, comparison  # noqa: E402

from meanforce.analysis.kinds import Measure, Source  # noqa: E402
from meanforce.analysis.metrics import (  # noqa: E402
    basins,
    chain_dimensions,
    divergence,
    populations,
    profiles,
    structure,
)
from meanforce.analysis.rows import Row  # noqa: E402
from meanforce.analysis.table_reference import exported, table_reference  # noqa: E402
from meanforce.data.surface_tables import SurfaceTable, write_table  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.references import TableReferenceSettings  # noqa: E402

METRICS = (divergence, profiles, basins, populations, structure, chain_dimensions)
CHAINS, CHAIN_FRAMES, CHAIN_STEPS = 200, 350, 2
"""CG runs of the default run: 200 chains of 70 ps, a frame every 0.2 ps."""

LAYOUTS = {
    "2 replicas × 10 blocks": (2, 25000),
    "4 replicas": (4, 55000),
}
"""References of the default run (3 ns each) and of longer ones (6 ns each); frames of 0.1 ps."""

TILTS = (0.0, 0.1, 0.15, 0.2, 0.3, 0.4)
"""Amplitudes of the wrong part of a surface, kT."""

WATCHED = ("js_phi_psi", "fes_rmse", "delta_f_alphaR_beta_error", "delta_f_phi_positive_error")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=int, default=200, help="models, each with a reference")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--summary", type=Path, help="of a run of config/capped_alanine_300K.yaml")
    arguments = parser.parse_args()
    if arguments.summary is not None:
        print(training(pd.read_csv(arguments.summary)).to_string(index=False))
        return
    density = np.load(ROOT / "tests" / "data" / "capped_alanine_density.npy")
    surface = Surface.of(density)
    print(f"\na table with errors, {arguments.pairs} pairs")
    tables = list(against_tables(surface, arguments))
    print(table(tables).to_string(index=False, float_format=lambda v: f"{v:.3g}"), flush=True)
    for name, layout in LAYOUTS.items():
        print(f"\n{name}, {arguments.pairs} pairs")
        tables = [null_rows(*pair) for pair in pairs(surface, layout, arguments)]
        print(table(tables).to_string(index=False, float_format=lambda v: f"{v:.3g}"), flush=True)
    print(f"\nwrong surfaces, {name}: how often each metric detects it")
    print(power(surface, layout, arguments).to_string(index=False), flush=True)


def pairs(surface: Surface, layout: tuple[int, int], arguments) -> Iterator[tuple]:
    """Bins of models and references, a few at a time, and a seed for each."""
    replicas, frames = layout
    rng = np.random.default_rng([arguments.seed, replicas])
    for first in range(0, arguments.pairs, 20):
        number = min(20, arguments.pairs - first)
        references = surface.walk(replicas * number, frames, rng)
        models = surface.walk(CHAINS * number, CHAIN_FRAMES, rng, CHAIN_STEPS, 250, spread=True)
        for i in range(number):
            theirs = references[:, replicas * i : replicas * (i + 1)]
            yield surface, models[:, CHAINS * i : CHAINS * (i + 1)], theirs, first + i


def null_rows(
    surface: Surface, model: np.ndarray, reference: np.ndarray, seed: int, tilt=None
) -> dict[str, Row]:
    """All rows of one pair that measure an error, by metric."""
    rng = np.random.default_rng([7, seed])
    sides = (
        surface.sample(model, rng, 20, tilt=tilt),
        surface.sample(reference, rng, 10, replicas=True),
    )
    made = comparison(*sides, seed)
    metrics = METRICS if tilt is None else (divergence, basins)
    rows = (row for metric in metrics for row in metric.rows(made))
    return {row.metric: row for row in rows if not np.isnan(row.resolution)}


def against_tables(surface: Surface, arguments) -> Iterator[dict[str, Row]]:
    """Rows of models against tables whose bins scatter as they claim."""
    replicas, frames = next(iter(LAYOUTS.values()))
    rng = np.random.default_rng([arguments.seed, 0])
    reference = surface.sample(surface.walk(replicas, frames, rng), rng, 10, replicas=True)
    energies = -np.log(surface.populations)
    chosen = validated(
        TableReferenceSettings,
        {
            "kind": "table", "files": {"T": ["t.csv"]}, "unit": "kT", "error": "error",
            "variables": {"phi": "rad", "psi": "rad"},
        },
        "references",
    )  # fmt: skip
    errors = None
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "t.csv"
        for first in range(0, arguments.pairs, 20):
            number = min(20, arguments.pairs - first)
            models = surface.walk(CHAINS * number, CHAIN_FRAMES, rng, CHAIN_STEPS, 250, spread=True)
            for i in range(number):
                model = surface.sample(models[:, CHAINS * i : CHAINS * (i + 1)], rng, 20)
                made = comparison(model, reference, first + i)
                if errors is None:
                    known = exported(reference, made.axes, 1.0)
                    # A bin that was never visited, or once, is as uncertain as its one frame.
                    errors = np.minimum(np.nan_to_num(known.errors, nan=1.0), 1.0)
                noisy = energies.ravel() + errors * rng.standard_normal(errors.shape)
                write_table(path, SurfaceTable(known.centers, noisy, errors), ["phi", "psi"])
                read = table_reference(chosen, [path], made.axes, made.temperature, rng)
                made = dataclasses.replace(made, reference=None, table=read)
                rows = (row for metric in (divergence, basins, populations)
                        for row in metric.rows(made))  # fmt: skip
                yield {row.metric: row for row in rows if not np.isnan(row.resolution)}


def table(found: list[dict[str, Row]]) -> pd.DataFrame:
    """One line per metric; see the head of this file."""
    lines = []
    for metric in found[0]:
        rows = [one[metric] for one in found]
        values = np.array([row.value for row in rows])
        claimed = np.array([row.stderr_noise for row in rows])
        limits = np.array([row.resolution for row in rows])
        line = {
            "metric": metric,
            "mean/floor": np.abs(values).mean() / np.mean([row.noise_floor for row in rows]),
            "claimed/true": np.sqrt(np.mean(claimed**2)) / values.std(ddof=1),
            "worse": np.mean(np.abs(values) > limits),
            "resolution": limits.mean(),
        }
        if rows[0].measure == Measure.SIGNED_ERROR:
            line["found"] = np.mean(np.abs(values + limits.mean()) > limits)
        lines.append(line)
    return pd.DataFrame(lines)


def power(surface: Surface, layout: tuple[int, int], arguments) -> pd.DataFrame:
    """How often metrics find errors of a growing wrong part a(cos φ + sin 2ψ) of the surface."""
    n = len(surface.populations)
    angle = (np.arange(n) + 0.5) / n * 2 * np.pi - np.pi
    shape = np.cos(angle)[:, None] + np.sin(2 * angle)[None, :]
    lines = []
    for amplitude in TILTS:
        wrong = surface.populations * np.exp(-amplitude * shape)
        mean = 0.5 * (wrong / wrong.sum() + surface.populations)
        js = 0.5 * sum(
            float((p * np.log(p / mean)).sum()) for p in (wrong / wrong.sum(), surface.populations)
        )
        found = [
            null_rows(*pair, tilt=amplitude * shape)
            for number, pair in enumerate(pairs(surface, layout, arguments))
            if number % 4 == 0
        ]
        line: dict = {"amplitude (kT)": amplitude, "true JS": round(js, 5)}
        for metric in WATCHED:
            rows = [one[metric] for one in found]
            line[metric] = np.mean([abs(row.value) > row.resolution for row in rows])
        lines.append(line)
    return pd.DataFrame(lines)


def training(summary: pd.DataFrame) -> pd.DataFrame:
    """Scatter of errors between independent sets of training data over their claimed error bars.

    The reference is common to all sets, so its noise is subtracted from the claimed error.
    """
    lines = []
    errors = summary[
        (summary["measure"] == Measure.SIGNED_ERROR) & (summary["source"] == Source.MODEL)
    ]
    for (recipe, metric), part in errors.groupby(["potential", "metric"], sort=False):
        known = part[part["stderr"].notna()]
        if len(known) < 3 or not known["stderr"].any():
            continue
        same = summary["quantity"] == part["quantity"].iloc[0]
        common = summary[same & (summary["source"] == Source.REFERENCE)]["stderr"].mean() ** 2
        claimed = np.sqrt((known["stderr"] ** 2 - common).mean())
        scatter = known["value"].std(ddof=1)
        lines.append(
            {
                "potential": recipe,
                "metric": metric,
                "sets": len(known),
                "mean": known["value"].mean(),
                "scatter": scatter,
                "claimed": claimed,
                "scatter/claimed": scatter / claimed,
            }
        )
    return pd.DataFrame(lines)


if __name__ == "__main__":
    main()
