"""Campaigns of frames that exist already: what a config may say of them, and the jobs they make."""

from pathlib import Path

import pytest

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.jobs.import_frames import ImportJob
from meanforce.jobs.replaced import replaced
from meanforce.sampling.check import check_structures
from meanforce.settings import inputs
from meanforce.settings.load import load_config
from meanforce.settings.plan import planned_jobs
from meanforce.settings.systems.peptide import PeptideSettings

SYSTEM, EXPERIMENT = "capped_alanine", "capped_alanine_metadynamics_heavy_cgnet"


def with_runs(config: dict, tmp_path, forces: str = "recompute", **trajectory) -> dict:
    """The default config with one experiment, on two runs at 300 K and one at 400 K."""
    for name in ("a.trr", "b.trr", "c.trr", "COLVAR"):
        (tmp_path / name).touch()

    def run(name: str, state: str) -> dict:
        return {"files": [str(tmp_path / name)], "state_point": state}

    config["campaigns"][SYSTEM]["mine"] = {
        "kind": "external", "forces": forces,
        "trajectories": [run("a.trr", "T300") | trajectory, run("b.trr", "T400") | trajectory,
                         run("c.trr", "T300") | trajectory],
    }  # fmt: skip
    config["experiments"] = {
        EXPERIMENT: config["experiments"][EXPERIMENT]
        | {"campaigns": ["mine"], "train": ["T300", "T400"], "held_out": ["T350"]}
    }
    return config


def mine(config: dict) -> dict:
    return config["campaigns"][SYSTEM]["mine"]


def test_replicas_are_the_trajectories_at_a_state_point(config, tmp_path):
    loaded = load_config(with_runs(config, tmp_path))
    found = inputs.training_data(loaded, EXPERIMENT)
    assert [(place.state, place.replica) for place in found] == [
        ("T300", 1), ("T300", 2), ("T400", 1),
    ]  # fmt: skip
    files = inputs.imported_files(loaded, SYSTEM, "T300", "mine", "2")
    assert files == [str(tmp_path / "c.trr")]
    job = stages.import_frames_job(loaded, SYSTEM, "T400", "mine", 1)
    assert (job.trajectory.files, job.temperature) == ([str(tmp_path / "b.trr")], 400.0)
    assert ImportJob.read(job.canonical()) == job
    trained = stages.train_job(loaded, EXPERIMENT, 0)
    assert trained.datasets_per_replica == [1, 1, 1]
    assert stages.report_job(loaded).experiments[EXPERIMENT].atomistic_time is None
    validated = stages.validate_job(loaded, EXPERIMENT, "T300").training
    assert [(facts.datasets, facts.dynamical) for facts in validated] == [(2, True)]


@pytest.mark.parametrize(
    ("forces", "stage", "recomputed"),
    [("recompute", "import_frames", 3), ("file", "import_frames_and_forces", 0)],
)
def test_plan(config, tmp_path, forces, stage, recomputed):
    config = with_runs(config, tmp_path, forces)
    config["experiments"][EXPERIMENT]["reference"] = "metadynamics"
    jobs = planned_jobs(load_config(config))
    mine = [job.stage for job in jobs if "/mine/" in job.output]
    assert mine.count(stage) == 3 and mine.count("forces") == recomputed
    assert "sample" not in mine and mine.count("map") == 3
    config["experiments"][EXPERIMENT] |= {"reference": "mine", "held_out": []}
    assert not [job for job in planned_jobs(load_config(config)) if job.stage == "sample"]


def changed(**values):
    return lambda config: mine(config).update(values)


def trajectory(**values):
    return lambda config: mine(config)["trajectories"][1].update(values)


def experiment(**values):
    return lambda config: config["experiments"][EXPERIMENT].update(values)


