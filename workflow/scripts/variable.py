"""Fill in a collective variable of a whole structure: its beads, and their reference positions."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.jobs.completed_variable import CompletedVariable
from meanforce.jobs.variable import VariableJob
from meanforce.mapping.beads_file import MappedSystem
from meanforce.mapping.complete_variable import complete
from meanforce.progress import report
from meanforce.restart.job import work_folder
from meanforce.systems.topology import prepared_topology


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--beads", type=Path, required=True, help="file made by beads.py")
    parser.add_argument("--settings", required=True, help="JSON text or file of a VariableJob")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    topology = prepared_topology(arguments.prepared / "topology.cif")
    mapped = MappedSystem.read(arguments.beads)
    mapped.check_atoms(topology.n_atoms, arguments.beads)
    job = VariableJob.read(arguments.settings)
    beads = next(iter(mapped.beads.values()))
    where = f"collective_variables.{job.name}"
    completed = complete(job.variable, beads, topology, where)
    with work_folder(arguments.output) as folder:
        CompletedVariable(job.variable, completed).write(folder / "variable.json")
        (folder / "variable.json").replace(arguments.output)
    structures = len(completed.structures or ())
    report(f"{len(completed.beads)} beads, structures to compare with: {structures}")


if __name__ == "__main__":
    main()
