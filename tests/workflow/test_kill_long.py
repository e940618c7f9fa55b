"""Training and CG runs lose nothing when they are killed or asked to stop."""

import filecmp
import json
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from killing import BUNDLE_EVERY, KILLS, command, run, run_killed, wait_for_bundle

from meanforce.core.coordinates import CoordinateList
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.errors import STOPPED
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.restart.job import folder_of
from meanforce.restart.lock import locked

pytestmark = [pytest.mark.workflow, pytest.mark.extended]

NAMES, BONDS = list("ABCD"), [[0, 1], [1, 2], [2, 3]]
FRAMES = 3000
PHI = {"phi": {"kind": "dihedral", "mapping": "all", "beads": NAMES}}
POTENTIAL = {
    "kind": "cgnet", "hidden": [48, 48], "temperature": "feature",
    "training": {"weight_decay": 0.0, "epochs": 10, "batch_size": 32, "learning_rate": 3e-3},
}  # fmt: skip
SIMULATION = {
    "chains": 100, "time_step": 0.002, "friction": 2.0, "equilibration": 0.6, "length": 2.8,
    "stride": 0.02, "until": None,
    "bias": {"collective_variables": ["phi"], "width": [0.35], "bias_factor": 6.0, "build": 1.6},
}  # fmt: skip


def write_dataset(path, seed: int, temperature: float) -> None:
    """Four-bead chains around all torsion angles, with forces of bonds, angles and the torsion."""
    rng = np.random.default_rng(seed)
    phi = rng.uniform(-np.pi, np.pi, FRAMES)
    positions = np.zeros((FRAMES, 4, 3))
    positions[:, 0], positions[:, 2] = [-0.05, 0.14, 0.0], [0.15, 0.0, 0.0]
    positions[:, 3, 0] = 0.2
    positions[:, 3, 1], positions[:, 3, 2] = 0.14 * np.cos(phi), 0.14 * np.sin(phi)
    positions = torch.from_numpy(positions + rng.normal(0, 0.008, positions.shape))
    listed = CoordinateList(
        distances=((0, 1), (1, 2), (2, 3)),
        angles=((0, 1, 2), (1, 2, 3)),
        dihedrals=((0, 1, 2, 3),),
    )
    internal = InternalCoordinates(listed, 4, torch.float64)
    values, vectors = internal.evaluate(positions)
    slope = torch.cat(
        [
            10000.0 * (values[:, :3] - 0.15),
            200.0 * (values[:, 3:5] - 1.9),
            -6.0 * torch.sin(values[:, 5:]),
        ],
        dim=1,
    )
    parameters = {"bead_names": NAMES, "bonds": BONDS, "temperature": temperature}
    zeros = np.zeros(FRAMES)
    with H5mdWriter(path, np.full(4, 12.0), parameters, with_forces=True) as writer:
        forces = -internal.pull_back(slope, vectors).numpy()
        writer.append(
            FrameBlock(positions.numpy(), np.arange(FRAMES), zeros, zeros, zeros, force=forces)
        )


def train_command(root, datasets, folder, potential: dict = POTENTIAL) -> list[str]:
    settings = {
        "potential": potential, "collective_variables": PHI, "weights": "none", "windows": None,
        "datasets_per_replica": [1] * len(datasets), "member": 0, "folds": 8,
        "resampling": "half_samples", "seed": 3,
    }  # fmt: skip
    return command(
        root, "train", "--datasets", *datasets, "--settings", json.dumps(settings),
        "--model", folder / "model.safetensors", "--curve", folder / "curve.csv",
        "--bundle-every", BUNDLE_EVERY,
    )  # fmt: skip


def simulate_command(root, datasets, model, folder) -> list[str]:
    settings = {
        "simulation": SIMULATION, "windows": None, "temperature": 300.0, "surface": ["phi"],
        "collective_variables": PHI, "seed": 4,
    }  # fmt: skip
    return command(
        root, "simulate", "--models", model, "--datasets", *datasets,
        "--settings", json.dumps(settings), "--output", folder / "cg.h5",
        "--bundle-every", BUNDLE_EVERY,
    )  # fmt: skip


@pytest.fixture(scope="module")
def datasets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("datasets")
    paths = [folder / "cold.h5", folder / "hot.h5"]
    for number, path in enumerate(paths):
        write_dataset(path, number, 300.0 + 100 * number)
    return paths


@pytest.fixture(scope="module")
def trained(root, datasets, tmp_path_factory):
    """Folder of an undisturbed training."""
    folder = tmp_path_factory.mktemp("trained")
    result = run(train_command(root, datasets, folder))
    assert result.returncode == 0, result.stderr
    return folder


def stop(arguments: list[str], bundle) -> None:
    """Ask a running program to stop: it must do so soon and report that it can be continued."""
    before = bundle.stat().st_mtime_ns if bundle.exists() else 0
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_for_bundle(process, bundle, before)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate()
    assert process.returncode == STOPPED, said
    assert time.monotonic() - asked < 5
    assert "stopped (SIGTERM); the same command goes on from here" in said


def check_killed(arguments: list[str], once, killed, output: str, made: set[str]) -> None:
    """Stop, kill and end a program; its output must be that of an uninterrupted run."""
    bundle = folder_of(killed / output) / "bundle"
    stop(arguments, bundle)
    killed_times = run_killed(arguments, bundle, Path(arguments[1]).stem)
    assert killed_times == KILLS, "the run ended before the last kill"
    assert {path.name for path in killed.iterdir()} == made
    for name in made:
        assert filecmp.cmp(once / name, killed / name, shallow=False), name


def test_killed_training_is_bit_identical(root, datasets, trained, tmp_path):
    made = {"model.safetensors", "model.json", "curve.csv"}
    again = train_command(root, datasets, tmp_path)
    check_killed(again, trained, tmp_path, "model.safetensors", made)


def test_killed_cg_run_is_bit_identical(root, datasets, trained, tmp_path):
    for name in ("once", "killed"):
        (tmp_path / name).mkdir()
    commands = [
        simulate_command(root, datasets, trained / "model.safetensors", tmp_path / name)
        for name in ("once", "killed")
    ]
    result = run(commands[0])
    assert result.returncode == 0, result.stderr
    assert "100 of 100 chains stable" in result.stderr
    check_killed(commands[1], tmp_path / "once", tmp_path / "killed", "cg.h5", {"cg.h5"})


def test_a_second_process_and_other_settings_are_refused(root, datasets, tmp_path):
    arguments = train_command(root, datasets, tmp_path)
    folder = folder_of(tmp_path / "model.safetensors")
    with locked(folder):
        result = run(arguments)
    assert result.returncode == 1
    assert "works here" in result.stderr
    stop(arguments, folder / "bundle")
    other = {**POTENTIAL, "hidden": [48, 32]}
    result = run(train_command(root, datasets, tmp_path, other))
    assert result.returncode == 1
    assert "settings.potential.hidden was [48, 48] and is [48, 32]" in result.stderr
