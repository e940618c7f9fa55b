"""Learning curves in the config: the runs they become, and what of its data each run may use."""

import json

import numpy as np
import pytest
import yaml
from config_changes import put

from meanforce.data.dataset import Dataset
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.dynamics.starts import candidates
from meanforce.errors import InputError
from meanforce.fitting.frames import FrameChoice, read_frames
from meanforce.jobs import stages
from meanforce.jobs.learning_curve import CurveRun
from meanforce.settings.learning_curves import learning_curves
from meanforce.settings.load import load_config
from meanforce.settings.plan import planned_jobs

TIMES = ["0.25 ns", "0.5 ns", "1 ns", "2.5 ns", "5 ns"]
SYSTEM = "capped_alanine"


@pytest.fixture
def raw(root, monkeypatch) -> dict:
    """A copy of the ready-made config with steps of 2 fs, which tests may change."""
    monkeypatch.chdir(root)
    text = (root / "config" / "learning_curve.yaml").read_text()
    config = json.loads(json.dumps(yaml.safe_load(text)))
    for campaign in config["campaigns"][SYSTEM].values():
        campaign["time_step"] = "2 fs"
    return config


def test_times_and_seeds_become_runs(raw):
    config = load_config(raw)
    expected = [
        f"{name}_{time}_{seed}"
        for name, times in {
            "metadynamics": (250, 500, 1000, 2500, 5000),
            "unbiased": (250, 500, 1000, 2500, 5000),
            "frozen": (5000,),
            "replica_exchange": (5000,),
        }.items()
        for time in (f"{number}ps" for number in times)
        for seed in range(1, 5)
    ]
    assert list(config.experiments) == expected
    run = config.experiments["unbiased_250ps_4"]
    assert (run.replicas, run.time, run.of, run.seed) == ([4], 250.0, "unbiased", 4)
    assert list(learning_curves(config)) == [SYSTEM]
    about = stages.learning_curve_job(config, SYSTEM).runs
    assert set(about) == set(expected)
    assert about["unbiased_250ps_4"] == CurveRun.model_validate(
        {"experiment": "unbiased", "atomistic_time": 250.0, "seed": 4, "plain": True},
        context={"internal": True},
    )
    assert not about["metadynamics_250ps_4"].plain
    assert stages.atomistic_time(config, "unbiased_250ps_4") == 250.0
    seeds = {stages.train_job(config, name, "0").seed for name in expected}
    assert len(seeds) == len(expected)


@pytest.mark.parametrize("kind", ["unbiased", "metadynamics", "static", "replica_exchange"])
def test_a_window_costs_what_its_run_may_spend(raw, kind):
    """Equilibration, sampling of all copies, a frozen bias and recomputed forces add up."""
    campaigns = raw["campaigns"][SYSTEM]
    raw["mappings"][SYSTEM]["heavy"]["fit_time"] = "100 ps"
    length = 10000.0
    if kind == "metadynamics":
        campaigns["metadynamics"] |= {"walkers": 3, "burn_in": "2 ps"}
    campaigns["static"] = campaigns["unbiased"] | {
        "kind": "static", "bias_of": "reference", "collective_variables": ["phi", "psi"]
    }  # fmt: skip
    campaigns["replica_exchange"] = campaigns["unbiased"] | {
        "kind": "replica_exchange", "levels": 4, "highest": "500 K", "exchange_every": "1 ps"
    }  # fmt: skip
    for campaign in campaigns.values():
        campaign["length"] = f"{length} ps"
    times = [f"{time} ns" for time in (0.5, 8)] if kind != "static" else ["11 ns", "15 ns"]
    one = raw["experiments"]["unbiased"] | {
        "campaigns": [kind], "atomistic_time": times, "seeds": 2, "discard": 0.25
    }  # fmt: skip
    raw["experiments"] = {"one": one}
    config = load_config(raw)
    copies = {"metadynamics": 3, "replica_exchange": 4}.get(kind, 1)
    for name, run in config.experiments.items():
        [(begin, end)] = stages.train_job(config, name, "0").windows
        assert stages.simulate_job(config, name, "T300").windows == [(begin, end)]
        # Frames of a window: begin ≤ time < end, times being multiples of the stride.
        last = np.floor(end / 0.04) * 0.04
        spent = copies * (10.0 + last + 0.002 * last / 0.04)
        spent += 10010.0 if kind == "static" else 0.0
        assert spent <= run.time < spent + 1.1 * copies * 0.04
        assert begin == pytest.approx(max(0.25 * end, 2.0 if kind == "metadynamics" else 0), 0.01)


