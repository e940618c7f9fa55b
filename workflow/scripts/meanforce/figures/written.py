"""The files of a report."""

from pathlib import Path
from typing import Protocol

import yaml

from meanforce.figures.from_files import Results
from meanforce.figures.page import render
from meanforce.restart.job import work_folder


class ReportFiles(Protocol):
    """Where the table, the page, and the config with what it was made with are written."""

    summary: str
    page: str
    run: str


def write_report(results: Results, template: Path, files: ReportFiles) -> None:
    """Write a report; the files are replaced when all of it is made."""
    page = render(template, results)
    with work_folder(Path(files.page)) as folder:
        results.summary.to_csv(folder / "summary.csv", index=False)
        (folder / "report.html").write_text(page, encoding="utf-8")
        run = {"config": results.config, "made_with": results.about}
        (folder / "run.yaml").write_text(yaml.safe_dump(run, sort_keys=True, allow_unicode=True))
        (folder / "run.yaml").replace(files.run)
        (folder / "summary.csv").replace(files.summary)
        (folder / "report.html").replace(files.page)
