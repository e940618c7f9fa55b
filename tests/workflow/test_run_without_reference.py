"""Training, CG run, validation and report where there is no reference, no surface, or neither.

The reference may also be a table, which is exported from the reference campaign.

Frames are drawn from the exact Müller–Brown density, so that no atomistic run is needed.
"""

import copy
import json
import sys

import muller_brown_draws as exact
import numpy as np
import pandas as pd
import pytest
import yaml

import export_reference
import report
import simulate
import train
import validate
from meanforce import paths
from meanforce.analysis.kinds import Measure
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.jobs import stages
from meanforce.mapping.quality import check_dataset
from meanforce.settings import inputs
from meanforce.settings.load import load_config
from meanforce.settings.systems.muller_brown import MullerBrownSettings

EXPERIMENT = "muller_brown_unbiased_x_spline"
STATE = "T300"


TABLES = {
    "published": {
        "kind": "table", "files": {STATE: ["table.csv"]}, "variables": {"x": "nm"},
        "error": "error", "unit": "kJ/mol", "source": "a paper",
    }
}  # fmt: skip


def raw_config(root, surface: bool, reference: str | None) -> dict:
    """The quick config with one experiment, whose system has no exact result."""
    raw = copy.deepcopy(yaml.safe_load((root / "config" / "quick.yaml").read_text()))
    for section in ("systems", "mappings", "collective_variables", "campaigns"):
        raw[section] = {"muller_brown": raw[section]["muller_brown"]}
    raw["potentials"] = {"spline": raw["potentials"]["spline"] | {"temperature": "none"}}
    simulation = raw["simulations"]["muller_brown"]
    simulation |= {"chains": 20, "equilibration": "4 ps", "length": "40 ps", "until": {}}
    simulation["bias"] = None
    raw["simulations"] = {"muller_brown": simulation}
    raw["validation"] = {"muller_brown": raw["validation"]["muller_brown"]} if surface else {}
    chosen = raw["experiments"][EXPERIMENT] | {"train": [STATE], "held_out": []}
    chosen["reference"] = reference
    if reference in TABLES:
        raw["references"] = {"muller_brown": TABLES}
    raw["experiments"] = {EXPERIMENT: chosen}
    return raw


def dataset(path, seed: int):
    """Frames of the exact density, as the stage `map` writes them."""
    frames = exact.draw(np.zeros(len(exact.X)), 4000, seed)
    n = len(frames.positions)
    parameters = exact.BEAD.parameters() | {"temperature": exact.TEMPERATURE}
    with H5mdWriter(path, np.ones(1), parameters, with_forces=True) as writer:
        writer.append(FrameBlock(
            position=frames.positions.numpy(), time=np.arange(n, dtype=float),
            bias_energy=np.zeros(n), log_weight=np.zeros(n), chain=np.zeros(n, dtype=int),
            force=frames.forces.numpy(),
        ))  # fmt: skip
    return path


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    """Function that runs all stages but sampling and returns the folder."""

    def program(module, *arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [module.__name__, *map(str, arguments)])
            module.main()

    def all_stages(surface: bool, reference: str | None):
        config = load_config(raw_config(root, surface, reference))
        folder = tmp_path_factory.mktemp("results") / EXPERIMENT / STATE
        folder.mkdir(parents=True)
        data, other = (dataset(folder / f"{seed}.h5", seed) for seed in (1, 2))
        models = [folder / f"model-{member}.safetensors" for member in (0, 1)]
        curves = [folder.parent / f"curve-{member}.csv" for member in (0, 1)]
        for member, (model, curve) in enumerate(zip(models, curves, strict=True)):
            settings = stages.train_job(config, EXPERIMENT, member).canonical()
            program(train, "--datasets", data, "--settings", settings, "--model", model,
                    "--curve", curve)  # fmt: skip
        settings = stages.simulate_job(config, EXPERIMENT, STATE).canonical()
        made = {name: folder / f"{name}.csv" for name in ("metrics", "profiles", "surface")}
        program(simulate, "--models", *models, "--datasets", data, "--settings", settings,
                "--output", folder / "cg.h5", "--speed", folder / "speed.csv")  # fmt: skip
        job = stages.validate_job(config, EXPERIMENT, STATE)
        settings = job.model_copy(update={"system_kind": "another"}).canonical()
        if reference in TABLES:
            export(folder, program)
        against = {None: [], "reference": ["--reference", other]}
        program(
            validate, "--trajectory", folder / "cg.h5", "--models", *models,
            *against.get(reference, ["--tables", folder / "table.csv"]), "--training", data,
            "--settings", settings, "--figure", folder / "figure.png",
            *(part for name, path in made.items() for part in (f"--{name}", path)),
        )  # fmt: skip
        checks = folder / "s" / "T" / "c" / "1" / "m.checks.json"
        checks.parent.mkdir(parents=True)
        with H5mdReader(data) as reader:
            checks.write_text(json.dumps(check_dataset(reader)))
        program(
            report, "--checks", checks, "--metrics", made["metrics"], "--curves", *curves,
            "--profiles",
            made["profiles"], "--surfaces", made["surface"], "--speeds", folder / "speed.csv",
            "--settings", stages.report_job(config).canonical(),
            "--template", root / "workflow" / "report" / "report.html.j2",
            *(part for name in ("summary", "page", "run")
              for part in (f"--{name}", folder / f"{name}.out")),
        )  # fmt: skip
        return folder

    def export(folder, program):
        """The second dataset as a table, as the reference of the same experiment."""
        raw = raw_config(root, True, "reference")
        raw["campaigns"]["muller_brown"]["reference"]["replicas"] = 1
        (folder / "config.yaml").write_text(yaml.safe_dump(raw))
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            # Where the program looks, by the config's name; set back afterwards.
            patch.setattr(paths, "_output", "results/config")
            (place,) = inputs.reference_data(load_config(raw), EXPERIMENT, [STATE])
            path = folder / place.dataset
            path.parent.mkdir(parents=True)
            path.write_bytes((folder / "2.h5").read_bytes())
            program(export_reference, "--configfile", "config.yaml", "--experiment", EXPERIMENT,
                    "--state", STATE, "--output", "table.csv")  # fmt: skip

    return all_stages