def test_a_share_for_each_campaign_and_state_point(raw):
    raw["state_points"]["T400"] = {"temperature": "400 K"}
    one = raw["experiments"]["unbiased"] | {
        "campaigns": ["unbiased", "metadynamics"], "train": ["T300", "T400"],
        "atomistic_time": ["2 ns"],
    }  # fmt: skip
    raw["experiments"] = {"one": one}
    windows = stages.train_job(load_config(raw), "one_2000ps_1", "0").windows
    assert len(windows) == 4 and len(set(windows)) == 1
    assert windows[0][1] == pytest.approx((500.0 - 10.0) / 1.05, abs=0.01)


def test_the_equilibration_of_a_box_counts(root, monkeypatch):
    monkeypatch.chdir(root)
    raw = yaml.safe_load((root / "config" / "capped_alanine_water_cluster.yaml").read_text())
    one = raw["experiments"]["capped_alanine_water_unbiased_heavy_cgnet"]
    one |= {"atomistic_time": ["6 ns"], "seeds": 2}
    raw["experiments"] = {"one": one}
    config = load_config(raw)
    phases = config.systems["capped_alanine_water"].equilibration
    before = phases.nvt + phases.npt + phases.nvt_final + 100.0
    windows = stages.train_job(config, "one_6000ps_2", "0").windows
    for _, end in windows:
        assert before + end * (1 + 4 / 200) == pytest.approx(3000.0, abs=0.01)
    assert len(windows) == 2


def test_another_time_needs_no_sampling(raw):
    few, more = raw, json.loads(json.dumps(raw))
    for config in (few, more):
        config["experiments"] = {
            name: config["experiments"][name] for name in ("metadynamics", "unbiased")
        }
    for experiment in few["experiments"].values():
        experiment["atomistic_time"] = TIMES[:2]
    before, after = load_config(few), load_config(more)
    sampled = ("prepare", "sample", "forces", "map")

    def outputs(config, stages):
        return {job.output for job in planned_jobs(config) if job.stage in stages}

    assert outputs(before, sampled) == outputs(after, sampled)
    assert len(outputs(after, ("sample",))) == 12  # 4 + 4 replicas, and 4 of the reference
    assert len(outputs(after, ("validate",))) == 40 > len(outputs(before, ("validate",))) == 16
    assert outputs(after, ("learning_curve",)) == {f"results/learning_curves/{SYSTEM}.csv"}
    for campaign in ("unbiased", "metadynamics"):
        for seed in "1234":
            job = (SYSTEM, "T300", campaign, seed)
            assert stages.sample_job(before, *job) == stages.sample_job(after, *job)
            assert stages.map_job(before, *job, "heavy") == stages.map_job(after, *job, "heavy")
    # Nor does it change what was trained already.
    for name in before.experiments:
        for build in (stages.train_job, stages.simulate_job, stages.validate_job):
            what = "0" if build is stages.train_job else "T300"
            assert build(before, name, what) == build(after, name, what)


def test_other_experiments_use_all_of_their_data(config):
    loaded = load_config(config)
    for name in loaded.experiments:
        assert stages.train_job(loaded, name, "0").windows is None
        assert stages.simulate_job(loaded, name, "T350").windows is None
    assert not learning_curves(loaded)


