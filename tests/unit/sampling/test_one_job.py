"""A sampling job takes its beads from the files that it is given."""

import mdtraj
import openmm
import pytest

import torsion
from meanforce.errors import InputError
from meanforce.jobs.sample import SampleJob
from meanforce.mapping.beads_file import MASSES, MappedSystem
from meanforce.mapping.configuration import build_beads
from meanforce.sampling.one_job import SampleInputs, task_of
from meanforce.settings.mappings import MappingSettings

BEADS = {name: f"name {name}" for name in "ABCD"}
DISTANCE = {"kind": "distance", "mapping": "all", "beads": ["A", "D"]}
CAMPAIGN = {
    "kind": "static", "collective_variables": ["phi", "d"], "formula": "cos(phi) + d",
    "length": 1.0, "stride": 0.1, "time_step": 0.005, "friction": 5.0, "equilibration": 0.0,
}  # fmt: skip
JOB = SampleJob.of(
    campaign=CAMPAIGN,
    job=1,
    temperature=300.0,
    collective_variables={"d": DISTANCE, "phi": torsion.PHI},
    seed=1,
)


@pytest.fixture
def inputs(tmp_path) -> SampleInputs:
    prepared = torsion.molecule()
    prepared.write(tmp_path / "prepared")
    topology = mdtraj.Topology.from_openmm(prepared.topology)
    beads = build_beads(MappingSettings(beads=BEADS), topology, "all")
    path = tmp_path / "beads.json"
    MappedSystem("all", topology.n_atoms, dict.fromkeys(MASSES, beads)).write(path)
    return SampleInputs(tmp_path / "prepared", beads=(path,))


def test_variables_are_of_the_beads_in_the_campaign_s_order(inputs):
    task = task_of(SampleJob.read(JOB.canonical()), inputs)
    assert list(task.variables) == ["phi", "d"]
    (force,) = task.variables["d"].parts
    assert isinstance(force, openmm.CustomBondForce)
    assert force.getBondParameters(0)[:2] == [0, 3]


def test_missing_beads_are_named(inputs):
    with pytest.raises(InputError, match=r"^--beads: those of mapping 'all' are missing$"):
        task_of(JOB, SampleInputs(inputs.prepared))


def test_other_beads_are_another_job(inputs):
    """So that a restart bundle, or hills, of a bias on other beads are not used."""
    before, task = inputs.identity(JOB), task_of(JOB, inputs)
    same = SampleInputs(inputs.prepared, beads=inputs.beads)
    assert same.identity(JOB) == before and task_of(JOB, same).identity == task.identity
    (path,) = inputs.beads
    moved = path.read_text().replace('"A"', '"A2"')
    path.write_text(moved)
    changed = SampleInputs(inputs.prepared, beads=(path,))
    assert changed.identity(JOB) != before
    with pytest.raises(InputError, match="there is no bead 'A'"):
        task_of(JOB, changed)
