"""Gather all metrics and figures: summary.csv, report.html and run.yaml."""

import argparse
from pathlib import Path

import pandas as pd
import yaml

from meanforce.analysis.verdict import verdicts
from meanforce.data.provenance import provenance
from meanforce.errors import exits_cleanly
from meanforce.figures.page import render
from meanforce.restart.job import work_folder
from meanforce.settings.job import read_settings


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--metrics", type=Path, nargs="+", required=True, help="metrics.csv files")
    parser.add_argument("--figures", type=Path, nargs="+", required=True, help="PNG files")
    parser.add_argument("--curves", type=Path, nargs="+", required=True, help="training curves")
    parser.add_argument("--settings", required=True, help="JSON text or file")
    parser.add_argument("--template", type=Path, required=True, help="template of the page")
    parser.add_argument("--summary", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--page", type=Path, required=True, help="HTML file to write")
    parser.add_argument("--run", type=Path, required=True, help="YAML file to write")
    arguments = parser.parse_args()
    settings = read_settings(arguments.settings)
    table = pd.concat([pd.read_csv(path) for path in arguments.metrics], ignore_index=True)
    table["verdict"] = verdicts(table)
    # Files lie at .../{experiment}/{state}/figure and .../{experiment}/curve-{member}.csv.
    figures = {(path.parts[-3], path.parts[-2]): path for path in arguments.figures}
    curves: dict[str, list[pd.DataFrame]] = {}
    for path in arguments.curves:
        curves.setdefault(path.parts[-2], []).append(pd.read_csv(path))
    about = provenance()
    page = render(arguments.template, table, figures, curves, settings, about)
    with work_folder(arguments.page) as folder:
        table.to_csv(folder / "summary.csv", index=False)
        (folder / "report.html").write_text(page, encoding="utf-8")
        run = {"config": settings["config"], "made_with": about}
        (folder / "run.yaml").write_text(yaml.safe_dump(run, sort_keys=True, allow_unicode=True))
        (folder / "run.yaml").replace(arguments.run)
        (folder / "summary.csv").replace(arguments.summary)
        (folder / "report.html").replace(arguments.page)


if __name__ == "__main__":
    main()
