"""A CA model of a peptide of ten residues: its force map, its angles, and stable dynamics."""

import csv

import numpy as np
import pytest
import torch
from sampled_systems import prepared_in, run_of

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.dynamics.sample import sample
from meanforce.dynamics.system import CgSystem
from meanforce.fitting.frames import Frames
from meanforce.fitting.registry import fit
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential
from meanforce.settings.simulations import SimulationSettings
from meanforce.settings.systems.registry import System

TEMPERATURE = 340.0
PRIOR = {
    "bonds": "harmonic", "angles": "mixture", "dihedrals": "fourier",
    "excluded_volume": {"apart": 3},
}  # fmt: skip


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    """Eight picoseconds of chignolin's sequence from the stretched chain, as CA beads."""
    values = {
        "kind": "peptide", "structure": str(root / "resources" / "chignolin_extended.pdb"),
        "force_field": ["amber99sbildn.xml", "amber99_obc.xml"], "constraints": "h_bonds",
    }  # fmt: skip
    folder = tmp_path_factory.mktemp("chignolin")
    prepared = prepared_in(validated(System, values, "system"), folder)
    return run_of(
        prepared, {"template": "ca"}, TEMPERATURE,
        length=8.0, stride=0.01, time_step=0.002, equilibration=1.0,
    )  # fmt: skip


@pytest.fixture(scope="module")
def frames(run) -> Frames:
    with run.dataset as reader:
        positions, forces = reader.positions(slice(None)), reader.forces(slice(None))
        molecule = Topology.of(reader.parameters)
    block = torch.arange(len(positions)) * 20 // len(positions)
    return Frames(
        torch.from_numpy(positions).float(), torch.from_numpy(forces).float(),
        torch.full((len(positions),), TEMPERATURE), block % 5, block, molecule,
    )  # fmt: skip


def test_the_least_noisy_force_map_saves_most_of_the_frames(run):
    with (run.folder / "maps.csv").open() as file:
        *_, total = csv.DictReader(file)
    assert float(total["dataset"]) == pytest.approx(float(total["optimal"]), rel=1e-6)
    # On average over beads, whatever the mean force.
    assert float(total["data_saving_at_least"]) > 2.0


def test_chains_of_the_model_stay_whole(frames):
    values = {
        "kind": "cgnet", "hidden": [32, 32], "temperature": "none", "distances": "both",
        "prior": PRIOR,
        "training": {
            "weight_decay": 0.0, "epochs": 4, "batch_size": 128, "learning_rate": 0.002
        },
    }  # fmt: skip
    settings = validated(Potential, values, "potential")
    fitted = fit(settings, frames, {}, 0, 1, lambda line: None)
    terms = {term["term"].split()[0] for term in fitted.about["prior"]["terms"]}
    assert terms == {"bond", "angle", "dihedral", "excluded"}
    assert "left_out" not in fitted.about["prior"]
    simulation = validated(
        SimulationSettings,
        {
            "chains": 30, "time_step": 0.005, "friction": 1.0, "equilibration": 2.0,
            "length": 8.0, "stride": 0.4, "until": None,
        },
        "simulation",
    )  # fmt: skip
    starts = frames.positions[:: len(frames) // 30][:30].numpy()
    made = sample(
        fitted.potential,
        Configuration(starts, TEMPERATURE),
        simulation,
        torch.Generator().manual_seed(1),
        CgSystem(frames.molecule, np.full(10, 110.0)),
    )
    assert sum(made.about["broken"].values()) == 0
    bonds = np.linalg.norm(np.diff(made.positions, axis=-2), axis=-1)
    # Springs of 0.38 nm; the cis bond of CA would be 0.29 nm.
    assert bonds.shape == (20, 30, 9)
    assert bonds.min() > 0.3 and bonds.max() < 0.46
