"""Gather the runs of learning curves: a table, what a bias saves, and a figure."""

import argparse
from pathlib import Path

from meanforce.analysis.learning_curve import points, run_errors, savings_table
from meanforce.analysis.metrics_table import read_metrics
from meanforce.errors import InputError, exits_cleanly
from meanforce.figures.learning_curve import draw
from meanforce.jobs.learning_curve import LearningCurveJob
from meanforce.progress import Progress, report
from meanforce.restart.job import work_folder


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.csv files")
    parser.add_argument("--settings", required=True, help="JSON text or file of a LearningCurveJob")
    parser.add_argument("--table", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--savings", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--figure", type=Path, required=True, help="PNG file to write")
    arguments = parser.parse_args()
    settings = LearningCurveJob.read(arguments.settings)
    errors = run_errors(read_metrics(arguments.metrics), settings.plain()["runs"])
    if errors.empty:
        raise InputError("--metrics: the files contain no error for a learning curve")
    mean = points(errors)
    progress = Progress(report, 1.0)
    with progress.during("comparing the curves"):
        savings = savings_table(errors, settings.seed)
    with work_folder(arguments.table) as folder:
        with progress.during("figure"):
            draw(errors, mean, savings, folder / "figure.png")
        mean.to_csv(folder / "table.csv", index=False)
        savings.to_csv(folder / "savings.csv", index=False)
        (folder / "savings.csv").replace(arguments.savings)
        (folder / "figure.png").replace(arguments.figure)
        (folder / "table.csv").replace(arguments.table)
    progress.finish()
    report(f"{len(mean)} points")


if __name__ == "__main__":
    main()
