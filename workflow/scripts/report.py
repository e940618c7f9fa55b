"""Gather all metrics and figures: summary.csv, report.html and run.yaml."""

import argparse
import dataclasses
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.figures.from_files import ReportInputs, results_of
from meanforce.figures.written import write_report
from meanforce.jobs.report import ReportJob
from meanforce.progress import Progress, report


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    several = {"type": Path, "nargs": "*", "default": []}
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.csv files")
    parser.add_argument("--curves", type=Path, nargs="+", required=True, help="training curves")
    parser.add_argument("--profiles", **several, help="profiles.csv files")
    parser.add_argument("--surfaces", **several, help="surface.csv files")
    parser.add_argument("--segments", **several, help="segments.csv files of campaigns")
    parser.add_argument("--speeds", **several, help="speed.csv files of CG runs")
    parser.add_argument("--checks", **several, help="checks.json files of datasets")
    parser.add_argument(
        "--learning-curves", **several, help="PNG files; their tables lie beside them"
    )
    parser.add_argument("--settings", required=True, help="JSON text or file of a ReportJob")
    parser.add_argument("--template", type=Path, required=True, help="template of the page")
    parser.add_argument("--summary", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--page", type=Path, required=True, help="HTML file to write")
    parser.add_argument("--run", type=Path, required=True, help="YAML file to write")
    arguments = parser.parse_args()
    job = ReportJob.read(arguments.settings)
    names = [field.name for field in dataclasses.fields(ReportInputs)]
    results = results_of(job, ReportInputs(*(getattr(arguments, name) for name in names)))
    progress = Progress(report, 1.0)
    with progress.during("figures and tables of the page"):
        write_report(results, arguments.template, arguments)
    progress.finish()


if __name__ == "__main__":
    main()
