"""After a failure: which jobs failed and why, and a report of the experiments that are finished.

Reads the config of the last run that was started in this folder.
"""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.figures.from_files import ReportInputs, results_of
from meanforce.figures.written import write_report
from meanforce.jobs.stages import report_job
from meanforce.jobs.unfinished import failures, finished, only, reasons
from meanforce.paths import LAST_RUN, PartReportPaths, use_output
from meanforce.settings import inputs
from meanforce.settings.load import load_config
from meanforce.settings.yaml_file import read_config_file

TEMPLATE = Path(__file__).resolve().parents[1] / "report" / "report.html.j2"


@exits_cleanly
def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    config = load_config(read_config_file(Path(LAST_RUN)))
    use_output(config.output)
    for job, said in failures(config).items():
        print(f"{job.stage} failed: {said or 'no message'}\n    {job.output}, log: {job.log}")
    done = finished(config)
    if not done:
        print("no experiment is finished, so there is nothing to report")
        return
    part = only(config, done)
    job = report_job(part).model_copy(update={"unfinished": reasons(config)})
    compared = inputs.compared(part)
    files = ReportInputs(
        metrics=[Path(place.metrics) for place in compared],
        curves=[Path(place.curve) for place in inputs.all_members(part)],
        profiles=[Path(place.profiles) for place in compared],
        surfaces=[Path(place.surface) for place in compared],
        segments=[Path(p) for p in dict.fromkeys(d.segments for d in inputs.all_datasets(part))],
        speeds=[Path(place.speed) for place in compared],
        checks=[Path(p) for p in dict.fromkeys(d.checks for d in inputs.all_datasets(part))],
        learning_curves=[],
    )
    place = PartReportPaths("finished")
    Path(place.page).parent.mkdir(parents=True, exist_ok=True)
    write_report(results_of(job, files), TEMPLATE, place)
    share = f"{len(done)} of {len(config.experiments)} experiments"
    print(f"report of what is finished ({share}): {place.page}")


if __name__ == "__main__":
    main()
