"""What a run takes: counted from the config, estimated from timings, and shown by plan.py."""

import json
import shutil
import sys
from pathlib import Path

import openmm
import pytest
import yaml

import plan
from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.paths import PreparedPaths, ReplicaPaths, use_output
from meanforce.planning.amounts import Amount, Cost, Sizes, amounts, frames_of, training_steps
from meanforce.planning.estimate import Speeds, estimate
from meanforce.planning.overview import disk, table
from meanforce.planning.pending import pending_of
from meanforce.planning.sizes import sizes_of
from meanforce.restart.noted import note_run, record_of
from meanforce.settings import inputs
from meanforce.settings.load import load_config
from meanforce.settings.plan import PlannedJob, planned_jobs
from meanforce.settings.yaml_file import read_config_file


@pytest.fixture
def water(root, monkeypatch):
    monkeypatch.chdir(root)
    path = root / "config" / "capped_alanine_water_cluster.yaml"
    return load_config(yaml.safe_load(path.read_text()))


def counted(config, stage: str) -> list[Amount]:
    return [one for one in amounts(config, sizes_of(config)[0]) if one.job.stage == stage]


def test_every_planned_job_is_counted_once(water):
    work = amounts(water, sizes_of(water)[0])
    assert [one.job for one in work] == planned_jobs(water)
    assert not any(one.done for one in work)


def test_atomistic_time_is_that_of_the_campaigns(water):
    """17 jobs of 20 ns and 0.1 ps of equilibration, by the config's comment "340 ns together"."""
    sampled = counted(water, "sample")
    assert len(sampled) == 17
    assert sum(one.atomistic for one in sampled) == pytest.approx(17 * (20_000 + 100))
    # A frame's forces take another step.
    frames = {"unbiased": 100_000, "metadynamics": 90_000, "reference": 36_000}
    for one in sampled:
        assert one.steps == 20_100 / 0.004 + frames[one.job.place.campaign]
    (each,) = {one.atomistic for one in counted(water, "equilibrate")}
    assert each == 520


def storing(config, store: str):
    """The config with frames of the solute, or of all atoms."""
    campaigns = {
        name: one.model_copy(update={"store": store})
        for name, one in config.campaigns["capped_alanine_water"].items()
    }
    return config.model_copy(update={"campaigns": {"capped_alanine_water": campaigns}})


def test_frames_of_the_solute_take_little(water):
    """As the config's comment says; and no stage recomputes forces."""
    sizes, _ = sizes_of(water)
    assert sum(one.stored for one in amounts(water, sizes)) == pytest.approx(1.3e9, rel=0.02)
    assert not counted(water, "forces") and counted(storing(water, "all"), "forces")


def test_disk_is_that_of_real_runs(water):
    """50 kB for a frame of all atoms, 55 GB together."""
    water = storing(water, "all")
    sizes, guessed = sizes_of(water)
    assert guessed == ["capped_alanine_water"]
    # 2,047 atoms were placed in this box.
    assert sizes.atoms["capped_alanine_water"] == pytest.approx(2047, rel=0.1)
    whole = sum(one.stored for one in amounts(water, sizes))
    assert whole == pytest.approx(55e9, rel=0.1)
    assert "GB in new files" in disk(amounts(water, sizes))


