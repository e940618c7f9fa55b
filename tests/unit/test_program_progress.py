"""Programs report from their start to 100 %, where that can be seen without other programs."""

import json
import sys

from progress_lines import phases_of

import prepare
import torsion
import weights
from meanforce.settings.campaigns.umbrella import UmbrellaSettings


def lines_of(program, monkeypatch, capsys, *arguments) -> list[str]:
    """What a program writes to its log."""
    monkeypatch.setattr(sys, "argv", ["program.py", *map(str, arguments)])
    program.main()
    return capsys.readouterr().err.splitlines()


def test_prepare(tmp_path, monkeypatch, capsys):
    settings = json.dumps({"system": {"kind": "muller_brown"}, "seed": 1})
    lines = lines_of(
        prepare, monkeypatch, capsys, "--settings", settings, "--output", tmp_path / "prepared"
    )
    assert phases_of(lines) == ["building and minimising the system"]


def test_weights(tmp_path, monkeypatch, capsys):
    values = {
        "kind": "umbrella", "collective_variables": ["phi"], "force_constant": [5.0],
        "rows": [{"first": -2.0, "last": 2.0, "number": 3}], "windows_per_job": 3,
        "length": 40.0, "pull": 5.0,
    }  # fmt: skip
    campaign = UmbrellaSettings.model_validate(
        torsion.PROTOCOL | values, context={"internal": True}
    )
    with torsion.run(campaign, tmp_path) as frames:
        assert frames.n_frames == 3 * 400
    lines = lines_of(
        weights, monkeypatch, capsys, "--trajectories", tmp_path / "trajectory.h5",
        "--weights", tmp_path / "weights.h5", "--overlap", tmp_path / "overlap.csv",
    )  # fmt: skip
    assert phases_of(lines) == ["weights by MBAR"]
