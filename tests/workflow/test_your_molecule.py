"""A new user's path: a config from new_config.py --short, from end to end, for another peptide.

Its runs are shorter still. The form at three temperatures, which new_config.py writes without
--short, is that of config/your_molecule.yaml, and the quick run has such an experiment.
"""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
import yaml

from meanforce.data.h5md import H5mdReader

pytestmark = [pytest.mark.workflow, pytest.mark.extended]


def shortened(config: dict) -> dict:
    """The config with less of everything, but of the same form."""
    (campaigns,) = config["campaigns"].values()
    campaigns["metadynamics"] |= {
        "length": "170 ps", "burn_in": "20 ps", "equilibration": "5 ps",
    }  # fmt: skip
    campaigns["reference"] |= {
        "length": "80 ps", "burn_in": "20 ps", "equilibration": "5 ps",
    }  # fmt: skip
    config["potentials"]["network"]["hidden"] = [48, 48]
    config["potentials"]["network"]["training"] |= {"epochs": 8, "batch_size": 64}
    (simulation,) = config["simulations"].values()
    simulation |= {
        "chains": 20, "equilibration": "1 ps", "length": "2 ps", "until": None,
        # With so little data, a model may lose a chain.
        "least_stable": 0.5,
    }  # fmt: skip
    simulation["bias"]["build"] = "1 ps"
    return config


@pytest.fixture(scope="module")
def results(make_checkout):
    checkout = make_checkout()
    subprocess.run(
        [
            sys.executable, "workflow/scripts/new_config.py", "--structure",
            "resources/capped_valine.pdb", "--mapping", "heavy", "--short", "--output", "my.yaml",
        ],
        cwd=checkout.folder, check=True,
    )  # fmt: skip
    path = checkout.folder / "my.yaml"
    path.write_text(yaml.safe_dump(shortened(yaml.safe_load(path.read_text())), sort_keys=False))
    result = checkout.snakemake("--configfile", "my.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    return checkout.folder / "results" / "my"


def test_model_is_judged(results):
    summary = pd.read_csv(results / "summary.csv")
    assert set(summary["state_point"]) == {"T300"} and set(summary["role"]) == {"train"}
    values = summary.set_index("metric")
    error = values.loc["force_rmse"]
    # The network explains part of the forces, but no more than can be explained.
    with_none = root_mean_square_force(results / "capped_valine/T300/reference/1/heavy.h5")
    assert 0.9 * error["noise_floor"] < error["value"] < 0.6 * with_none
    assert error["stderr"] > 0
    judged = ["js_phi_psi", "delta_f_alphaR_beta_error", "wasserstein_omega"]
    assert np.isfinite(values.loc[judged, "noise_floor"]).all()
    assert "js_phi_psi_baseline" in values.index
    page = (results / "report.html").read_text()
    assert page.count("Free-energy surface of the") == 2


def read(path, quantity: str) -> np.ndarray:
    """Positions (nm) or forces (kJ/mol/nm) of a dataset, shape (n_frames, n_beads, 3)."""
    with H5mdReader(path) as reader:
        return getattr(reader, quantity)(slice(None))


def root_mean_square_force(path) -> float:
    """Root mean square of a component of a mapped force, kcal/mol/Å: the error without a model."""
    return float(np.sqrt(np.mean(read(path, "forces") ** 2)) / 41.84)


def test_reference_shares_no_frame_with_the_training_data(results):
    used, independent = (
        read(results / f"capped_valine/T300/{campaign}/1/heavy.h5", "positions")
        for campaign in ("metadynamics", "reference")
    )
    assert used.shape[1:] == independent.shape[1:] == (12, 3)
    # A common start would be forgotten only after some time.
    distances = np.abs(used[:100, None] - independent[None, :100]).max(axis=(2, 3))
    assert distances.min() > 1e-3
