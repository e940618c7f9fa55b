"""CG runs that end when they have converged; compiled steps and what stands in for them."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from test_dynamics import BEAD, MASSES, VARIABLE, DoubleWell, settings

from meanforce.data.h5md import H5mdReader
from meanforce.data.mixing import round_trips
from meanforce.dynamics import compiled as compiling
from meanforce.dynamics.convergence import Convergence
from meanforce.dynamics.run import BatchRun
from meanforce.errors import InputError
from meanforce.potentials.device import chosen_device
from meanforce.settings.collective_variables import CollectiveVariable


class Low(DoubleWell):
    """With a barrier of one kT."""

    height, tilt = 2.5, 0.0


def test_round_trips_of_known_series():
    there_and_back = np.concatenate([np.linspace(0, 1, 20), np.linspace(1, 0, 20)])
    once = np.linspace(0, 1, 40)
    stuck = np.full(40, 0.1)
    fast = np.tile([0.0, 1.0], 20)
    series = np.stack([there_and_back, once, stuck, fast], axis=1)
    assert round_trips(series).tolist() == [1.0, 0.5, 0.0, 19.5]


UNTIL = {"r_hat": 1.4, "round_trips": 0.8, "at_most": 100.0}


def until_run(potential, until=UNTIL, **changes):
    changes = {"chains": 30, "equilibration": 1.0, "length": 5.0, "stride": 0.1} | changes
    chosen = settings(**changes, until=until)
    convergence = Convergence(chosen.until, [VARIABLE], ["X"])
    return BatchRun(potential, BEAD, MASSES, chosen, None, 300.0, 3, convergence)


def parameters_of(run, path, lines=None) -> dict:
    starts = np.zeros((30, 1, 3))
    starts[:, 0, 0] = np.where(np.arange(30) % 2, 1.0, -1.0)
    run.run(starts, path, lambda line: None if lines is None else lines.append(line))
    with H5mdReader(path) as reader:
        frames = reader.n_frames // 30
        assert frames * 0.1 == pytest.approx(reader.parameters["length"])
        return reader.parameters


def test_a_run_ends_once_it_has_converged(tmp_path):
    lines = []
    about = parameters_of(until_run(Low()), tmp_path / "cg.h5", lines)
    assert 5.0 <= about["length"] < 100.0
    assert about["length"] % 5.0 == pytest.approx(0, abs=1e-9)
    ratio, trips = about["ended"].split(", ")
    assert float(ratio.removeprefix("R-hat ")) <= 1.4
    assert float(trips.split()[0]) >= 0.8
    looks = [line for line in lines if " ps: R-hat" in line]
    assert looks[-1].startswith(f"{about['length']:g} ps")
    assert len(looks) > 3
    # It would have ended earlier, had it converged earlier.
    for line in looks[:-1]:
        found = line.split()
        assert float(found[3].rstrip(",")) > 1.4 or float(found[4]) < 0.8


def test_a_run_that_does_not_converge_ends_at_its_longest_and_says_so(tmp_path):
    lines = []
    run = until_run(DoubleWell(), {"r_hat": 1.02, "at_most": 10.0})
    about = parameters_of(run, tmp_path / "cg.h5", lines)
    assert (about["length"], about["ended"]) == (pytest.approx(10.0), "at its longest")
    assert any(line.startswith("not converged (R-hat ") for line in lines)


def test_with_exchange_round_trips_are_those_along_temperature(tmp_path):
    exchange = {"highest": 600.0, "levels": 3, "every": 0.05}
    run = until_run(DoubleWell(), {"round_trips": 8, "at_most": 100.0}, exchange=exchange)
    starts = np.ones((30, 1, 3))
    run.run(starts, tmp_path / "cg.h5", lambda line: None)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        about = reader.parameters
    assert about["exchange"]["round_trips"] >= 8
    assert about["length"] < 100.0
    assert about["ended"] == f"{about['exchange']['round_trips']:.2f} round trips a chain"


def test_periodic_variables_are_seen_by_sine_and_cosine():
    dihedral = CollectiveVariable(kind="dihedral", mapping="m", beads=list("ABCD"))
    convergence = Convergence(settings(until=UNTIL).until, [dihedral], list("ABCD"))
    beads = np.random.default_rng(1).normal(size=(7, 3, 4, 3)).astype(np.float32)
    found = convergence.quantities(beads)
    assert found.shape == (7, 3, 2)
    np.testing.assert_allclose((found**2).sum(-1), 1.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": {"at_most": 100.0}}, "give 'r_hat' or 'round_trips'"),
        ({"until": UNTIL | {"at_most": 1.0}}, "'until.at_most' is shorter than 'length'"),
        ({"exchange": {"highest": 600.0, "levels": 6, "every": 1.0}}, "multiple of the 6 'levels'"),
        ({"exchange": {"highest": 600.0, "levels": 4, "every": 1e-4}}, "shorter than one time"),
        ({"stride": 100.0}, "'stride' must be at least 'time_step', and at most 'length'"),
    ],
)
def test_bad_settings_are_named(changes, message):
    with pytest.raises(ValidationError, match=message):
        settings(**changes)


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert (
        chosen_device("auto", "simulation.device").type
        == chosen_device("cpu", "simulation.device").type
        == "cpu"
    )
    with pytest.raises(InputError, match="is 'cuda', but no GPU"):
        chosen_device("cuda", "simulation.device")
    with pytest.raises(InputError, match="has begun on a GPU"):
        chosen_device("auto", "simulation.device", before="cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    told = []
    monkeypatch.setattr(torch, "use_deterministic_algorithms", told.append)
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    assert chosen_device("auto", "simulation.device").type == "cuda"
    assert told == [True]
    # A run goes on where it began.
    assert chosen_device("auto", "simulation.device", before="cpu").type == "cpu"


def test_only_long_runs_are_compiled():
    short, long = settings(chains=1000), settings(chains=1000)
    assert not compiling.pays(short, 10, 10**4)
    assert compiling.pays(long, 10, 10**5)
    assert not compiling.pays(settings(chains=1000, compile="never"), 10, 10**5)


def failing(*unused, **options):
    raise RuntimeError("no such instruction\nand more")


@pytest.mark.parametrize(
    ("compiler", "made", "line"),
    [
        (None, None, "no C++ compiler"),
        ("g++", failing, "cannot be compiled (no such instruction): going on without"),
        ("g++", lambda f, **options: lambda x: (x, 1.001 * f(x)[1]), "wrong by 1.0e-03"),
        ("g++", lambda f, **options: lambda x: (x, torch.nan * f(x)[1]), "wrong by nan"),
    ],
)
def test_steps_that_cannot_be_compiled_are_computed_as_they_are(monkeypatch, compiler, made, line):
    monkeypatch.setattr(compiling.shutil, "which", lambda name: compiler)
    monkeypatch.setattr(torch, "compile", made)
    lines = []

    def function(positions):
        return positions, -positions

    arguments = (torch.ones(2, 1, 3, dtype=torch.float64),)
    assert compiling.compiled(function, arguments, lines.append) is function
    assert line in lines[0] and len(lines) == 1
