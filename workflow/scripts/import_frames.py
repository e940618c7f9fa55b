"""Read frames that exist already: trajectory.h5, log.csv, segments.csv, and forces.h5 if wanted."""

import argparse
from pathlib import Path

from meanforce.errors import InputError, exits_cleanly
from meanforce.jobs.completed_variable import by_identity
from meanforce.jobs.import_frames import ImportJob
from meanforce.mapping.beads_file import MappedSystem
from meanforce.progress import report
from meanforce.restart.job import work_folder
from meanforce.sampling.external.one_job import ImportInputs, import_frames
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--settings", required=True, help="JSON text or file of an ImportJob")
    parser.add_argument("--beads", type=Path, nargs="*", default=[], help="files made by beads.py")
    parser.add_argument(
        "--variables", type=Path, nargs="*", default=[], help="files made by variable.py"
    )
    parser.add_argument("--trajectory", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--forces", type=Path, help="HDF5 file to write, with forces of the files")
    parser.add_argument("--log", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--segments", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    job = ImportJob.read(arguments.settings).with_variables(by_identity(arguments.variables))
    if (arguments.forces is not None) != (job.forces == "file"):
        raise InputError("--forces: is needed with 'forces: file', and only then")
    prepared = Prepared.read(arguments.prepared)
    mapped = {}
    for path in arguments.beads:
        one = MappedSystem.read(path)
        one.check_atoms(prepared.system.getNumParticles(), path)
        mapped[one.mapping] = one
    topology = prepared_topology(arguments.prepared / "topology.cif")
    inputs = ImportInputs(prepared, topology, mapped, arguments.threads)
    outputs = {
        "log.csv": arguments.log,
        "segments.csv": arguments.segments,
        "forces.h5": arguments.forces,
        "trajectory.h5": arguments.trajectory,
    }
    with work_folder(arguments.trajectory) as folder:
        import_frames(job, inputs, folder, report)
        for name, output in outputs.items():
            if output is not None:
                (folder / name).replace(output)


if __name__ == "__main__":
    main()
