"""Progress reports of CG runs."""

import numpy as np
import pytest
from double_well import LOOKED_AT, SYSTEM, DoubleWell, cg_run, settings
from progress_lines import phases_of, progress_of

from meanforce.dynamics.job import sample_to_file
from meanforce.errors import Stopped
from meanforce.restart.job import Job

BIAS = {
    "collective_variables": ["x"], "width": [0.15], "bias_factor": 8.0, "build": 2.0,
    "bins": 100, "lower": [-2.0], "upper": [2.0],
}  # fmt: skip
STARTS = np.linspace(-1, 1, 18).reshape(6, 1, 3)


def run_to(path, lines: list[str], job: Job | None = None, **changes) -> None:
    chosen = settings(chains=6, equilibration=0.5, length=2.0, stride=0.1, **changes)
    system = LOOKED_AT if chosen.until else SYSTEM
    sample_to_file(cg_run(DoubleWell(), STARTS, chosen, 11, system), path, lines.append, job)


def test_phases_of_a_biased_run(tmp_path):
    lines = []
    run_to(tmp_path / "cg.h5", lines, bias=BIAS)
    assert phases_of(lines) == ["building the bias", "equilibration", "frames"]
    found = progress_of(lines)
    assert found[0].percent == 0.0 and found[0].note == "6 of 6 chains stable"
    # 200 steps of bias, 50 of equilibration, 200 of frames.
    assert [line.percent for line in found[1:3]] == [44.4, 55.5]
    assert found[-1].rate.endswith(" replica-steps/s")


def test_a_run_that_may_end_earlier_ends_at_100_percent(tmp_path):
    lines = []
    until = {"r_hat": None, "drift": 1e6, "at_most": 200.0}
    run_to(tmp_path / "cg.h5", lines, until=until)
    assert [line.split(":")[0] for line in lines if " ps: " in line] == ["2 ps"]
    assert max(line.percent for line in progress_of(lines)[:-1]) < 10.0


def test_a_run_that_goes_on_starts_at_the_percent_where_it_stopped(tmp_path):
    looks = iter(range(150))
    job = Job(tmp_path, {}, lambda: None if next(looks, None) is not None else "test")
    with pytest.raises(Stopped):
        run_to(tmp_path / "cg.h5", [], job)
    step = job.load().info["step"]
    assert 0 < step < 250
    lines = []
    job.stop = lambda: None
    run_to(tmp_path / "cg.h5", lines, job)
    assert progress_of(lines)[0].percent == pytest.approx(100 * step / 250, abs=0.1)