WHERE = rf"campaigns\.{SYSTEM}\.mine"
BIAS = {"file": "COLVAR", "column": "metad.rbias"}
WRONG = {
    "an unknown suffix": (
        trajectory(files=["a.xyz"]),
        r"trajectories\.1: 'format' is missing, and the suffix of 'a\.xyz' is not known",
    ),
    "a pickle": (
        trajectory(files=["frames.pt"]),
        r"'frames\.pt' is a pickle, which can run code when it is opened",
    ),
    "a pickle of another format": (trajectory(files=["a.pkl"], format="npz"), "is a pickle"),
    "a pickle of bias energies": (
        trajectory(bias={"file": "b.pickle", "column": "V"}), r"'b\.pickle' is a pickle",
    ),
    "times as bias energies": (
        trajectory(bias={"file": "COLVAR", "column": "time"}),
        r"'column' is 'time', which holds the times; give the column of bias energies",
    ),
    "one array twice": (
        trajectory(files=["a.npz"], arrays={"positions": "x", "forces": "x"}),
        r"'arrays' gives the name 'x' twice",
    ),
    "units of TRR": (trajectory(units="real"), "the files have units of their own"),
    "arrays of TRR": (trajectory(arrays={"positions": "x"}), "only NPZ files have arrays"),
    "a time step of TRR": (trajectory(time_step="1 fs"), "only LAMMPS dumps number their steps"),
    "a dump without units": (
        trajectory(files=["a.dump"]), "holds neither its units nor its time step",
    ),
    "a range backwards": (
        trajectory(begin="2 ns", end="1 ns"), r"'begin' \(2000 ps\) is after 'end' \(1000 ps\)",
    ),
    "no forces in the format": (
        lambda config: (changed(forces="file")(config), trajectory(files=["a.xtc"])(config)),
        rf"{WHERE}\.trajectories\[1\]\.files: 'a\.xtc' is of a format that holds no forces",
    ),
    "an unknown state point": (
        trajectory(state_point="T7"),
        rf"{WHERE}\.trajectories\[1\]\.state_point: there is no state point 'T7'",
    ),
    "some are biased": (
        trajectory(bias=BIAS), rf"{WHERE}\.trajectories\[0\]\.bias: is missing, but other",
    ),
    "variables without a bias": (
        changed(collective_variables=["phi"]),
        rf"{WHERE}\.collective_variables: are those that a bias depends on",
    ),
    "an unknown variable": (
        changed(collective_variables=["chi"]),
        rf"{WHERE}\.collective_variables: there is no collective variable 'chi'",
    ),
    "no trajectory at a state point": (
        experiment(train=["T300", "T350", "T400"], held_out=[]),
        rf"experiments\.{EXPERIMENT}: uses campaign 'mine' at state point 'T350', of which",
    ),
    "no reference at a held-out state point": (
        experiment(reference="mine"), "uses campaign 'mine' at state point 'T350', of which",
    ),
    "a replica that some state points have": (
        experiment(replicas=[2]), r"replicas: 2 does not exist; campaign 'mine' has 1 to 1",
    ),
    "a learning curve": (
        experiment(atomistic_time=["1 ns"], seeds=1),
        "'mine' has frames from files, whose atomistic time is not in the config",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_named_before_any_job(config, tmp_path, what):
    change, message = WRONG[what]
    config = with_runs(config, tmp_path)
    load_config(config)
    change(config)
    with pytest.raises(InputError, match=message):
        load_config(config)


@pytest.mark.parametrize("name", ["a.trr", "COLVAR"])
def test_a_file_that_does_not_exist(config, tmp_path, name):
    bias = {"file": str(tmp_path / "COLVAR"), "column": "metad.rbias"}
    config = with_runs(config, tmp_path, bias=bias)
    mine(config)["collective_variables"] = ["phi", "psi"]
    check_structures(load_config(config))
    (tmp_path / name).unlink()
    with pytest.raises(InputError, match=rf"trajectories\[0\]\.\S+: '\S*{name}' does not exist"):
        check_structures(load_config(config))


def test_a_bias_that_may_be_no_function_of_the_beads(config, tmp_path):
    bias = {"file": str(tmp_path / "COLVAR"), "column": "metad.rbias"}
    config = with_runs(config, tmp_path, bias=bias)
    message = rf"{WHERE}\.collective_variables: are missing, so that the bias .* 'weights: bias'"
    with pytest.raises(InputError, match=message):
        check_structures(load_config(config))
    config["experiments"][EXPERIMENT]["weights"] = "bias"
    loaded = load_config(config)
    check_structures(loaded)
    assert not loaded.campaigns[SYSTEM]["mine"].dynamical
    # Variables of other beads than those of the mapping.
    del config["experiments"][EXPERIMENT]["weights"]
    mine(config)["collective_variables"] = ["phi"]
    config["experiments"][EXPERIMENT]["mapping"] = "ends"
    ends = {"A": ["ACE1-CH3"], "B": ["NME3-C"]}
    config["mappings"][SYSTEM]["ends"] = {"beads": ends, "force_map": "aggregate"}
    with pytest.raises(InputError, match="weights: bias"):
        check_structures(load_config(config))


def test_a_system_without_a_force_field(config, tmp_path, monkeypatch):
    config = with_runs(config, tmp_path, "file")
    config["campaigns"][SYSTEM] = {"mine": mine(config)}
    config["experiments"][EXPERIMENT] |= {"reference": "mine", "held_out": []}
    monkeypatch.setattr(PeptideSettings, "has_force_field", False)
    load_config(config)
    mine(config)["forces"] = "recompute"
    message = rf"{WHERE}: needs the forces of system '{SYSTEM}', which has no force field"
    with pytest.raises(InputError, match=message):
        load_config(config)


def test_what_changes_no_import(config, tmp_path):
    """Another trajectory of the campaign does not concern one that was imported."""
    config = with_runs(config, tmp_path)
    names = (SYSTEM, "T300", "mine", 1)
    before = stages.import_frames_job(load_config(config), *names).canonical()
    mine(config)["trajectories"].append({"files": ["d.trr"], "state_point": "T300"})
    mine(config)["continuous"] = False
    assert stages.import_frames_job(load_config(config), *names).canonical() == before
    mine(config)["trajectories"][0]["stride"] = 2
    assert stages.import_frames_job(load_config(config), *names).canonical() != before


def test_files_that_change_replace_results_of_another_config(config, tmp_path, monkeypatch):
    """Another config with the same folder of results, whose campaign reads other frames."""
    before = load_config(with_runs(config, tmp_path))
    changed = with_runs(config, tmp_path, stride=2)
    monkeypatch.chdir(tmp_path)
    (made,) = [
        place.trajectory
        for place in inputs.training_data(before, EXPERIMENT)
        if (place.state, place.replica) == ("T400", 1)
    ]
    Path(made).parent.mkdir(parents=True)
    Path(made).touch()
    assert replaced(before, before) == []
    assert replaced(before, load_config(changed)) == [made]
