"""config/quick.yaml from end to end: its output, reproducibility, and which jobs run again."""

import filecmp
import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from edited_files import edited
from exchange import exchanged
from file_schema import compare, documented
from progress_lines import phases_of
from safetensors.numpy import load_file

from meanforce import paths
from meanforce.data.h5md import H5mdReader
from meanforce.settings.load import load_config
from meanforce.settings.plan import planned_jobs

pytestmark = pytest.mark.workflow

QUICK = ("--configfile", "config/quick.yaml")
RESULTS = "results/quick"
TRAINED = ("T300", "T400")
COLUMNS = [
    "experiment", "system", "mapping", "force_map", "campaign", "potential", "state_point",
    "role", "metric", "value", "stderr", "noise_floor", "unit", "verdict",
    "stderr_noise", "dof", "noise_floor_reference", "resolution", "data_limit",
    "quantity", "measure", "source", "group",
]  # fmt: skip


@pytest.fixture(scope="module")
def summary(quick_run) -> pd.DataFrame:
    return pd.read_csv(quick_run.folder / RESULTS / "summary.csv")


def test_every_job_reported_its_progress_up_to_100_percent(quick_run, monkeypatch):
    monkeypatch.setattr(paths, "_output", RESULTS)
    config = yaml.safe_load((quick_run.folder / "config" / "quick.yaml").read_text())
    phases: dict[str, set[str]] = {}
    for job in planned_jobs(load_config(config)):
        if job.stage == "beads":
            # Less than a second.
            continue
        lines = (quick_run.folder / job.log).read_text().splitlines()
        phases.setdefault(job.stage, set()).update(phases_of(lines))
    expected = {
        "sample": {"choosing a platform", "equilibration", "burn-in", "frames", "writing files"},
        "forces": {"forces of frames"},
        "map": {"mapping frames", "checking the dataset"},
        "train": {"reading data", "normal equations", "epochs", "validation"},
        "simulate": {"building the bias", "equilibration", "frames"},
        "validate": {"reading the samples"},
    }
    assert all(phases[stage] >= names for stage, names in expected.items()), phases
    assert set(phases) >= {*expected, "prepare", "report"}


def test_summary_keeps_its_contract(summary):
    assert list(summary.columns) == COLUMNS
    assert set(summary["system"]) == {"muller_brown", "capped_alanine"}
    assert set(summary["state_point"]) == {"T300", "T350", "T400"}
    held_out = summary[summary["role"] == "held-out"]
    assert set(held_out["state_point"]) == {"T350"}
    alanine = set(summary.loc[summary["system"] == "capped_alanine", "metric"])
    assert alanine >= {
        "js_phi_psi", "fes_rmse", "delta_f_alphaR_beta", "delta_f_alphaR_beta_reference",
        "delta_f_alphaR_beta_error", "delta_f_phi_positive", "barrier_phi", "force_rmse",
        "force_irreducible", "wasserstein_bond", "wasserstein_angle", "wasserstein_dihedral",
        "stability", "barrier_phi_reference", "barrier_phi_error", "ensemble_spread",
        "ensemble_calibration", "fes_rmse_phi", "fes_rmse_psi", "population_phi_positive_error",
        "radius_of_gyration", "end_to_end_error", "wasserstein_end_to_end", "rhat_phi", "drift_psi",
        "effective_samples_phi",
    }  # fmt: skip
    # Other processors round differently, and a short run may then end just before it has converged.
    converged = summary.loc[summary["metric"] == "converged", "value"]
    assert len(converged) == 10 and converged.sum() >= 9
    assert set(summary["verdict"].dropna()) <= {
        "within noise", "resolved better", "limited by data", "worse", "not converged",
    }  # fmt: skip
    judged = summary["measure"].isin(["signed_error", "distance"])
    assert summary.loc[judged & summary["resolution"].notna(), "verdict"].notna().all()
    # With a single network, the error due to the training data is unknown.
    alone = summary["experiment"] == "capped_alanine_unbiased_core_beta_cgnet"
    of_model = judged & alone & (summary["source"] == "model")
    assert summary.loc[of_model, "stderr"].isna().all()
    assert summary.loc[of_model, "resolution"].notna().any()
    # Direct reweighting is beside the models where they were trained, and only there.
    baseline = summary[summary["source"] == "baseline"]
    assert set(baseline["role"]) == {"train"}
    assert "delta_f_phi_positive_baseline_error" in set(baseline["metric"])
    muller_brown = set(summary.loc[summary["system"] == "muller_brown", "metric"])
    assert muller_brown >= {
        "pmf_rmse", "well_difference", "barrier", "force_rmse", "force_irreducible",
        "ensemble_spread", "ensemble_calibration",
    }  # fmt: skip


