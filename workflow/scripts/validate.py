"""Compare a CG run with its reference at one state point: metrics, profiles, and a figure."""

import argparse
from pathlib import Path

import torch

from meanforce.analysis.curves import table
from meanforce.analysis.metrics.registry import METRICS, all_curves
from meanforce.analysis.one_comparison import ValidateInputs, comparison_of, metrics_of
from meanforce.analysis.surface_table import surface_table
from meanforce.errors import exits_cleanly
from meanforce.figures.free_energy import draw
from meanforce.jobs.completed_variable import by_identity
from meanforce.jobs.validate import ValidateJob
from meanforce.progress import Progress, Rate, report
from meanforce.restart.job import work_folder


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    several = {"type": Path, "nargs": "*", "default": []}
    parser.add_argument("--trajectory", type=Path, required=True, help="file made by simulate.py")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="ensemble members")
    parser.add_argument("--reference", **several, help="datasets of the reference campaign")
    parser.add_argument("--tables", **several, help="tables of free energies as the reference")
    parser.add_argument(
        "--training",
        **several,
        help="datasets of this state point that the models were trained on: the baseline",
    )
    parser.add_argument(
        "--variables", type=Path, nargs="*", default=[], help="files made by variable.py"
    )
    parser.add_argument("--settings", required=True, help="JSON text or file of a ValidateJob")
    parser.add_argument("--metrics", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--profiles", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--surface", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--figure", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    job = ValidateJob.read(arguments.settings).with_variables(by_identity(arguments.variables))
    inputs = ValidateInputs(
        arguments.trajectory,
        arguments.models,
        arguments.reference,
        arguments.training,
        arguments.tables,
    )
    # Steps: the samples, each metric, the baseline, and what is drawn.
    progress = Progress(report, len(METRICS) + 3, rate=Rate("steps/min", 60))
    with progress.step("reading the samples"):
        comparison = comparison_of(job, inputs, report)
    metrics = metrics_of(job, inputs, comparison, report, progress.step)
    with work_folder(arguments.metrics) as folder, progress.step("curves and figures"):
        curves = all_curves(comparison)
        metrics.to_csv(folder / "metrics.csv", index=False)
        table(curves).to_csv(folder / "profiles.csv", index=False)
        surface_table(comparison).to_csv(folder / "surface.csv", index=False)
        draw(comparison, curves, folder / "figure.png", job.labels.title)
        (folder / "figure.png").replace(arguments.figure)
        (folder / "surface.csv").replace(arguments.surface)
        (folder / "profiles.csv").replace(arguments.profiles)
        (folder / "metrics.csv").replace(arguments.metrics)
    progress.finish()
    report(f"{len(metrics)} metrics")


if __name__ == "__main__":
    main()
