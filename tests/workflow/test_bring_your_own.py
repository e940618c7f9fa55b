"""The commands of docs/bring_your_own.md, with shorter runs, and its parts of configs."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from gmx import needs_gmx
from tutorial import Step, follow, steps

from meanforce.data.h5md import H5mdReader
from meanforce.settings.load import load_config

pytestmark = [pytest.mark.workflow, pytest.mark.extended]

PAGE = "docs/bring_your_own.md"
CONFIG = "config/your_trajectory.yaml"
SHORT = {
    "make_trajectory.py example_data\n": "make_trajectory.py example_data --length 80\n",
    "--no-bias\n": "--no-bias --length 400\n",
    ".venv/bin/": f"{Path(sys.executable).parent}/",
}
"""Changes of the commands: runs are shorter, and programs are those of the tests."""


def shortened(config: dict) -> dict:
    """The config with less of everything, but of the same form."""
    config = json.loads(json.dumps(config))
    config["potentials"]["network"]["hidden"] = [48, 48]
    config["potentials"]["network"]["training"] |= {"epochs": 5, "batch_size": 64}
    simulation = config["simulations"]["coarse_grained"]
    # With so little data, a model may lose a chain.
    simulation |= {
        "chains": 20, "equilibration": "1 ps", "length": "2 ps", "until": None, "least_stable": 0.5
    }  # fmt: skip
    simulation["bias"]["build"] = "1 ps"
    return config


@pytest.fixture(scope="module")
def page(root) -> list[Step]:
    return steps(root / PAGE)


@pytest.fixture(scope="module")
def checkout(make_checkout):
    made = make_checkout()
    path = made.folder / CONFIG
    path.write_text(yaml.safe_dump(shortened(yaml.safe_load(path.read_text())), sort_keys=False))
    return made


def of_gromacs(step: Step) -> bool:
    """Whether a step belongs to the run of GROMACS."""
    return (
        "gmx " in step.text
        or "results/gromacs/" in step.text
        or step.kind == "ini"
        or (step.file is not None and "gromacs" in step.file)
    )


@pytest.fixture(scope="module")
def followed(page, checkout) -> Path:
    """Folder in which all commands were run that need no other program."""
    follow([step for step in page if not of_gromacs(step)], checkout.folder, SHORT)
    return checkout.folder


def test_parts_of_configs_are_valid(page, root, monkeypatch):
    """Each is one that the page's config may have beside its own."""
    monkeypatch.chdir(root)
    parts = [step for step in page if step.kind == "yaml"]
    assert len(parts) >= 7
    for step in parts:
        config = yaml.safe_load((root / CONFIG).read_text())
        for section, entries in yaml.safe_load(step.text).items():
            for name, values in entries.items():
                there = config.setdefault(section, {}).setdefault(name, {})
                there.update(values)
        if "references" in config:
            config["experiments"]["my_experiment"]["reference"] = "published"
        load_config(config)


def test_imported_trajectories_train_a_model_that_is_judged(followed):
    summary = pd.read_csv(followed / "results/your_trajectory/summary.csv").set_index("metric")
    # The network explains part of the forces, but no more than can be explained.
    error = summary.loc["force_rmse"]
    with H5mdReader(
        followed / "results/your_trajectory/my_molecule/T300/reference/1/heavy.h5"
    ) as reader:
        without = float(np.sqrt((reader.forces() ** 2).mean())) / 41.84
    assert 0.9 * error["noise_floor"] < error["value"] < 0.6 * without
    judged = ["js_phi_psi", "wasserstein_dihedral", "delta_f_alphaR_beta_reference"]
    assert np.isfinite(summary.loc[judged, "value"]).all()
    log = followed / "results/your_trajectory/my_molecule/T300/training/1/import.log"
    assert "forces of the files and recomputed ones" in log.read_text()


def test_exported_cg_data_come_back(followed):
    own = followed / "results/plain/my_molecule/T300/plain/1/heavy.h5"
    other = followed / "results/cg/cg_alanine/T300/published/1/all.h5"
    with H5mdReader(own) as first, H5mdReader(other) as second:
        assert first.n_frames == second.n_frames == 10000
        np.testing.assert_allclose(second.positions(), first.positions(), rtol=1e-6)
        np.testing.assert_allclose(second.forces(), first.forces(), rtol=1e-5, atol=1e-3)
    checks = json.loads(other.with_name("all.checks.json").read_text())["identities"]
    assert checks["virial"]["verdict"] == "passed"


def test_files_for_others_and_the_reference_are_written(followed):
    made = {path.name for path in (followed / "example_data/for_others").rglob("*.*")}
    assert {"dataset.h5", "dataset.npz", "plain.trr", "dataset_description.json"} <= made
    assert len(list((followed / "example_data").glob("reference-*.csv"))) >= 4


@needs_gmx
def test_a_run_of_gromacs(page, followed):
    """The page's commands; forces of GROMACS are recomputed ones."""
    chosen = [step for step in page if of_gromacs(step)]
    assert len(chosen) == 4
    follow(chosen, followed, SHORT)
    place = followed / "results/gromacs/alanine/T300/vacuum/1"
    found = (place / "import.log").read_text().split("relative deviation")[1].split()[0]
    assert float(found) < 1e-4
    checks = json.loads((place / "heavy.checks.json").read_text())
    assert checks["identities"]["virial"]["verdict"] == "passed"
