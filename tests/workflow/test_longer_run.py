"""A longer `length` in the config continues finished sampling; a shorter one is refused."""

import json

import h5py
import numpy as np
import pytest
import yaml

from meanforce.paths import ReplicaPaths

pytestmark = pytest.mark.workflow

PLACE = ReplicaPaths("muller_brown", "T300", "static", 1)


def test_length_can_grow_but_not_shrink(make_checkout):
    checkout = make_checkout()
    # YAML anchors would carry changes to other campaigns.
    config = json.loads(
        json.dumps(yaml.safe_load((checkout.folder / "config" / "quick.yaml").read_text()))
    )
    file, trajectory = checkout.folder / "my.yaml", checkout.folder / PLACE.trajectory.replace(
        "results/", "results/my/"
    )  # fmt: skip

    def run(length: str):
        config["campaigns"]["muller_brown"]["static"] |= {"length": length, "platform": "Reference"}
        file.write_text(yaml.safe_dump(config))
        target = str(trajectory.relative_to(checkout.folder))
        return checkout.snakemake(target, "--configfile", "my.yaml")

    frames = {}
    for length in ("100 ns", "250 ns"):
        result = run(length)
        assert result.returncode == 0, result.stdout + result.stderr
        with h5py.File(trajectory) as made:
            frames[length] = made["coordinates"][:]
    log = (trajectory.parent / "sample.log").read_text()
    assert "continuing a run with a length of 100 ns; the length is now 250 ns" in log
    assert np.array_equal(frames["250 ns"][: len(frames["100 ns"])], frames["100 ns"])
    assert len(frames["250 ns"]) == 5000
    refused = run("150 ns")
    assert refused.returncode != 0
    assert "campaigns.muller_brown.static.length: is 150 ns, but" in refused.stderr
    assert trajectory.exists(), "it was deleted before the refusal"
