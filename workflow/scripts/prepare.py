"""Prepare a system: parametrise, minimise, and write system.xml, topology.cif and state.xml."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.jobs.prepare import PrepareJob
from meanforce.progress import Progress, report
from meanforce.systems.facts import Facts
from meanforce.systems.notices import vacuum_notice
from meanforce.systems.registry import build


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON text or file of a PrepareJob")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    job = PrepareJob.read(arguments.settings)
    progress = Progress(report, 1.0)
    with progress.during("building and minimising the system"):
        prepared = build(job.system, job.seed)
        prepared.write(arguments.output)
    progress.finish()
    report(f"{prepared.system.getNumParticles()} atoms")
    notice = vacuum_notice(job.system, Facts.of(prepared.system, prepared.topology))
    if notice:
        report(f"notice: {notice}")


if __name__ == "__main__":
    main()