def test_short_run_is_already_about_right(summary):
    """Physics of the quick run, with allowances for its short sampling."""
    rows = summary.set_index(["experiment", "state_point", "metric"])["value"]
    name = "capped_alanine_metadynamics_heavy_cgnet"
    assert (
        rows[name, "T300", "stability_exploded"] == rows[name, "T300", "stability_permuted"] == 1.0
    )
    assert rows[name, "T300", "stability_chirality"] >= 0.95
    # Without a model the root mean square force is about 21 kcal/mol/Å. Free energies need more
    # sampling than this run has, so they are left to the default run.
    # Without torques on hydrogens in the force map, the floor is 4.6.
    floor = rows[name, "T300", "force_irreducible"]
    assert 0.8 < floor < 1.4
    assert rows[name, "T300", "force_rmse"] ** 2 < floor**2 + 0.25
    exact = rows["muller_brown_static_x_rbf", "T300", "barrier_reference"]
    assert exact == pytest.approx(5.299, abs=0.01)
    # Few crossings of the hidden barrier: this only catches a wrong unit or sign.
    assert rows["muller_brown_static_x_rbf", "T300", "barrier"] == pytest.approx(exact, abs=1.5)


def test_biased_frames_carry_the_unbiased_forces(quick_run):
    import h5py

    for path in quick_run.folder.glob(f"{RESULTS}/*/T*/*/1/forces.h5"):
        with h5py.File(path) as file:
            assert file.attrs["deviation_from_run"] < 1e-4


FILES = {
    "trajectory.h5": ("*/*/*/*/trajectory.h5", ["biased", "metadynamics"]),
    "forces.h5": ("*/*/*/*/forces.h5", ["recomputed"]),
    "MAPPING.h5": ("*/T*/*/*/[hcx]*.h5", ["one molecule"]),
    "cg.h5": ("experiments/*/*/cg.h5", ["one molecule", "until"]),
    "model-MEMBER.json": ("experiments/*/model-*.json", ["network", "prior", "spline, rbf"]),
    "model-MEMBER.safetensors": (
        "experiments/*/model-*.safetensors", ["cgnet", "prior", "spline, rbf"]
    ),
    "curve-MEMBER.csv": ("experiments/*/curve-*.csv", ["network", "spline, rbf"]),
    "metrics.csv": ("experiments/*/*/metrics.csv", []),
    "profiles.csv": ("experiments/*/*/profiles.csv", []),
    "surface.csv": ("experiments/*/*/surface.csv", []),
    "speed.csv": ("experiments/*/*/speed.csv", []),
    "log.csv": ("*/*/*/*/log.csv", []),
    "segments.csv": ("*/*/*/*/segments.csv", []),
    "MAPPING.force_maps.csv": ("*/T*/*/*/*.force_maps.csv", []),
    "MAPPING.checks.json": ("*/T*/*/*/*.checks.json", ["one molecule"]),
    "beads.json": ("*/mappings/*/beads.json", []),
}  # fmt: skip
"""Files of each section of docs/files.md, and which of its cases the run has."""


@pytest.mark.parametrize("title", FILES)
def test_files_are_as_on_their_page(root, quick_run, title):
    pattern, kinds = FILES[title]
    page = (root / "docs" / "files.md").read_text()
    compare(title, page, sorted((quick_run.folder / RESULTS).glob(pattern)), kinds)


