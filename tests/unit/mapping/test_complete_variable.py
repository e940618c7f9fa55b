"""Structures in files of the user become positions of beads, or are refused with a reason."""

import mdtraj
import numpy as np
import pytest
import torch

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.jobs.completed_variable import CompletedVariable, by_identity
from meanforce.jobs.sample import SampleJob
from meanforce.jobs.validate import UmbrellaWindows
from meanforce.mapping.complete_variable import check_one_piece, complete
from meanforce.mapping.configuration import build_beads
from meanforce.potentials.variables import evaluate_variables
from meanforce.settings import inputs
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.plan import planned_jobs


@pytest.fixture(scope="module")
def structure(root) -> mdtraj.Trajectory:
    return mdtraj.load(root / "resources" / "chignolin_extended.pdb")


@pytest.fixture(scope="module")
def beads(structure) -> Beads:
    settings = MappingSettings(template="ca", force_map="aggregate")
    return build_beads(settings, structure.topology, "mapping")


def saved(frames: mdtraj.Trajectory, path) -> str:
    frames.save(str(path))
    return str(path)


def moved(structure: mdtraj.Trajectory, count: int) -> mdtraj.Trajectory:
    """Frames with ever larger displacements; the first is the structure."""
    rng = np.random.default_rng(1)
    frames = [
        structure.xyz[0] + 0.03 * k * rng.normal(size=(structure.n_atoms, 3)) for k in range(count)
    ]
    return mdtraj.Trajectory(np.array(frames), structure.topology)


def declared(kind: str, *references: str, **values) -> CollectiveVariableSettings:
    values |= {"references": list(references)} if references else {}
    return CollectiveVariableSettings(kind=kind, mapping="ca", **values)


def of_file(variable, beads, structure) -> CollectiveVariableSettings:
    return complete(variable, beads, structure.topology, "collective_variables.mine.v")


def test_positions_are_those_of_the_beads_whatever_the_file_lacks(structure, beads, tmp_path):
    """Hydrogens are missing, and frames of a path are in two files."""
    heavy = structure.atom_slice(structure.topology.select("element != H"))
    frames = moved(heavy, 4)
    files = saved(frames[:3], tmp_path / "a.pdb"), saved(frames[3], tmp_path / "b.gro")
    path = of_file(declared("path_s", *files), beads, structure)
    assert path.beads == list(beads.names)
    assert path.residues == list(range(structure.n_residues))
    wanted = frames.xyz[:, heavy.topology.select("name CA")]
    np.testing.assert_allclose(path.structures, wanted, atol=1e-3)  # digits of files


def test_weighted_beads_and_a_choice_of_them(structure, tmp_path):
    settings = MappingSettings(template="ca_side_chain", force_map="aggregate", weights="mass")
    beads = build_beads(settings, structure.topology, "mapping")
    chosen = [name for name in reversed(beads.names) if "TRP" in name or "TYR" in name]
    file = saved(structure, tmp_path / "a.pdb")
    found = of_file(declared("rmsd", file, beads=chosen), beads, structure)
    positions = beads.matrix(structure.n_atoms) @ structure.xyz[0].astype(float)
    wanted = positions[[beads.names.index(name) for name in chosen]]
    np.testing.assert_allclose(found.structures[0], wanted, atol=1e-4)
    values = evaluate_variables([found], list(beads.names), torch.from_numpy(positions)[None])
    assert values.item() < 1e-4


def test_names_of_residues_that_differ_in_hydrogens_are_the_same(structure, beads, tmp_path):
    text = saved(structure, path := tmp_path / "a.gro")
    changed = path.read_text().replace("ASP", "ASH").replace("GLU", "GLH")
    assert changed.count("ASH") > 5
    path.write_text(changed)
    assert of_file(declared("rmsd", text), beads, structure).structures is not None


def only(structure, selection):
    return structure.atom_slice(structure.topology.select(selection))


