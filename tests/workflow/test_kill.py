"""Jobs killed at random moments lose nothing: bit for bit what an undisturbed job makes."""

import filecmp
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from killing import BUNDLE_EVERY, KILLS, command, run, run_killed

from meanforce.restart.ended import ended_folder

pytestmark = pytest.mark.workflow

PROTOCOL = {
    "stride": 0.05, "time_step": 0.002, "friction": 1.0, "equilibration": 4.0,
    "platform": "Reference",
}  # fmt: skip
BIASED = {"collective_variables": ["phi", "psi"]}
CAMPAIGNS = {
    "unbiased": {"kind": "unbiased", "length": 450.0},
    "static": {
        "kind": "static", "length": 380.0, **BIASED,
        "gaussians": [{"height": -4.0, "center": [1.0, 0.5], "width": [0.5, 0.5]}],
    },
    "metadynamics": {
        "kind": "metadynamics", "length": 150.0, "burn_in": 20.0, "height": 1.2,
        "width": [0.35, 0.35], "pace": 0.5, "bias_factor": 6, "walkers": 2, **BIASED,
    },
    "umbrella": {
        "kind": "umbrella", "length": 175.0, "force_constant": [100.0, 100.0],
        "centers": [[-1.5, 1.0], [-1.0, 1.0], [1.0, 0.0]], "windows_per_job": 2, **BIASED,
    },
    "replica_exchange": {
        "kind": "replica_exchange", "length": 100.0, "highest": 500.0, "levels": 3,
        "exchange_every": 0.4,
    },
}  # fmt: skip
MADE = ("trajectory.h5", "log.csv")


def sample_command(root, prepared, beads, folder, kind: str, **changes) -> list[str]:
    dihedrals = {
        "phi": ["ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C"],
        "psi": ["ALA2-N", "ALA2-CA", "ALA2-C", "NME3-N"],
    }
    settings = {
        "campaign": PROTOCOL | CAMPAIGNS[kind] | changes,
        "job": 1,
        "temperature": 300.0,
        "collective_variables": {
            name: {"kind": "dihedral", "mapping": "heavy", "beads": beads}
            for name, beads in dihedrals.items()
        },
        "seed": 11,
    }
    return command(
        root, "sample", "--prepared", prepared, "--beads", beads,
        "--settings", json.dumps(settings),
        "--trajectory", folder / "trajectory.h5", "--log", folder / "log.csv",
        "--segments", folder / "segments.csv", "--bundle-every", BUNDLE_EVERY,
    )  # fmt: skip


@pytest.mark.parametrize("kind", CAMPAIGNS)
def test_killed_sampling_is_bit_identical(root, prepared, heavy_beads, tmp_path, kind):
    for name in ("once", "killed"):
        (tmp_path / name).mkdir()
    result = run(sample_command(root, prepared, heavy_beads, tmp_path / "once", kind))
    assert result.returncode == 0, result.stderr
    again = sample_command(root, prepared, heavy_beads, tmp_path / "killed", kind)
    bundle = tmp_path / "killed" / ".trajectory.h5.work" / "bundle"
    assert run_killed(again, bundle, kind) == KILLS, "the run ended before the last kill"
    for name in MADE:
        assert filecmp.cmp(tmp_path / "once" / name, tmp_path / "killed" / name, shallow=False)
    segments = (tmp_path / "killed" / "segments.csv").read_text().splitlines()
    assert len(segments) > 2, "no restart happened: the test shows nothing"
    assert sorted(path.name for path in (tmp_path / "killed").iterdir()) == sorted(
        [*MADE, "segments.csv", ended_folder(Path("trajectory.h5")).name]
    )


def test_killed_extension_has_the_frames_of_one_run(root, prepared, heavy_beads, tmp_path):
    """The first part is finished, the rest is killed again and again."""
    for name in ("once", "killed"):
        (tmp_path / name).mkdir()

    def arguments(name: str, length: float) -> list[str]:
        kind = "metadynamics"
        return sample_command(root, prepared, heavy_beads, tmp_path / name, kind, length=length)

    for name, length in (("once", 200.0), ("killed", 50.0)):
        result = run(arguments(name, length))
        assert result.returncode == 0, result.stderr
    bundle = tmp_path / "killed" / ".trajectory.h5.work" / "bundle"
    # Snakemake deletes the outputs of a job before it runs.
    for name in (*MADE, "segments.csv"):
        (tmp_path / "killed" / name).unlink()
    longer = arguments("killed", 200.0)
    assert run_killed(longer, bundle, "extension") == KILLS, "the run ended before the last kill"
    frames, others = (h5py.File(tmp_path / name / "trajectory.h5") for name in ("once", "killed"))
    for name in ("time", "coordinates", "meanforce/bias_hills", "meanforce/log_weight"):
        assert np.array_equal(frames[name][:], others[name][:]), name
    segments = (tmp_path / "killed" / "segments.csv").read_text().splitlines()
    assert segments[1].startswith("0,54,"), "it did not continue the finished part"


def test_killed_forces_are_bit_identical(root, prepared, heavy_beads, tmp_path):
    changes = {"length": 270.0, "stride": 0.004, "equilibration": 0.0}
    arguments = sample_command(root, prepared, heavy_beads, tmp_path, "unbiased", **changes)
    result = run(arguments)
    assert result.returncode == 0, result.stderr

    def forces(name: str) -> list[str]:
        return command(
            root, "forces", "--prepared", prepared, "--trajectory", tmp_path / "trajectory.h5",
            "--output", tmp_path / name, "--bundle-every", BUNDLE_EVERY,
        )  # fmt: skip

    result = run(forces("once.h5"))
    assert result.returncode == 0, result.stderr
    bundle = tmp_path / ".killed.h5.work" / "bundle"
    assert run_killed(forces("killed.h5"), bundle, "forces") == KILLS, "the run ended too early"
    assert filecmp.cmp(tmp_path / "once.h5", tmp_path / "killed.h5", shallow=False)
