"""Gather all metrics and figures: summary.csv, report.html and run.yaml."""

import argparse
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from meanforce.analysis.transfer import transfer_table
from meanforce.analysis.verdict import verdicts
from meanforce.data.provenance import provenance
from meanforce.errors import InputError, exits_cleanly
from meanforce.figures.page import Results, render
from meanforce.progress import Progress, report
from meanforce.restart.job import work_folder
from meanforce.settings.job import read_settings

JUDGED_BY = ("metric", "value", "stderr", "noise_floor", "dof", "resolution", "data_limit")
"""Columns of metrics.csv that verdicts need."""


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
    parser.add_argument(
        "--learning-curves", **several, help="PNG files; their tables lie beside them"
    )
    parser.add_argument("--settings", required=True, help="JSON text or file")
    parser.add_argument("--template", type=Path, required=True, help="template of the page")
    parser.add_argument("--summary", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--page", type=Path, required=True, help="HTML file to write")
    parser.add_argument("--run", type=Path, required=True, help="YAML file to write")
    arguments = parser.parse_args()
    settings = read_settings(arguments.settings)
    summary = _summary(arguments.metrics)
    results = Results(
        summary=summary,
        curves=_curves(arguments.curves),
        profiles=_by_place(arguments.profiles),
        surfaces=_by_place(arguments.surfaces),
        segments=arguments.segments,
        speeds=arguments.speeds,
        transfer=transfer_table(summary, _temperatures(settings["config"])),
        learning_curves=arguments.learning_curves,
        settings=settings,
        about=provenance(),
    )
    progress = Progress(report, 1.0)
    with progress.during("figures and tables of the page"):
        page = render(arguments.template, results)
    with work_folder(arguments.page) as folder:
        results.summary.to_csv(folder / "summary.csv", index=False)
        (folder / "report.html").write_text(page, encoding="utf-8")
        run = {"config": settings["config"], "made_with": results.about}
        (folder / "run.yaml").write_text(yaml.safe_dump(run, sort_keys=True, allow_unicode=True))
        (folder / "run.yaml").replace(arguments.run)
        (folder / "summary.csv").replace(arguments.summary)
        (folder / "report.html").replace(arguments.page)
    progress.finish()


def _summary(paths: list[Path]) -> pd.DataFrame:
    """All metrics in one table, with what can be said of each."""
    tables = [_table(path) for path in paths]
    for path, one in zip(paths, tables, strict=True):
        missing = [name for name in JUDGED_BY if name not in one]
        if missing:
            raise InputError(
                f"{path}: has no column '{missing[0]}', so another version made it; delete it, so "
                "that it is made again"
            )
    table = pd.concat(tables, ignore_index=True)
    # After the columns of the contract; what has come later stands behind it.
    table.insert(table.columns.get_loc("unit") + 1, "verdict", verdicts(table))
    return table


def _table(path: Path) -> pd.DataFrame:
    """A CSV file's table.

    Raises:
        InputError: it is missing, empty or no table.
    """
    try:
        return pd.read_csv(path)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: is no table that can be read ({error})") from error


def _temperatures(config: dict[str, Any]) -> dict[str, float]:
    """Temperature of each state point, K."""
    return {name: point["temperature"] for name, point in config["state_points"].items()}


def _by_place(paths: list[Path]) -> dict[tuple[str, str], pd.DataFrame]:
    """Tables that lie at .../{experiment}/{state}/table, by experiment and state point."""
    return {(path.parts[-3], path.parts[-2]): _table(path) for path in paths}


def _curves(paths: list[Path]) -> dict[str, list[pd.DataFrame]]:
    """Training curves, which lie at .../{experiment}/curve-{member}.csv, by experiment."""
    curves: dict[str, list[pd.DataFrame]] = {}
    for path in paths:
        curves.setdefault(path.parts[-2], []).append(_table(path))
    return curves


if __name__ == "__main__":
    main()