def test_a_table_is_a_reference(run, monkeypatch):
    """The exported table gives what the campaign gives; what needs frames is left out."""
    # Otherwise models are judged by the exact result, and a table is refused.
    monkeypatch.setattr(MullerBrownSettings, "is_exact", classmethod(lambda *unused: False))
    columns = {
        name: pd.read_csv(run(True, name) / "metrics.csv").set_index("metric")
        for name in ("reference", "published")
    }
    whole, table = columns.values()
    for metric in ("js_x", "fes_rmse", "js_x_baseline"):
        assert table.loc[metric, "value"] == pytest.approx(whole.loc[metric, "value"], rel=1e-5)
        assert table.loc[metric, "resolution"] > 0
    assert "force_rmse" in whole.index and "force_rmse" not in table.index
    assert whole["measure"].isin([Measure.LOSS]).any()
    folder = run(True, "published")
    assert "table published (a paper)" in (folder / "page.out").read_text()
    summary = pd.read_csv(folder / "summary.out").set_index("metric")
    assert summary["verdict"].notna().any()
    assert np.isfinite(pd.read_csv(folder / "surface.csv")["reference"]).any()


@pytest.mark.parametrize("surface", [True, False])
@pytest.mark.parametrize("reference", ["reference", None])
def test_all_stages_run(run, surface, reference):
    folder = run(surface, reference)
    reference = reference is not None
    summary = pd.read_csv(folder / "summary.out").set_index("metric")
    shown = set(summary.index)
    expected = {"stability", "rhat_x", "drift_x", "effective_samples_x", "converged"}
    assert expected | {"effective_sample_size"} <= shown
    assert ("js_x" in shown) == (surface and reference)
    assert ({"fes_rmse_x", "force_rmse", "fes_rmse_x_baseline"} <= shown) == reference
    judging = summary["measure"].isin([Measure.DISTANCE, Measure.SIGNED_ERROR, Measure.LOSS])
    assert judging.any() == reference
    assert summary["verdict"].notna().any() == reference
    profiles = pd.read_csv(folder / "profiles.csv")
    assert profiles["model"].notna().any()
    assert profiles["reference"].notna().any() == reference
    assert pd.read_csv(folder / "surface.csv").empty != surface
    page = (folder / "page.out").read_text()
    assert ("nothing, as there is no reference" in page) != reference
    assert ("No errors: these experiments have no reference" in page) != reference
    assert "Sampling of the CG model" in page
    assert "Checks of 1 dataset:" in page and "<td>m</td>" in page
    with H5mdReader(folder / "cg.h5") as reader:
        assert list(reader.parameters["starts"]) == ["x"]
        assert len(set(np.round(reader.parameters["starts"]["x"], 3))) > 10