def test_every_section_of_the_page_of_files_is_compared(root):
    page = (root / "docs" / "files.md").read_text()
    assert documented(page).keys() - {"Other files"} == FILES.keys()


def test_the_summary_has_the_columns_of_the_page(root, quick_run):
    page = (root / "docs" / "files.md").read_text()
    compare("metrics.csv", page, [quick_run.folder / RESULTS / "summary.csv"], ["summary.csv"])


def test_run_is_documented(quick_run, summary):
    run = yaml.safe_load((quick_run.folder / RESULTS / "run.yaml").read_text())
    assert run["config"]["seed"] == 2026
    assert run["made_with"]["packages"]["openmm"]
    page = (quick_run.folder / RESULTS / "report.html").read_text()
    # Every place of alanine has a surface: of the reference, of the model, and their difference.
    places = summary[["system", "experiment", "state_point"]].drop_duplicates()
    surfaces = (places["system"] == "capped_alanine").sum()
    assert page.count("Model minus") == surfaces > 3
    assert page.count("Free-energy surface of the") == 2 * surfaces
    assert page.count("replica-steps/s") == 1 and "◆ held out" in page
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "")\
        .replace("http://creativecommons.org", "")  # fmt: skip
    model = quick_run.folder / f"{RESULTS}/experiments/capped_alanine_metadynamics_heavy_cgnet"
    about = json.loads((model / "model-0.json").read_text())["about"]
    assert about["settings"]["potential"]["kind"] == "cgnet"


def test_a_part_ends_with_a_report_of_its_own(quick_run, summary, tmp_path):
    """In a copy of the finished run: one more job, whose table is that of these experiments."""
    copy = type(quick_run)(tmp_path / "meanforce")
    shutil.copytree(quick_run.folder, copy.folder)
    assert copy.dirty_rules("system_muller_brown", *QUICK) == {
        "report_of_part",
        "system_muller_brown",
    }
    result = copy.snakemake("system_muller_brown", *QUICK)
    assert result.returncode == 0, result.stdout + result.stderr
    made = copy.folder / RESULTS / "reports" / "system_muller_brown"
    # A verdict compares with the other experiments that are reported.
    kept = [column for column in COLUMNS if column != "verdict"]
    whole = summary[summary["system"] == "muller_brown"].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.read_csv(made / "summary.csv")[kept], whole[kept])
    run = yaml.safe_load((made / "run.yaml").read_text())
    assert set(run["config"]["experiments"]) == set(whole["experiment"])
    page = (made / "report.html").read_text()
    assert "muller_brown_static_x_rbf" in page
    assert "capped_alanine_metadynamics_heavy_cgnet" not in page


def test_snakemake_reports_by_itself(quick_run, tmp_path):
    """Its own report has the figures and tables of the run, by category and with captions."""
    result = quick_run.snakemake(*QUICK, "--report", str(tmp_path / "report.zip"))
    assert result.returncode == 0, result.stdout + result.stderr
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        page = archive.read("report/report.html").decode()
        kept = {Path(name).name for name in archive.namelist()}
    assert {"free_energy.png", "summary.csv", "report.html"} <= kept
    for category in ("Free energies", "Metrics", "The report's page"):
        assert category in page
    for caption in (
        "Bands are one standard error",
        "one row per metric",
        "The whole run on",
    ):
        assert caption in page


def test_nothing_is_left_to_do_and_no_work_folder_remains(quick_run):
    assert quick_run.dirty_rules(*QUICK) == set()
    assert not list(quick_run.folder.glob(f"{RESULTS}/**/.*.work"))