BAD = {
    "too few residues": (
        lambda s: only(s, "resid < 6"),
        r"v\.references: '.*' has 6 residues, but the system's residue \S+ with beads is the 7th",
    ),
    "another residue": (
        lambda s: only(s, "resid > 0"),
        r"residue 1 of '.*' is \S+, but that of the system is \S+; the file must have the same",
    ),
    "an atom is missing": (
        lambda s: only(s, "not (resid 2 and name CA)"),
        r"'.*' has no atom CA in \S+, which bead positions need; there are N",
    ),
    "two structures": (lambda s: moved(s, 2), r"a rmsd takes one structure, but the files have 2"),
    "cut by a box": (
        lambda s: mdtraj.Trajectory(
            s.xyz + np.where(np.arange(s.n_atoms) > 70, 4.0, 0.0)[:, None], s.topology
        ),
        r"in structure 1 of '.*' the bonded beads \S+ and \S+ are more than 1\.5 nm apart; make",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_files_that_do_not_fit_are_refused(structure, beads, tmp_path, name):
    change, message = BAD[name]
    file = saved(change(structure), tmp_path / "a.pdb")
    with pytest.raises(InputError, match=message):
        of_file(declared("rmsd", file), beads, structure)


def test_one_structure_is_no_path(structure, beads, tmp_path):
    file = saved(structure, tmp_path / "a.pdb")
    with pytest.raises(InputError, match="a path_z takes two structures at least, but the files"):
        of_file(declared("path_z", file), beads, structure)


def test_files_that_cannot_be_read_are_refused(structure, beads, tmp_path):
    (tmp_path / "a.pdb").write_text("ATOM nonsense\n")
    for file, message in (
        (tmp_path / "a.pdb", "cannot be read"),
        (tmp_path / "a.xyz", r"the format of '.*' is not known; allowed are \.pdb, \.cif, \.gro"),
        (tmp_path / "b.pdb", "does not exist"),
    ):
        with pytest.raises(InputError, match=message):
            of_file(declared("rmsd", str(file)), beads, structure)


def test_mappings_with_too_few_beads_are_refused(structure):
    settings = MappingSettings(beads={"A": "name CA and resid 0"}, force_map="aggregate")
    beads = build_beads(settings, structure.topology, "mapping")
    with pytest.raises(InputError, match="takes at least 2 beads, but mapping 'ca' has 1"):
        of_file(declared("radius_of_gyration"), beads, structure)


def test_several_molecules_in_a_box_are_refused(beads):
    pair = Beads.of_beads(
        names="ABCD", atoms=((0,), (1,), (2,), (3,)), weights=((1.0,),) * 4,
        bonds=((0, 1), (2, 3)), masses=np.ones(4),
    )  # fmt: skip
    of_both = declared("radius_of_gyration", beads=list("ABC"))
    with pytest.raises(InputError, match="several molecules in a periodic box, but a radius_of"):
        check_one_piece(of_both, pair, "v")
    check_one_piece(declared("radius_of_gyration", beads=list("CD")), pair, "v")


def test_jobs_get_the_completed_variable_wherever_it_stands(structure, beads, tmp_path):
    file = saved(structure, tmp_path / "a.pdb")
    variable = declared("rmsd", file)
    completed = of_file(variable, beads, structure)
    CompletedVariable(variable, completed).write(tmp_path / "v.json")
    known = by_identity([tmp_path / "v.json"])
    assert known == {variable.identity: completed}
    job = SampleJob.of(
        campaign={
            "kind": "static", "length": 1.0, "stride": 0.1, "time_step": 0.002, "friction": 1.0,
            "equilibration": 0.0, "collective_variables": ["v"], "formula": "v",
        },
        job=1, temperature=300.0, collective_variables={"v": variable}, seed=1,
    )  # fmt: skip
    assert job.with_variables({}) == job
    assert job.with_variables(known).collective_variables["v"] == completed
    # Of the restart bundle, so that another structure is another job.
    assert job.with_variables(known).canonical() != job.canonical()
    windows = {"centers": [[0.1]], "force_constants": [1.0], "collective_variables": [variable]}
    inside = validated(UmbrellaWindows, windows, "windows", known)
    assert inside.collective_variables == [completed]


def test_a_damaged_file_of_a_variable_is_refused(tmp_path):
    (tmp_path / "v.json").write_text('{"declared": {}}')
    with pytest.raises(InputError, match="is not a collective variable with its structures"):
        by_identity([tmp_path / "v.json"])


def test_the_plan_has_a_job_for_each_variable_that_something_uses(config):
    """Biased by a campaign, by a CG run, or judged; jobs of other stages read these files."""
    declared = config["collective_variables"]["capped_alanine"]
    declared["size"] = {"kind": "radius_of_gyration", "mapping": "heavy"}
    declared["unused"] = {"kind": "radius_of_gyration", "mapping": "core_beta"}
    config["experiments"] = {
        name: one for name, one in config["experiments"].items() if one["mapping"] == "heavy"
    }
    loaded = load_config(config)
    made = [job for job in planned_jobs(loaded) if job.stage == "variable"]
    assert [job.output.rpartition("/")[2] for job in made] == ["size.json"]
    (name, *_) = loaded.experiments
    experiment = loaded.experiments[name]
    assert inputs.watched_variables(loaded, name) == []
    (judged,) = inputs.judged_variables(loaded, name)
    assert judged.completed == made[0].output
    assert "size" in stages.validate_job(loaded, name, experiment.train[0]).collective_variables
    names = (experiment.system, judged.mapping, "size")
    assert stages.variable_job(loaded, *names).variable.incomplete
