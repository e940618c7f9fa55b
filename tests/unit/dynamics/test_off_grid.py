"""CG chains beyond the grid of their bias: refused at the start, counted, reported, ended."""

import numpy as np
import pytest
import torch
from double_well import DoubleWell, cg_run, settings
from interruptions import go_on_until_done

from meanforce.data.h5md import H5mdReader
from meanforce.dynamics.grid import Grid
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.sample import sample
from meanforce.dynamics.stability import Unstable
from meanforce.dynamics.starts import check_starts_on_grid
from meanforce.dynamics.visits import Visits
from meanforce.errors import InputError

BIAS = {
    "collective_variables": ["x"], "width": [0.15], "bias_factor": 8.0, "build": 2.0,
    "bins": 60, "lower": [-2.0], "upper": [2.0],
}  # fmt: skip


def run_from(x, **ends):
    """A short biased run whose chains start at some places."""
    starts = np.zeros((len(x), 1, 3))
    starts[:, 0, 0] = x
    simulation = settings(
        chains=len(x), equilibration=0.5, length=2.0, stride=0.5, bias=BIAS | ends
    )
    return cg_run(DoubleWell(), starts, simulation, 3)


def sampled(run, lines):
    return sample(
        run.potential, run.starts, run.simulation, run.generator, run.system, lines.append
    )


def test_starts_beyond_the_grid_are_refused_with_the_ends_that_would_do():
    x = np.concatenate([np.full(14, 1.0), np.full(6, -1.0)])
    with pytest.raises(InputError) as caught:
        check_starts_on_grid(run_from(x, lower=[-0.5]), "simulation")
    text = str(caught.value)
    assert text.startswith("simulation.bias: 30.0% of the chains start outside the grid")
    assert "'x' was from -1 to 1, but its grid is from -0.5 to 2 nm" in text
    assert "give 'lower' and 'upper'" in text


def test_a_few_starts_beyond_the_grid_are_noticed_and_none_is_not():
    x = np.full(20, 1.0)
    assert check_starts_on_grid(run_from(x), "simulation") is None
    assert check_starts_on_grid(run_from(x, lower=[1.0]), "simulation") is None
    x[3] = -1.0
    notice = check_starts_on_grid(run_from(x, lower=[-0.5]), "simulation")
    assert "5.0% of the chains" in notice
    unbiased = run_from(x)
    without = cg_run(DoubleWell(), unbiased.starts.positions, settings(chains=20), 3)
    assert check_starts_on_grid(without, "simulation") is None


def test_hills_outside_are_counted_and_the_run_goes_on():
    """All chains stay in the well at 1 nm, about half beyond an end there."""
    lines = []
    trajectory = sampled(run_from(np.full(40, 0.95), upper=[1.08]), lines)
    share = trajectory.about["bias_hills_outside"]
    assert 0.0 < share < 0.5
    (warning,) = [line for line in lines if line.startswith("warning")]
    assert f"{share:.1%} of the hills" in warning
    assert "but its grid is from -2 to 1.08 nm" in warning
    inside = sampled(run_from(np.full(40, 0.95)), lines := [])
    assert inside.about["bias_hills_outside"] == 0.0
    assert not [line for line in lines if line.startswith("warning")]


def test_a_run_that_has_left_its_grid_ends_before_frames_are_stored():
    lines = []
    with pytest.raises(Unstable, match=r"the chains have left the grid of the CG bias.*100% of"):
        sampled(run_from(np.full(10, 1.0), upper=[0.0]), lines)


def test_restarts_keep_the_count(tmp_path):
    def make(job, output):
        run = run_from(np.full(12, 0.95), upper=[1.08])
        sample_to_file(run, output, lambda line: None, job)

    make(None, tmp_path / "once.h5")
    stops = go_on_until_done(
        tmp_path / "job", lambda job: make(job, tmp_path / "again.h5"), every=30
    )
    assert stops > 3
    shares = []
    for name in ("once.h5", "again.h5"):
        with H5mdReader(tmp_path / name) as reader:
            shares.append(reader.parameters["bias_hills_outside"])
    assert shares[0] == shares[1] > 0


def test_only_axes_with_ends_have_an_outside():
    grid = Grid([-3.0, 0.0], [3.0, 1.0], [True, False], 20)
    visits = Visits(grid)
    visits.add(torch.tensor([[9.0, 0.5], [0.0, 1.2], [0.0, -0.1], [0.0, 1.0 + 1e-8]]))
    assert visits.share == 0.5
    assert visits.in_words(["phi", "d"], ["rad", "nm"]) == (
        "'d' was from -0.1 to 1.2, but its grid is from 0 to 1 nm"
    )
    assert not Visits(Grid([-3.0], [3.0], [True], 20)).possible
