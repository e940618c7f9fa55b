"""Every stage is a program of its own."""

import subprocess
import sys

import pytest

STAGES = (
    "prepare", "beads", "equilibrate", "sample", "forces", "weights", "map", "train", "simulate",
    "validate", "learning_curve", "report", "deploy",
)  # fmt: skip


def run(root, *arguments: str) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, *arguments], cwd=root, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("stage", STAGES)
def test_help(root, stage):
    result = run(root, f"workflow/scripts/{stage}.py", "--help")
    assert result.returncode == 0
    assert "usage:" in result.stdout


def test_a_stage_by_hand_and_its_errors(root, tmp_path):
    good = '{"system": {"kind": "muller_brown"}, "seed": 1}'
    program = "workflow/scripts/prepare.py"
    result = run(root, program, "--settings", good, "--output", str(tmp_path / "prepared"))
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "prepared" / "system.xml").is_file()
    for settings, message in (
        ('{"system": {"kind": "muller_braun"}, "seed": 1}', "muller_braun"),
        ('{"system": ', "is not JSON"),
        ("nowhere.json", "neither JSON text nor a file"),
        ("{}", "'system' is missing"),
    ):
        result = run(root, program, "--settings", settings, "--output", str(tmp_path / "x"))
        assert result.returncode == 1
        assert message in result.stderr
        assert "Traceback" not in result.stderr


def test_a_missing_trajectory_is_named(root, tmp_path):
    good = '{"system": {"kind": "muller_brown"}, "seed": 1}'
    run(root, "workflow/scripts/prepare.py", "--settings", good, "--output", str(tmp_path / "p"))
    result = run(
        root, "workflow/scripts/forces.py", "--prepared", str(tmp_path / "p"),
        "--trajectory", str(tmp_path / "none.h5"), "--output", str(tmp_path / "forces.h5"),
    )  # fmt: skip
    assert result.returncode == 1
    assert "none.h5: is not a complete trajectory" in result.stderr
    assert "Traceback" not in result.stderr
