"""Methods that fit a potential, side by side, from the results of one run.

    python tests/benchmarks/methods.py [results/methods_water]

prints a row for each experiment of `snakemake --cores 2 --configfile config/methods_water.yaml`
(or methods_propane, methods_alanine): errors of the structure and in brackets their noise floors,
as root mean squares over all distributions of a kind, at each state point, other quantities and in
brackets those of the reference, and what the fit took. CG steps are those within the fit, of all
chains; the wall time is that of its job.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.paths import MemberPaths, use_output  # noqa: E402
from meanforce.restart.overview import duration  # noqa: E402

STRUCTURE = ("rdf_rmse_", "js_phi_psi", "wasserstein_bond", "wasserstein_angle",
             "wasserstein_dihedral")  # fmt: skip
"""Metrics by the beginning of their names."""

VALUES = ("delta_f_alphaR_beta", "barrier_phi", "pressure", "compressibility", "diffusion",
          "force_rmse", "stability")  # fmt: skip


def structure(rows: pd.DataFrame, kind: str) -> str | None:
    """Root mean square of a kind's values and, in brackets, of their floors."""
    some = rows[rows.metric.str.startswith(kind) & (rows.source == "model")]
    some = some[some.noise_floor.notna()]
    if some.empty:
        return None
    value, floor = (np.sqrt((some[name] ** 2).mean()) for name in ("value", "noise_floor"))
    return f"{value:.3g} ({floor:.2g})"


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
        steps = f"{time / run['time_step']:.2g}"
    took = duration(Path(paths.model))
    return [iterations, steps, "–" if took is None else f"{took / 60:.1f} min"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("results", nargs="?", type=Path, default=Path("results/methods_water"))
    results = parser.parse_args().results
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
    shown = pd.DataFrame(table).fillna("–")
    print("| " + " | ".join(shown.columns) + " |")
    print("|" + "---|" * len(shown.columns))
    for row in shown.itertuples(index=False):
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
