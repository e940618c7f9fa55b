"""Methods that fit a potential, side by side, from the results of one run.

    python tests/benchmarks/methods.py [results/methods_water] [--figure methods.png]

prints a row for each experiment of `snakemake --cores 2 --configfile config/methods_water.yaml`
(or methods_propane, methods_alanine): errors of the structure and in brackets their noise floors,
as root mean squares over all distributions of a kind, at each state point, other quantities and in
brackets those of the reference, and what the fit took. CG steps are those within the fit, of all
chains; the wall time is that of its job. The figure has the errors of the structure in floors.
"""

import argparse
import json
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.figures.style import REFERENCE, SHADES  # noqa: E402
from meanforce.paths import MemberPaths, use_output  # noqa: E402
from meanforce.restart.overview import duration  # noqa: E402

STRUCTURE = ("rdf_rmse_", "js_phi_psi", "wasserstein_bond", "wasserstein_angle",
             "wasserstein_dihedral")  # fmt: skip
"""Metrics by the beginning of their names."""

VALUES = ("delta_f_alphaR_beta", "barrier_phi", "pressure", "compressibility", "diffusion",
          "force_rmse", "stability")  # fmt: skip


def in_total(rows: pd.DataFrame, kind: str) -> tuple[float, float] | None:
    """Root mean square of a kind's values, and of their floors."""
    some = rows[rows.metric.str.startswith(kind) & (rows.source == "model")]
    some = some[some.noise_floor.notna()]
    if some.empty:
        return None
    value, floor = (float(np.sqrt((some[name] ** 2).mean())) for name in ("value", "noise_floor"))
    return value, floor


def structure(rows: pd.DataFrame, kind: str) -> str | None:
    """The same as text, the floor in brackets."""
    found = in_total(rows, kind)
    return found and f"{found[0]:.3g} ({found[1]:.2g})"


def draw(summary: pd.DataFrame, place: Path) -> None:
    """Errors of the structure in noise floors: a panel for each state point, a mark a method."""
    points = sorted(summary.state_point.unique())
    kinds = [kind for kind in STRUCTURE if in_total(summary, kind)]
    figure, panels = plt.subplots(
        1, len(points), sharey=True, figsize=(4.2 * len(points), 3.4), squeeze=False
    )
    methods = list(summary.groupby("experiment", sort=False))
    for panel, point in zip(panels[0], points, strict=True):
        for number, (_, rows) in enumerate(methods):
            here = rows[rows.state_point == point]
            found = [in_total(here, kind) for kind in kinds]
            places = np.arange(len(kinds)) + 0.8 * ((number + 0.5) / len(methods) - 0.5)
            panel.plot(
                places, [value / floor for value, floor in found], "o",
                color=SHADES[number % len(SHADES)], label=rows.potential.iloc[0].replace("_", " "),
            )  # fmt: skip
        role = summary[summary.state_point == point].role.iloc[0]
        panel.set_title(f"{point}, {'trained' if role == 'train' else 'held out'}")
        panel.axhline(1.0, color=REFERENCE, linewidth=0.8, linestyle=":")
        for edge in np.arange(len(kinds) - 1) + 0.5:
            panel.axvline(edge, color="#DDDDDD", linewidth=0.8)
        names = [kind.strip("_").replace("wasserstein_", "") for kind in kinds]
        panel.set_xticks(np.arange(len(kinds)), names, rotation=20)
        panel.set_yscale("log")
    panels[0, 0].set_ylabel("error / noise floor")
    handles = panels[0, 0].get_legend_handles_labels()
    figure.legend(*handles, loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False)
    figure.tight_layout()
    figure.savefig(place, dpi=110)


def value(rows: pd.DataFrame, metric: str) -> str | None:
    """A metric, and in brackets that of the reference, or a force error's least value."""
    found = rows[rows.metric == metric]
    if found.empty:
        return None
    beside = "force_irreducible" if metric == "force_rmse" else f"{metric}_reference"
    reference = rows[rows.metric == beside]
    shown = f"{found.value.iloc[0]:.4g}"
    return shown if reference.empty else f"{shown} ({reference.value.iloc[0]:.4g})"


def cost(experiment: str) -> list[str]:
    """Iterations, CG steps and wall time of the fit of the first member."""
    paths = MemberPaths(experiment, 0)
    about = json.loads(Path(paths.description).read_text())["about"]
    run = about["settings"]["potential"]["fitting"].get("simulation")
    if run is None:
        iterations = steps = "–"
    else:
        curve = pd.read_csv(paths.curve)
        time = curve["frames"].sum() * run["stride"]
        time += len(curve) * run["chains"] * run["equilibration"]
        iterations = f"{len(curve)}{'' if about['converged'] else ', not converged'}"
        # Frames of biased runs are counted by their weights.
        steps = "–" if run["bias"] else f"{time / run['time_step']:.2g}"
    took = duration(Path(paths.model))
    return [iterations, steps, "–" if took is None else f"{took / 60:.1f} min"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, default=Path("results/methods_water"))
    parser.add_argument("--figure", type=Path, help="PNG file to write")
    arguments = parser.parse_args()
    results = arguments.results
    if not (results / "summary.csv").exists():
        print(f"{results}/summary.csv does not exist; make it by `snakemake`, as above")
        return
    use_output(str(results))
    summary = pd.read_csv(results / "summary.csv")
    table = []
    for experiment, rows in summary.groupby("experiment", sort=False):
        row = {"potential": rows.potential.iloc[0]}
        for point, here in rows.groupby("state_point", sort=True):
            found = {kind.strip("_"): structure(here, kind) for kind in STRUCTURE}
            found |= {metric: value(here, metric) for metric in VALUES}
            row |= {f"{point} {name}": text for name, text in found.items() if text}
        row |= dict(zip(("iterations", "CG steps", "wall time"), cost(experiment), strict=True))
        table.append(row)
    if arguments.figure is not None:
        draw(summary, arguments.figure)
    shown = pd.DataFrame(table).fillna("–")
    print("| " + " | ".join(shown.columns) + " |")
    print("|" + "---|" * len(shown.columns))
    for row in shown.itertuples(index=False):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