def test_training_steps_are_those_of_real_runs(root, monkeypatch):
    """Two halves of 20,000 frames, or all of 12,500 but one fold of four."""
    monkeypatch.chdir(root)
    quick = load_config(yaml.safe_load((root / "config/quick.yaml").read_text()))
    pair = training_steps(quick, "capped_alanine_metadynamics_heavy_cgnet", 0)
    assert pair == 30 * (10_000 // 128)
    single = training_steps(quick, "capped_alanine_unbiased_core_beta_cgnet", 0)
    assert single == 20 * (9_375 // 128)
    network = quick.potentials["cgnet"]
    chosen = network.training.model_copy(update={"weight_decay": "auto"})
    quick.potentials["cgnet"] = network.model_copy(update={"training": chosen})
    name = "capped_alanine_metadynamics_heavy_cgnet"
    assert training_steps(quick, name, 0) == 3 * pair


def test_linear_fits_take_frames_and_fits_with_cg_runs_only_their_start(root, monkeypatch):
    """The 2 × 500 frames of propane but one fold of eight."""
    monkeypatch.chdir(root)
    propane = load_config(yaml.safe_load((root / "config/propane.yaml").read_text()))
    fits = counted(propane, "train")
    assert {(one.key[0], one.steps, one.most) for one in fits} == {("fit", 875, 875)}
    assert table(fits)[1].endswith(f"{875 * len(fits):,} frames of linear fits")
    name = next(iter(propane.potentials))
    runs = {"time_step": "4 fs", "friction": "1/ps", "equilibration": "1 ps", "length": "8 ps",
            "stride": "1 ps"}  # fmt: skip
    raw = yaml.safe_load((root / "config/propane.yaml").read_text())
    raw["potentials"][name]["fitting"] = {"kind": "boltzmann_inversion", "simulation": runs}
    iterated = counted(load_config(raw), "train")
    assert {(one.key, one.steps) for one in iterated} == {((), 0)}


def test_frames_of_data_and_of_cg_runs_are_those_of_real_runs(root, monkeypatch):
    """10,000 frames of 400 ps, 5,000 of a reference of 500 ps, and 40 of each of 100 chains."""
    monkeypatch.chdir(root)
    quick = load_config(yaml.safe_load((root / "config/quick.yaml").read_text()))
    mapped = {one.job.place: one.steps for one in counted(quick, "map")}
    for place, frames in mapped.items():
        if place.system == "capped_alanine":
            expected = {"unbiased": 12_500, "metadynamics": 10_000, "reference": 5_000}
            assert frames == expected[place.campaign]
    judged = {
        one.job.place.state: one for one in counted(quick, "validate")
        if one.job.place.experiment == "capped_alanine_metadynamics_heavy_cgnet"
    }  # fmt: skip
    for state, one in judged.items():
        data = 5_000 if state == "T350" else 15_000
        assert (one.steps, one.most) == (data + 4_000, data + 40_000)
    assert len({one.key for one in judged.values()}) == 1


def test_runs_of_a_learning_curve_use_their_share(root, monkeypatch):
    """At most 80 % of their time, the rest being discarded, and not much less."""
    monkeypatch.chdir(root)
    config = load_config(yaml.safe_load((root / "config/learning_curve.yaml").read_text()))
    runs = {
        name: run for name, run in config.experiments.items() if run.campaigns == ["metadynamics"]
    }
    assert len({run.time for run in runs.values()}) > 2
    for name, run in runs.items():
        windows = stages.train_job(config, name, 0).windows
        places = inputs.training_data(config, name)
        stride = config.campaigns[run.system]["metadynamics"].stride
        used = stride * sum(map(frames_of, [config] * len(places), places, windows))
        assert 0.5 * run.time < used <= 0.8 * run.time


def job(stage: str, number: int, **values) -> Amount:
    return Amount(PlannedJob(stage, f"{stage}{number}", ""), False, **values)


def test_hours_are_bounded_by_cores_and_by_the_longest_jobs():
    speeds = Speeds({("s",): Cost(2.0), ("c",): Cost(1.0)}, {"sample": 1.0, "simulate": 0.0}, ())
    work = [job("sample", n, key=("s",), steps=10, most=10) for n in range(6)]
    work.append(job("simulate", 0, key=("c",), steps=50, most=200))
    on_two = estimate(work, speeds, 2)
    assert on_two.stages == {"sample": (126, 126), "simulate": (50, 200)}
    assert on_two.least == (126 + 50) / 2
    # One CG run cannot be shared among cores.
    assert on_two.most == 21 + 200
    on_one = estimate(work, speeds, 1)
    assert (on_one.least, on_one.most) == (176, 326)
    # A job has a part that its steps do not decide.
    more = Speeds({("s",): Cost(2.0, 5.0), ("c",): Cost(1.0)}, speeds.start, ())
    assert estimate(work, more, 1).least == 176 + 6 * 5
    finished = [Amount(one.job, True, one.key, one.steps, one.most) for one in work]
    assert estimate(finished, speeds, 1).most == 0


def test_jobs_of_several_threads_have_their_own_speed_and_cores():
    speeds = Speeds({("s",): Cost(1.0)}, {"sample": 0.0}, ())
    work = [job("sample", n, key=("s",), steps=10, most=10, threads=3) for n in range(4)]
    # One, one, two and four at a time; a job has no more threads than there are cores.
    walls = {cores: estimate(work, speeds, cores).least for cores in (2, 4, 6, 12)}
    assert walls == {2: 40, 4: 40, 6: 20, 12: 10}


def test_threads_are_those_of_campaigns_and_of_the_equilibration(water):
    """Their steps are timed with them; forces are recomputed by one thread."""
    name = "capped_alanine_water"
    campaigns = {
        key: one.model_copy(update={"threads": 4}) for key, one in water.campaigns[name].items()
    }
    system = water.systems[name]
    equilibration = system.equilibration.model_copy(update={"threads": 2})
    changed = storing(
        water.model_copy(
            update={
                "campaigns": {name: campaigns},
                "systems": {name: system.model_copy(update={"equilibration": equilibration})},
            }
        ),
        "all",
    )
    expected = {
        "equilibrate": (2, "2 threads"),
        "sample": (4, "4 threads"),
        "forces": (1, "1 thread"),
    }
    for stage, threads in expected.items():
        assert {(one.threads, one.key[-1]) for one in counted(changed, stage)} == {threads}


def test_table_has_done_and_to_do():
    work = [job("train", n, key=("t",), steps=100, most=100) for n in range(3)]
    work.append(Amount(PlannedJob("train", "x", ""), True, ("t",), 100, 100))
    lines = [line.split() for line in table(work)]
    assert lines[1] == ["train", "1", "3", "300", "optimisation", "steps"]
    assert lines[-1] == ["all", "1", "3"]
    work = [job("validate", n, key=("v",), steps=1000, most=2500) for n in range(2)]
    assert table(work)[1].endswith("2,000 to 5,000 frames")
    work = [job("map", 0, key=("m",), steps=1000, most=1000)]
    assert table(work)[1].endswith("  1,000 frames")


def run(monkeypatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["plan.py", *arguments])
    plan.main()


def failed(monkeypatch, *arguments: str) -> str:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *arguments)
    return str(stopped.value)


def test_config_that_is_missing_or_wrong_gets_a_sentence(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.yaml").write_text("seed: 1\nseed: 2\n")
    assert "--configfile my.yaml; here are: mine.yaml" in failed(monkeypatch)
    assert "'my.yaml' does not exist" in failed(monkeypatch, "--configfile", "my.yaml")
    assert "mine.yaml, line 2: the key 'seed'" in failed(monkeypatch, "--configfile", "mine.yaml")
    said = failed(monkeypatch, "--configfile", "mine.yaml", "--cores", "0")
    assert said.startswith("error: --cores: 0 is not a number of cores")
    (tmp_path / "mine.yaml").write_text("seed: 1\nsystem: {}\n")
    said = failed(monkeypatch, "--configfile", "mine.yaml")
    assert "mine.yaml: the config cannot be used" in said and "did you mean 'systems'" in said


@pytest.fixture
def checkout(root, tmp_path, monkeypatch):
    """A folder to run in, with results of the config for one's own molecule."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "resources").symlink_to(root / "resources")
    text = (root / "config/your_molecule.yaml").read_text()
    (tmp_path / "my.yaml").write_text(text)
    contents = yaml.safe_load(text) | {"output": "results/my"}
    use_output("results/my")
    note_run(contents, Path("my.yaml"))
    made = ReplicaPaths("my_molecule", "T300", "metadynamics", 1)
    Path(made.trajectory).parent.mkdir(parents=True)
    for file in (made.trajectory, made.table, made.segments, made.sample_log):
        Path(file).touch()
    yield tmp_path
    use_output("results")


def test_notices_are_printed(checkout, monkeypatch, capsys):
    text = (
        (checkout / "my.yaml")
        .read_text()
        .replace("reference: reference", "reference: metadynamics")
    )
    (checkout / "my.yaml").write_text(text)
    run(monkeypatch, "--configfile", "my.yaml")
    assert "notice: experiments.my_experiment.reference: 'metadynamics' is also in 'campaigns'" in (
        capsys.readouterr().err
    )


def test_results_that_exist_are_done_or_made_anew(checkout, monkeypatch, capsys):
    """And what follows from those that are made anew, by the settings in Snakemake's records."""
    config = load_config(read_config_file(Path("my.yaml")))
    jobs = planned_jobs(config)
    for job in jobs:
        for file in map(Path, job.outputs):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.touch()
        Path(job.log).touch()
    prepared = PreparedPaths("my_molecule")
    system = Path(prepared.system_xml)
    assert "system.xml: is not a system" in failed(monkeypatch, "--configfile", "my.yaml")
    system.write_text(openmm.XmlSerializer.serialize(openmm.System()))
    shutil.copystat(prepared.state_xml, system)  # older than what follows from it
    run(monkeypatch, "--configfile", "my.yaml")
    said = capsys.readouterr().out
    assert "results in results/my/" in said and "made anew" not in said
    assert said.splitlines()[-2].split() == ["all", str(len(jobs)), "0"]
    changed = ReplicaPaths("my_molecule", "T300", "metadynamics", 1)
    for file in (changed.trajectory, changed.table, changed.segments):
        record = record_of(Path(file))
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps({"params": ["'before'"], "record_format_version": 6}))
    run(monkeypatch, "--configfile", "my.yaml")
    said = capsys.readouterr().out
    assert f"have changed: {changed.trajectory}, {changed.forces}, " in said
    rows = {line.split()[0]: line.split()[1:3] for line in said.splitlines()}
    assert [rows[stage][1] for stage in ("prepare", "sample", "forces", "map")] == list("0111")
    trained = sum(job.stage == "train" for job in jobs)
    assert rows["train"] == ["0", str(trained)] and rows["report"] == ["0", "1"]


def test_a_longer_run_counts_what_is_new(root, monkeypatch):
    monkeypatch.chdir(root)
    quick = load_config(yaml.safe_load((root / "config/quick.yaml").read_text()))
    sizes, _ = sizes_of(quick)
    place = ReplicaPaths("muller_brown", "T300", "static", 1)
    whole, part = (
        next(
            one
            for one in amounts(quick, sizes, {place.trajectory}, share)
            if one.job.output == place.trajectory
        )
        for share in ({}, {place.trajectory: 0.25})
    )
    assert not whole.done and not part.done
    assert part.atomistic == 0.25 * whole.atomistic > 0 and part.steps == 0.25 * whole.steps
    assert sum(not one.done for one in amounts(quick, sizes, {place.segments})) == 1


def test_a_table_of_another_version_of_snakemake_is_refused():
    table = ["output_file\tdate\tplan", "a\t-\tupdate pending", "b\t-\tno update"]
    assert pending_of(table) == {"a"}
    with pytest.raises(InputError, match="snakemake --summary: its output is not the table"):
        pending_of(["Building DAG of jobs...", *table])


def test_results_of_another_config_are_named(checkout, monkeypatch, capsys):
    other = (checkout / "my.yaml").read_text().replace("bias_factor: 6", "bias_factor: 8")
    (checkout / "other.yaml").write_text(f"output: results/my\n{other}")
    with pytest.raises(SystemExit) as ended:
        run(monkeypatch, "--configfile", "other.yaml")
    assert "error: the run would be refused:\noutput: 'results/my' has resu" in str(ended.value)
    assert "results of the config 'my'" in str(ended.value)
    assert "work to do" in capsys.readouterr().out


def test_sizes_of_prepared_systems_are_read(water):
    sizes = Sizes(
        {"capped_alanine_water": 100}, {"capped_alanine_water": 22}, sizes_of(water)[0].beads
    )
    (stored,) = {
        one.stored for one in amounts(water, sizes)
        if one.job.stage == "sample" and one.job.place.campaign == "reference"
    }  # fmt: skip
    assert stored == 18_000 / 0.5 * 22 * 24
    (stored,) = {
        one.stored for one in amounts(storing(water, "all"), sizes)
        if one.job.stage == "sample" and one.job.place.campaign == "reference"
    }  # fmt: skip
    assert stored == 18_000 / 0.5 * 100 * 12