def test_every_seed_has_a_frozen_bias_of_its_own(raw):
    """The trajectories that build them are sampled, and their frames are not mapped."""
    jobs = {job.output for job in planned_jobs(load_config(raw))}
    of_build = {output for output in jobs if "/build/" in output}
    folder = f"results/{SYSTEM}/T300/build"
    assert of_build == {f"{folder}/{seed}/trajectory.h5" for seed in range(1, 5)}
    frozen = load_config(raw).campaigns[SYSTEM]["frozen"]
    shared = frozen.model_copy(update={"replicas": 9})
    build = load_config(raw).campaigns[SYSTEM]["build"]
    assert [frozen.bias_from(build, 3), shared.bias_from(build, 3)] == [3, 1]


def both(*changes):
    return lambda config: [change(config) for change in changes]


def of_unbiased(**values):
    return lambda config: config["experiments"]["unbiased"].update(values)


def of_campaign(name, **values):
    return lambda config: config["campaigns"][SYSTEM][name].update(values)


BAD = {
    "no seeds": (
        lambda config: config["experiments"]["unbiased"].pop("seeds"),
        "experiments.unbiased: 'atomistic_time' needs 'seeds'",
    ),
    "no times": (
        lambda config: config["experiments"]["unbiased"].pop("atomistic_time"),
        "'discard' belongs to a learning curve; give 'atomistic_time' as well",
    ),
    "a time twice": (of_unbiased(atomistic_time=["1 ns", "1000 ps"]), "names a time twice"),
    "a number": (of_unbiased(atomistic_time=[1]), "1 has no unit; give a time"),
    "replicas too": (of_unbiased(replicas=[1]), "'seeds' determines the replicas"),
    "too few replicas": (
        of_unbiased(seeds=6),
        "experiments.unbiased.seeds: 6 seeds need as many replicas, but campaign 'unbiased' has 4",
    ),
    "a shared frozen bias": (
        of_campaign("build", replicas=3),
        "experiments.frozen.campaigns: replicas of 'frozen' share one bias of 'build', so that "
        "seeds would not be independent; give 'build' as many replicas",
    ),
    "too short for its bias": (
        lambda c: c["experiments"]["frozen"].update(atomistic_time=["0.5 ns"]),
        "500ps leaves 0 frames of campaign 'frozen'",
    ),
    "too long": (
        of_unbiased(atomistic_time=["5 ns", "6 ns"]),
        "6000ps corresponds to 5704.76 ps of campaign 'unbiased' at 'T300', which has only "
        "5000; give less",
    ),
    "too short": (
        of_unbiased(atomistic_time=["12 ps"]),
        "12ps leaves 47 frames of campaign 'unbiased' at 'T300' after equilibration, filling and "
        "'discard'; 10 folds need 80",
    ),
    "shorter than equilibration": (of_unbiased(atomistic_time=["5 ps"]), "5ps leaves 0 frames"),
    "no name for it": (
        of_unbiased(atomistic_time=["1.23456789 ns"]), "is not a whole number of femtoseconds"
    ),
    "shared hills": (
        of_campaign("metadynamics", share_every="10 ps"), "seeds would not be independent"
    ),
    "a fitted force map": (
        put("mappings", SYSTEM, "heavy", "fit_time", None),
        "short times would use data of long",
    ),
    "a force map fitted for longer than a run": (
        # The first frame is stored after 40 fs.
        put("mappings", SYSTEM, "heavy", "fit_time", "228.55 ps"),
        "250ps corresponds to the first 228.572 ps of campaign 'metadynamics' at 'T300', but the "
        "force map of 'heavy' is fitted to the first 228.59 ps, filling included; give a shorter",
    ),
    "another reference": (
        both(
            lambda c: c["campaigns"][SYSTEM].update(other=c["campaigns"][SYSTEM]["reference"]),
            of_unbiased(reference="other"),
        ),
        "experiments.unbiased.reference: differs from that of 'metadynamics', with which it "
        "shares the learning curve 'capped_alanine'",
    ),
    "a name taken": (
        lambda c: c["experiments"].update(
            UNBIASED_250ps_1={
                key: value for key, value in c["experiments"]["unbiased"].items()
                if key not in ("atomistic_time", "seeds", "discard")
            }
        ),
        "gives the run 'UNBIASED_250ps_1', but 'unbiased_250ps_1' exists already",
    ),
    "a long name": (
        lambda c: c["experiments"].update({"x" * 60: c["experiments"]["unbiased"]}),
        "more than 64 characters",
    ),
    "windows": (
        both(
            lambda c: c["campaigns"][SYSTEM].update(
                unbiased=c["campaigns"][SYSTEM]["unbiased"] | {
                    "kind": "umbrella", "collective_variables": ["phi"],
                    "force_constant": ["200 kJ/mol/rad^2"],
                    "rows": [{"first": "-1 rad", "last": "1 rad", "number": 3}],
                }
            ),
        ),
        "'unbiased' is umbrella sampling",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_a_learning_curve_is_refused(raw, name):
    change, message = BAD[name]
    change(raw)
    with pytest.raises(InputError) as refused:
        load_config(raw)
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_curves_with_names_of_their_own(raw):
    raw["campaigns"][SYSTEM]["other"] = raw["campaigns"][SYSTEM]["reference"]
    raw["experiments"]["unbiased"] |= {"reference": "other", "learning_curve": "second"}
    assert list(learning_curves(load_config(raw))) == [SYSTEM, "second"]


@pytest.fixture
def files(tmp_path) -> list:
    """Two datasets with a frame every ps, whose positions encode time and file."""
    paths = [tmp_path / "a.h5", tmp_path / "b.h5"]
    for number, path in enumerate(paths):
        parameters = {
            "bead_names": ["A", "B"], "bead_types": ["A", "B"], "bonds": [[0, 1]],
            "stereo_centers": [], "temperature": 300.0, "bias_is_function_of_beads": True,
        }  # fmt: skip
        times = 1.0 + np.arange(1000)
        positions = np.zeros((1000, 2, 3), np.float32)
        positions[:, 0, 0], positions[:, 0, 1] = times, number
        zero = np.zeros(1000)
        with H5mdWriter(path, np.ones(2), parameters, with_forces=True) as writer:
            writer.append(FrameBlock(positions, times, zero, zero, zero.astype(int), -positions))
    return paths


def test_training_sees_only_the_windows(files):
    frames = read_frames(
        files, 2, choice=FrameChoice(windows=[(100.5, 200.5), (300.5, 600.5)], stride=2)
    )
    for number, (begin, end, n) in enumerate([(101, 199, 50), (301, 599, 150)]):
        times = frames.positions[frames.positions[:, 0, 1] == number, 0, 0]
        assert (times[0], times[-1], len(times)) == (begin, end, n)
    # Folds are dealt out within the windows.
    assert set(frames.folds.tolist()) == {0, 1}
    assert len(read_frames(files, 2)) == 2000


def test_chains_start_only_in_the_windows(files):
    times = candidates(files, [(100.5, 200.5), (300.5, 600.5)])[:, 0, 0]
    assert times.tolist() == [*range(101, 201), *range(301, 601)]
    assert len(candidates(files, None)) == 2000


def test_windows_that_do_not_fit(files):
    dataset = Dataset.of(files)
    with pytest.raises(InputError, match="1 time windows for 2 datasets"):
        dataset.windows([(0.0, 10.0)])
    with pytest.raises(InputError, match=r"b\.h5: has no frame from 2000 to 3000 ps"):
        dataset.windows([(0.0, 10.0), (2000.0, 3000.0)])
