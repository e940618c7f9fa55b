"""Work out the beads of a mapping on a prepared system: beads.json."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.jobs.beads import BeadsJob
from meanforce.mapping.one_mapping import beads_of
from meanforce.progress import report
from meanforce.restart.job import work_folder


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--settings", required=True, help="JSON text or file of a BeadsJob")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    found = beads_of(BeadsJob.read(arguments.settings), arguments.prepared)
    with work_folder(arguments.output) as folder:
        found.write(folder / "beads.json")
        (folder / "beads.json").replace(arguments.output)
    report(f"{len(found.beads['sum'].names)} beads")


if __name__ == "__main__":
    main()