def test_own_frames_from_files_of_other_programs_give_the_same_model(
    quick_run, make_checkout, root
):
    """Campaigns are exchanged for what was exported of them: the same bits, so that no metric of
    the model can be another one."""
    name, other = "capped_alanine_metadynamics_heavy_cgnet", make_checkout()
    config = yaml.safe_load((quick_run.folder / "config" / "quick.yaml").read_text())
    files = other.folder / "exported"
    made = exchanged(config, name, root, quick_run.folder / RESULTS, files)
    (other.folder / "quick.yaml").write_text(yaml.safe_dump(made))
    model = f"{RESULTS}/experiments/{name}/model-0.safetensors"
    judged = f"{RESULTS}/capped_alanine/T350/reference/1/heavy.h5"
    result = other.snakemake(model, judged, "--configfile", "quick.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    trained = [f"{RESULTS}/capped_alanine/{state}/metadynamics/1/heavy.h5" for state in TRAINED]
    for path in (*trained, judged):
        with H5mdReader(quick_run.folder / path) as own, H5mdReader(other.folder / path) as read:
            np.testing.assert_array_equal(read.positions(), own.positions())
            np.testing.assert_array_equal(read.forces(), own.forces())
            # TRR files hold times in single precision, and texts have ten digits.
            np.testing.assert_allclose(read.times(), own.times(), rtol=1e-7)
            log_weights = [reader.observable("log_weight") for reader in (read, own)]
            np.testing.assert_allclose(*log_weights, rtol=1e-8, atol=1e-9)
            assert np.ptp(log_weights[0]) > 1
    first, second = (load_file(where / model) for where in (quick_run.folder, other.folder))
    assert first.keys() == second.keys()
    for key, values in first.items():
        np.testing.assert_array_equal(second[key], values)
    # The same seed, the same structure and beads.
    for name in ("prepared/system.xml", "prepared/state.xml", "mappings/heavy/beads.json"):
        path = f"{RESULTS}/capped_alanine/{name}"
        assert filecmp.cmp(quick_run.folder / path, other.folder / path, shallow=False)
    # They were read from files: nothing here was sampled.
    log = other.folder / f"{RESULTS}/capped_alanine/T300/metadynamics/1/import.log"
    assert "forces of the files and recomputed ones" in log.read_text()


EXPERIMENTS = f"{RESULTS}/experiments"
MADE_AGAIN = {
    # What follows a new trajectory is made again, too, as far as it leads to a file of this list.
    f"{RESULTS}/muller_brown/T300/static/1/trajectory.h5",
    f"{EXPERIMENTS}/muller_brown_static_x_rbf/model-0.safetensors",
    f"{EXPERIMENTS}/muller_brown_static_x_rbf/T350/cg.h5",
    f"{EXPERIMENTS}/muller_brown_static_x_rbf/T350/metrics.csv",
    f"{RESULTS}/muller_brown/T350/reference/1/x.h5",
    f"{RESULTS}/muller_brown/T400/unbiased/1/trajectory.h5",
    f"{EXPERIMENTS}/muller_brown_unbiased_x_spline/model-1.safetensors",
    f"{RESULTS}/capped_alanine/T400/reference/1/trajectory.h5",
    f"{RESULTS}/capped_alanine/T400/reference/1/forces.h5",
}
"""Files of every kind of job and of every kind of campaign and potential, but for what the test of
frames from files makes again (structures, beads, and networks), and CG runs of networks, which
test_kill_long.py makes twice."""


def test_same_seed_gives_the_same_bits(quick_run, summary, tmp_path):
    """In a copy of the finished run from which some files were deleted."""
    copy = type(quick_run)(tmp_path / "meanforce")
    shutil.copytree(quick_run.folder, copy.folder)
    for path in MADE_AGAIN:
        (copy.folder / path).unlink()
    result = copy.snakemake(*sorted(MADE_AGAIN), *QUICK)
    assert result.returncode == 0, result.stdout + result.stderr
    for path in MADE_AGAIN:
        assert filecmp.cmp(quick_run.folder / path, copy.folder / path, shallow=False), path
    assert np.isfinite(summary["value"]).mean() > 0.9


LIBRARY = "workflow/scripts/meanforce/"
AFTER_SAMPLE = {"sample", "forces", "map", "train", "simulate", "validate", "report"}
AFTER_TRAIN = {"train", "simulate", "validate", "report"}
CODE_EDITS = {
    "systems/peptide.py": {"prepare", "beads", *AFTER_SAMPLE},
    # Sampling reads the beads that its bias acts on.
    "mapping/bead_weights.py": {"beads", *AFTER_SAMPLE},
    "sampling/metadynamics.py": AFTER_SAMPLE,
    "sampling/recompute.py": AFTER_SAMPLE - {"sample"},
    "mapping/force_maps.py": AFTER_SAMPLE - {"sample", "forces"},
    "fitting/loss.py": AFTER_TRAIN,
    "dynamics/langevin.py": AFTER_TRAIN - {"train"},
    "analysis/metrics/basins.py": {"validate", "report"},
    "figures/numbers.py": {"report"},
}
"""A module of each stage, and the rules that depend on it."""


@pytest.mark.parametrize("module", CODE_EDITS)
def test_edited_module_reruns_its_stage_and_what_follows(quick_run, module):
    path = quick_run.folder / LIBRARY / module
    with edited(path) as sources:
        path.write_text(sources[path] + "\nEDITED = 1\n")
        assert quick_run.dirty_rules(*QUICK) == CODE_EDITS[module]


def test_comments_rerun_nothing(quick_run):
    with edited(*(quick_run.folder / LIBRARY / module for module in CODE_EDITS)) as sources:
        for path, source in sources.items():
            path.write_text("# A comment.\n" + source)
        assert quick_run.dirty_rules(*QUICK) == set()


CONFIG_EDITS = {
    "hill height": (
        lambda c: c["campaigns"]["capped_alanine"]["metadynamics"].update(height="1.3 kJ/mol"),
        AFTER_SAMPLE,
    ),
    "force map": (
        lambda c: c["mappings"]["muller_brown"]["x"].update(force_map="aggregate"),
        AFTER_SAMPLE - {"sample", "forces"},
    ),
    "bead masses": (
        lambda c: c["mappings"]["capped_alanine"]["heavy"].update(masses="consistent"),
        AFTER_SAMPLE - {"sample", "forces"},
    ),
    "beads of no bias": (
        lambda c: c["mappings"]["capped_alanine"]["core_beta"].update(weights="geometry"),
        {"beads", *AFTER_SAMPLE} - {"sample", "forces"},
    ),
    "beads of a bias": (
        lambda c: c["mappings"]["capped_alanine"]["heavy"].update(weights="geometry"),
        {"beads", *AFTER_SAMPLE},
    ),
    "epochs": (
        lambda c: c["potentials"]["cgnet"]["training"].update(epochs=9),
        AFTER_TRAIN,
    ),
    "CG friction": (
        lambda c: c["simulations"]["capped_alanine"].update(friction="3 / ps"),
        AFTER_TRAIN - {"train"},
    ),
    "basin": (
        lambda c: c["validation"]["capped_alanine"]["basins"]["phi_positive"][0].update(
            phi=["0.1 rad", "180 deg"]
        ),
        {"validate", "report"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", CONFIG_EDITS)
def test_edited_setting_reruns_its_stage_and_what_follows(quick_run, edit):
    change, expected = CONFIG_EDITS[edit]
    path = quick_run.folder / "config" / "quick.yaml"
    # YAML anchors would carry the change to other campaigns.
    config = json.loads(json.dumps(yaml.safe_load(path.read_text())))
    change(config)
    with edited(path):
        path.write_text(yaml.safe_dump(config))
        assert quick_run.dirty_rules(*QUICK) == expected


def test_spelling_reruns_nothing(quick_run, tmp_path):
    config = yaml.safe_load((quick_run.folder / "config" / "quick.yaml").read_text())
    assert config["state_points"]["T300"] == {"temperature": "300 K"}
    config["state_points"]["T300"] = {"temperature": "300.0 K"}
    path = tmp_path / "quick.yaml"
    reordered = {key: config[key] for key in sorted(config, reverse=True)}
    path.write_text("# A comment.\n" + yaml.safe_dump(reordered, sort_keys=False))
    assert quick_run.dirty_rules("--configfile", str(path)) == set()
