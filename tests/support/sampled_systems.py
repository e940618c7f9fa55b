"""A system of the config on its way from its settings to a dataset, in one process."""

import dataclasses
from pathlib import Path

from meanforce.data.forces import ForcesReader
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.jobs.beads import BeadsJob
from meanforce.jobs.sample import SampleJob
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.one_mapping import beads_of
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.restart.job import Job
from meanforce.sampling.one_job import SampleInputs, sample
from meanforce.sampling.recompute import recompute
from meanforce.settings.job import validated
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.registry import System
from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import build
from meanforce.systems.topology import prepared_topology

STEPS = {
    "kind": "unbiased", "length": 0.02, "stride": 0.005, "time_step": 0.001, "friction": 1.0,
    "equilibration": 0.0, "platform": "CPU",
}  # fmt: skip
"""Twenty steps, of which four frames are stored."""


def testsystem(name: str, **options) -> System:
    """Settings of a test system of openmmtools."""
    return validated(System, {"kind": "testsystem", "name": name, "options": options}, "system")


testsystem.__test__ = False


@dataclasses.dataclass(frozen=True)
class Run:
    """Files of a short run of a system, and its dataset.

    Attributes:
        folder: with everything that the stages wrote.
        prepared: the system, as later stages read it.
    """

    folder: Path
    prepared: Prepared

    @property
    def trajectory(self) -> TrajectoryReader:
        return TrajectoryReader(self.folder / "trajectory.h5")

    @property
    def forces(self) -> ForcesReader:
        return ForcesReader(self.folder / "forces.h5")

    @property
    def dataset(self) -> H5mdReader:
        return H5mdReader(self.folder / "dataset.h5")


def prepared_in(settings: System, folder: Path) -> Path:
    """Build a system as the stage `prepare` does; returns the folder with its files."""
    build(settings, 1).write(folder / "prepared")
    return folder / "prepared"


def run_of(prepared: Path, mapping: dict, temperature: float = 300.0, **campaign) -> Run:
    """Sample a prepared system, recompute its forces, and map it.

    Args:
        prepared: folder of the system; the run goes beside it.
        mapping: settings of the mapping.
        temperature: K.
        campaign: settings other than those of `STEPS`.
    """
    folder = prepared.parent

    def work(name: str) -> Job:
        (folder / name).mkdir(exist_ok=True)
        return Job(folder / name, {})

    job = SampleJob.of(
        campaign=STEPS | campaign, job=1, temperature=temperature, collective_variables={}, seed=7
    )
    sampling = work("sampling")
    sample(job, SampleInputs(prepared), 1, sampling, lambda line: None)
    trajectory = (sampling.folder / "trajectory.h5").rename(folder / "trajectory.h5")
    recompute(
        Prepared.read(prepared), trajectory, folder / "forces.h5", 1, work("f"), lambda line: None
    )
    read = Prepared.read(prepared)
    settings = MappingSettings.model_validate(mapping, context={"internal": True})
    beads = beads_of(BeadsJob.of(name="beads", mapping=mapping), prepared)
    map_replica(
        settings,
        beads.beads["sum"],
        SystemAtoms.moving(
            prepared_topology(prepared / "topology.cif"), read.system, beads.beads["sum"]
        ),
        Files(trajectory, folder / "forces.h5", None, folder / "dataset.h5", folder / "maps.csv"),
        None,
        lambda line: None,
    )
    return Run(folder, read)
