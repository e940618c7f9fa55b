"""Sample one replica of a campaign with OpenMM: trajectory.h5, log.csv and segments.csv."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.jobs.completed_variable import by_identity
from meanforce.jobs.sample import SampleJob
from meanforce.progress import report
from meanforce.restart.job import add_options, resumable
from meanforce.sampling.extension import Extension
from meanforce.sampling.one_job import MADE, SampleInputs, sample


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--settings", required=True, help="JSON text or file of a SampleJob")
    parser.add_argument("--start", type=Path, help="state.xml made by equilibrate.py")
    parser.add_argument("--beads", type=Path, nargs="*", default=[], help="files made by beads.py")
    parser.add_argument(
        "--variables", type=Path, nargs="*", default=[], help="files made by variable.py"
    )
    parser.add_argument("--bias-of", type=Path, help="trajectory whose final bias is used, frozen")
    parser.add_argument("--shared", type=Path, help="folder in which jobs exchange their hills")
    parser.add_argument("--trajectory", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--log", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--segments", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--code", default="", help="fingerprint of this program and its modules")
    parser.add_argument("--threads", type=int, default=1)
    add_options(parser)
    arguments = parser.parse_args()
    job = SampleJob.read(arguments.settings).with_variables(by_identity(arguments.variables))
    inputs = SampleInputs(
        arguments.prepared,
        arguments.start,
        tuple(arguments.beads),
        arguments.bias_of,
        arguments.shared,
    )
    limits = arguments.time_limit, arguments.bundle_every
    with resumable(arguments.trajectory, inputs.identity(job), *limits) as work:
        extension = Extension(job.campaign, arguments.trajectory, arguments.code)
        extension.begin(work, report)
        sample(job, inputs, arguments.threads, work, report)
        extension.end(work, report)
        outputs = (arguments.log, arguments.segments, arguments.trajectory)
        for name, output in zip(MADE, outputs, strict=True):
            (work.folder / name).replace(output)


if __name__ == "__main__":
    main()
