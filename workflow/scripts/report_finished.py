"""After a failure: which jobs failed and why, and a report of the experiments that are finished."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.figures.from_files import ReportInputs, results_of
from meanforce.figures.written import write_report
from meanforce.jobs.stages import report_job
from meanforce.jobs.unfinished import failures, finished, reasons
from meanforce.paths import PartReportPaths, use_output
from meanforce.restart.noted import last_run
from meanforce.settings import inputs
from meanforce.settings.load import load_config
from meanforce.settings.yaml_file import read_config_file

TEMPLATE = Path(__file__).resolve().parents[1] / "report" / "report.html.j2"


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--configfile", type=Path, help="config of the run; without it, the last one started here"
    )
    arguments = parser.parse_args()
    config = load_config(read_config_file(arguments.configfile or last_run()))
    use_output(config.output)
    for job, said in failures(config).items():
        print(f"{job.stage} failed: {said or 'no message'}\n    {job.output}, log: {job.log}")
    done = finished(config)
    if not done:
        print("no experiment is finished, so there is nothing to report")
        return
    part = inputs.only(config, done)
    job = report_job(part).model_copy(update={"unfinished": reasons(config)})
    found = {name: [Path(file) for file in files] for name, files in inputs.reported(part).items()}
    files = ReportInputs(**found, learning_curves=[])
    place = PartReportPaths("finished")
    Path(place.page).parent.mkdir(parents=True, exist_ok=True)
    write_report(results_of(job, files), TEMPLATE, place)
    share = f"{len(done)} of {len(config.experiments)} experiments"
    print(f"report of what is finished ({share}): {place.page}")


if __name__ == "__main__":
    main()
