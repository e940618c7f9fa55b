"""Equilibrate a system in a periodic box at one state point: state.xml and equilibration.csv."""

import argparse
from pathlib import Path

import openmm

from meanforce.errors import exits_cleanly
from meanforce.jobs.equilibrate import EquilibrateJob
from meanforce.progress import report
from meanforce.restart.job import add_options, digest, resumable
from meanforce.systems.equilibration import Bath, Equilibrator
from meanforce.systems.prepared import Prepared


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file of an EquilibrateJob",
    )
    parser.add_argument("--state", type=Path, required=True, help="XML file to write")
    parser.add_argument("--log", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--threads", type=int, default=1)
    add_options(parser)
    arguments = parser.parse_args()
    settings = EquilibrateJob.read(arguments.settings)
    equilibrator = Equilibrator(
        Prepared.read(arguments.prepared),
        settings.equilibration,
        Bath(settings.temperature, settings.pressure, settings.seed),
        arguments.threads,
        report,
    )
    identity = {
        "settings": settings.plain(),
        "system.xml": digest(arguments.prepared / "system.xml"),
        "state.xml": digest(arguments.prepared / "state.xml"),
    }
    with resumable(arguments.state, identity, arguments.time_limit, arguments.bundle_every) as job:
        with (job.folder / "equilibration.csv").open("w") as table:
            state = equilibrator.run(table, job)
        (job.folder / "state.xml").write_text(openmm.XmlSerializer.serialize(state))
        (job.folder / "equilibration.csv").replace(arguments.log)
        (job.folder / "state.xml").replace(arguments.state)


if __name__ == "__main__":
    main()
