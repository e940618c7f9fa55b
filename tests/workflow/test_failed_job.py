"""A job that fails: its own sentence is in the log of the run, where it fails and at the end."""

import pytest
import yaml

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def said(make_checkout) -> str:
    """What Snakemake writes when a run of the Müller-Brown potential explodes."""
    checkout = make_checkout()
    config = yaml.safe_load((checkout.folder / "config" / "quick.yaml").read_text())
    for campaign in config["campaigns"]["muller_brown"].values():
        campaign |= {"time_step": "25 ps", "stride": "50 ps", "equilibration": "0 ps"}
    config["campaigns"]["muller_brown"]["unbiased"]["length"] = "5 ns"
    (checkout.folder / "failing.yaml").write_text(yaml.safe_dump(config))
    result = checkout.snakemake(
        "results/failing/muller_brown/T300/unbiased/1/trajectory.h5", "--configfile", "failing.yaml"
    )
    assert result.returncode == 1
    return result.stderr


def test_the_sentence_stands_where_the_job_fails_and_at_the_end(said):
    failed = [n for n, line in enumerate(said.splitlines()) if line.startswith("sample failed: ")]
    lines = said.splitlines()
    assert len(failed) == 2
    first, last = failed
    assert lines[first] == lines[last]
    # Snakemake's own message comes after the first one, and before the second.
    own = next(n for n, line in enumerate(lines) if line.startswith("Error in rule sample"))
    assert first < own < last
    assert "sample.log" in lines[last + 1]
    assert "Traceback" not in said
