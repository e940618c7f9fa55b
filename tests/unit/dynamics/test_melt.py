"""A few chains of config/c24.yaml: packed, sampled, mapped to 8 and 12 beads, fitted and run."""

from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from comparisons import by_name, compare, sample_of
from liquid_boxes import EACH_ENGINE
from whole_path import Mapped, mapped, sampled_and_mapped

from meanforce.analysis.metrics import bonded, chain_dimensions, displacement, rdf, structure
from meanforce.core.configuration import Configuration
from meanforce.dynamics.sample import sample
from meanforce.dynamics.system import CgSystem
from meanforce.fitting.frames import read_frames
from meanforce.fitting.registry import fit
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential
from meanforce.settings.simulations import SimulationSettings
from meanforce.settings.systems.registry import System

CHAINS = 10
TEMPERATURE = 450.0
LENGTH, STRIDE = 9.6, 0.08


@pytest.fixture(scope="module")
def config(root):
    return yaml.safe_load((root / "config" / "c24.yaml").read_text())


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Of each mapping's files."""
    folder = tmp_path_factory.mktemp("melt")
    return {"beads8": folder, "beads12": folder / "twelve"}


@pytest.fixture(scope="module")
def melt(root, config, folders) -> dict[str, Mapped]:
    """The two mappings of one short run."""
    # At 0.4 g/cm³ these chains have a box of 2.41 nm.
    given = config["systems"]["c24"] | {"molecules": {"C24": {"count": CHAINS}}}
    folder, other = folders.values()
    eight, twelve = (config["mappings"]["c24"][name] for name in ("beads8", "beads12"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        system = validated(System, given | {"nonbonded_cutoff": "1 nm"}, "system")
        first = sampled_and_mapped(
            system, eight, folder, length=LENGTH, stride=STRIDE, time_step=0.004,
            friction=2.0, equilibration=4.0,
        )  # fmt: skip
        other.mkdir()
        for name in ("trajectory.h5", "forces.h5"):
            (other / name).symlink_to(folder / name)
        second = mapped(system, twelve, folder / "prepared", other)
    return {"beads8": first, "beads12": second}


@pytest.fixture(scope="module")
def models(config, melt, folders) -> dict:
    terms = config["potentials"]["classical"]["terms"]
    few = {"functions": 10}
    chosen = {"bonds": few, "angles": few, "dihedrals": None}
    chosen["pairs"] = terms["pairs"] | {"cutoff": "1 nm", "functions": 12}
    potential = config["potentials"]["classical"] | {"terms": chosen}
    settings = validated(Potential, potential, "potential")
    found = {}
    for name in melt:
        frames = read_frames([folders[name] / "beads.h5"], 4)
        found[name] = fit(settings, frames, {}, 0, 1, lambda line: None).potential
    return found


@pytest.mark.parametrize(("name", "per_bead"), [("beads8", 3), ("beads12", 2)])
def test_beads_have_the_masses_and_types_of_united_atoms(melt, name, per_bead):
    beads, n = melt[name].beads, 24 // per_bead
    end, middle = 15.035 + 14.027 * (per_bead - 1), 14.027 * per_bead
    np.testing.assert_allclose(beads.masses, [end, *[middle] * (n - 2), end] * CHAINS)
    assert beads.types == ("C24-end", *["C24-middle"] * (n - 2), "C24-end") * CHAINS
    assert len(beads.bonds) == CHAINS * (n - 1)
    np.testing.assert_allclose(melt[name].dataset.masses, beads.masses)
    # The forces of a bead are those on its own atoms, as no bond is rigid.
    atoms = melt[name].forces.reshape(-1, CHAINS * n, per_bead, 3).sum(2)
    np.testing.assert_allclose(melt[name].dataset.forces(), atoms, rtol=1e-4, atol=0.1)


@pytest.mark.parametrize("engine", EACH_ENGINE)
@pytest.mark.parametrize("name", ["beads8", "beads12"])
def test_cg_chains_stay_intact_and_have_all_metrics(melt, models, name, engine):
    dataset, beads = melt[name].dataset, melt[name].beads
    positions, box = dataset.positions().astype(float), dataset.box()
    chains = 2
    simulation = SimulationSettings.model_validate(
        {
            "chains": chains, "time_step": 0.004, "friction": 2.0, "equilibration": 0.08,
            "length": 1.6, "stride": STRIDE, "until": None, "device": "cpu", "compile": "never",
            "engine": engine, "least_stable": 1.0,
        },
        context={"internal": True},
    )  # fmt: skip
    found = sample(
        models[name],
        Configuration(positions[[40, -1]], TEMPERATURE, box),
        simulation,
        torch.Generator().manual_seed(1),
        CgSystem(beads.topology, beads.masses),
    )
    assert found.about["broken"] == {"exploded": 0, "permuted": 0, "chirality": 0}
    assert np.isfinite(found.positions).all()
    n = found.positions.shape[0]
    model = sample_of(
        found.positions.transpose(1, 0, 2, 3).reshape(-1, beads.topology.size, 3),
        beads.topology, chains, box=box, masses=beads.masses, dynamical=True,
        chains=np.repeat(np.arange(chains), n), times=np.tile(found.times, chains),
    )  # fmt: skip
    reference = sample_of(
        dataset.positions(), beads.topology, 4, box=box, masses=beads.masses, dynamical=True,
        times=dataset.times(),
    )  # fmt: skip
    comparison = compare(model, reference, temperature=TEMPERATURE)
    rows = by_name(
        [
            row
            for metric in (structure, bonded, chain_dimensions, rdf, displacement)
            for row in metric.rows(comparison)
        ]
    )
    expected = {
        "wasserstein_bond", "wasserstein_angle", "end_to_end", "end_to_end_reference",
        "radius_of_gyration", "wasserstein_end_to_end",
        "rdf_rmse_C24-end_C24-end", "rdf_rmse_C24-end_C24-middle",
        "rdf_rmse_C24-middle_C24-middle", "diffusion", "diffusion_reference",
        "speed_up_diffusion",
    }  # fmt: skip
    assert expected <= set(rows), sorted(rows)
    # Chains have no time to change in 1.6 ps.
    assert rows["end_to_end"].value == pytest.approx(rows["end_to_end_reference"].value, abs=0.3)
