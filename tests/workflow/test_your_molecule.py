"""config/your_molecule.yaml, shortened, from end to end: a peptide that no other config has."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml

from meanforce.data.h5md import H5mdReader

pytestmark = pytest.mark.workflow


def shortened(config: dict) -> dict:
    """The config with less of everything, but of the same form."""
    config = json.loads(json.dumps(config))  # without YAML's anchors
    (campaigns,) = config["campaigns"].values()
    campaigns["metadynamics"] |= {
        "length": "120 ps", "burn_in": "20 ps", "equilibration": "5 ps",
    }  # fmt: skip
    campaigns["reference"] |= {
        "length": "80 ps", "burn_in": "20 ps", "equilibration": "5 ps", "replicas": 1,
    }  # fmt: skip
    config["potentials"]["network"]["hidden"] = [48, 48]
    config["potentials"]["network"]["training"] |= {"epochs": 6, "batch_size": 64}
    (simulation,) = config["simulations"].values()
    simulation |= {
        "chains": 20, "equilibration": "1 ps", "length": "2 ps", "until": None,
        # With so little data, a model may lose a chain.
        "least_stable": 0.5,
    }  # fmt: skip
    simulation["bias"]["build"] = "1 ps"
    (experiment,) = config["experiments"].values()
    experiment["ensemble"] = 2
    return config


@pytest.fixture(scope="module")
def results(make_checkout):
    checkout = make_checkout()
    whole = yaml.safe_load((checkout.folder / "config" / "your_molecule.yaml").read_text())
    (checkout.folder / "my.yaml").write_text(yaml.safe_dump(shortened(whole), sort_keys=False))
    result = checkout.snakemake("--configfile", "my.yaml")
    assert result.returncode == 0, result.stdout + result.stderr
    return checkout.folder / "results" / "my"


def test_model_is_judged_at_all_temperatures(results):
    summary = pd.read_csv(results / "summary.csv")
    roles = summary.drop_duplicates("state_point").set_index("state_point")["role"]
    assert dict(roles) == {"T300": "train", "T400": "train", "T350": "held-out"}
    values = summary.set_index(["state_point", "metric"])
    for state in roles.index:
        error = values.loc[state, "force_rmse"]
        # The network explains part of the forces, but no more than can be explained.
        with_none = root_mean_square_force(results / f"my_molecule/{state}/reference/1/heavy.h5")
        assert 0.9 * error["noise_floor"] < error["value"] < 0.6 * with_none
        assert error["stderr"] > 0
        for metric in ("js_phi_psi", "delta_f_alphaR_beta_error", "wasserstein_omega"):
            assert np.isfinite(values.loc[(state, metric), "noise_floor"])
    page = (results / "report.html").read_text()
    assert page.count("Free-energy surface of the") == 2 * len(roles)


def read(path, quantity: str) -> np.ndarray:
    """Positions (nm) or forces (kJ/mol/nm) of a dataset, shape (n_frames, n_beads, 3)."""
    with H5mdReader(path) as reader:
        return getattr(reader, quantity)(slice(None))


def root_mean_square_force(path) -> float:
    """Root mean square of a component of a mapped force, kcal/mol/Å: the error without a model."""
    return float(np.sqrt(np.mean(read(path, "forces") ** 2)) / 41.84)


def test_reference_shares_no_frame_with_the_training_data(results):
    for state in ("T300", "T400"):
        used, independent = (
            read(results / f"my_molecule/{state}/{campaign}/1/heavy.h5", "positions")
            for campaign in ("metadynamics", "reference")
        )
        assert used.shape[1:] == independent.shape[1:] == (12, 3)
        # A common start would be forgotten only after some time.
        distances = np.abs(used[:100, None] - independent[None, :100]).max(axis=(2, 3))
        assert distances.min() > 1e-3
