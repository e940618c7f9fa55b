"""Map one replica's positions and forces onto beads: an H5MD dataset, and how noisy it is."""

import argparse
import json
from pathlib import Path

from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.errors import exits_cleanly
from meanforce.jobs.map import MapJob
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.beads_file import MappedSystem
from meanforce.mapping.quality import check_dataset
from meanforce.mapping.refusal import report_failures
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.mapping.table import saving
from meanforce.progress import Progress, report
from meanforce.restart.job import work_folder
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument("--beads", type=Path, required=True, help="file made by beads.py")
    parser.add_argument("--trajectory", type=Path, required=True, help="file made by sample.py")
    parser.add_argument(
        "--forces",
        type=Path,
        required=True,
        help="file made by forces.py, or the trajectory, where it holds forces",
    )
    parser.add_argument("--weights", type=Path, help="file made by weights.py")
    parser.add_argument("--settings", required=True, help="JSON text or file of a MapJob")
    parser.add_argument("--output", type=Path, required=True, help="H5MD file to write")
    parser.add_argument("--table", type=Path, required=True, help="CSV file of force maps to write")
    parser.add_argument("--checks", type=Path, required=True, help="JSON file to write")
    arguments = parser.parse_args()
    job = MapJob.read(arguments.settings)
    system = Prepared.read(arguments.prepared).system
    mapped = MappedSystem.read(arguments.beads)
    mapped.check_atoms(system.getNumParticles(), arguments.beads)
    beads = mapped.beads[job.mapping.masses]
    topology = prepared_topology(arguments.prepared / "topology.cif")
    with work_folder(arguments.output) as folder:
        bias = map_replica(
            job.mapping,
            beads,
            SystemAtoms.moving(topology, system, beads),
            Files(
                trajectory=arguments.trajectory,
                forces=arguments.forces,
                weights=arguments.weights,
                dataset=folder / "dataset.h5",
                table=folder / "force_maps.csv",
            ),
            job.seed,
            report,
        )
        (folder / "force_maps.csv").replace(arguments.table)
        progress = Progress(report, 1.0, 1.0)
        with H5mdReader(folder / "dataset.h5") as reader, progress.during("checking the dataset"):
            checks = check_dataset(reader, bias)
        with TrajectoryReader(arguments.trajectory) as trajectory:
            checks["hills_outside_grid"] = trajectory.hills_outside()
        checks["force_map"] = {"used": job.mapping.force_map} | saving(arguments.table)
        report_failures(checks["identities"], arguments.output, job.refuses_failed_checks, report)
        text = json.dumps(checks, indent=1, ensure_ascii=False, allow_nan=False)
        (folder / "checks.json").write_text(text + "\n")
        (folder / "checks.json").replace(arguments.checks)
        (folder / "dataset.h5").replace(arguments.output)
    progress.finish()


if __name__ == "__main__":
    main()
