"""CG runs that end when they have converged; compiled steps and the fallback without them."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from double_well import LOOKED_AT, VARIABLE, DoubleWell, cg_run, settings
from pydantic import ValidationError

from meanforce.analysis.metrics.convergence import rows
from meanforce.analysis.samples import model_sample
from meanforce.data.h5md import H5mdReader
from meanforce.dynamics import compiled as compiling
from meanforce.dynamics.convergence import Convergence
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.langevin import chains_last
from meanforce.errors import InputError
from meanforce.potentials.device import chosen_device
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.statistics.mixing import r_hat, round_trips


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


UNTIL = {"r_hat": 1.01, "round_trips": 0.8, "at_most": 100.0}


def until_run(potential, until=UNTIL, starts=None, **changes) -> CgRun:
    changes = {"chains": 30, "equilibration": 1.0, "length": 5.0, "stride": 0.1} | changes
    chosen = settings(**changes, until=until)
    starts = starts_of(chosen.chains) if starts is None else starts
    return cg_run(potential, starts, chosen, 3, LOOKED_AT)


def starts_of(chains: int) -> np.ndarray:
    """Every other chain in either well."""
    starts = np.zeros((chains, 1, 3))
    starts[:, 0, 0] = np.where(np.arange(chains) % 2, 1.0, -1.0)
    return starts


def parameters_of(run, path, lines=None, chains=30) -> dict:
    told = [] if lines is None else lines
    sample_to_file(run, path, told.append)
    with H5mdReader(path) as reader:
        frames = reader.n_frames // chains
        assert frames * 0.1 == pytest.approx(reader.parameters["length"])
        return reader.parameters


def figures(line: str) -> tuple[float, float, float]:
    """Nested R-hat, drift and round trips."""
    ratio, moved, trips = line.split(": ")[-1].split(", ")
    return float(ratio.split()[-1]), float(moved.split()[1]), float(trips.split()[0])


def rows_of(path) -> dict:
    """Rows of the stage `validate` on its convergence."""
    comparison = SimpleNamespace(
        model=model_sample(path, [VARIABLE], 4),
        watched=("x",),
        variables={"x": VARIABLE},
    )
    return {row.metric: row for row in rows(comparison)}


def test_a_run_ends_once_it_has_converged(tmp_path):
    lines = []
    about = parameters_of(until_run(Low()), tmp_path / "cg.h5", lines)
    assert 5.0 < about["length"] < 100.0
    assert about["length"] % 5.0 == pytest.approx(0, abs=1e-9)
    assert about["converged"] is True
    assert about["starts"] == {"x": [-1.0, 1.0] * 15}
    looks = [line for line in lines if " ps: nested R-hat" in line]
    assert looks[-1] == f"{about['length']:g} ps: {about['ended']}"
    assert len(looks) == round(about["length"] / 5) > 3
    # It would have ended earlier, had it converged earlier.
    for line in looks:
        ratio, moved, trips = figures(line)
        assert (ratio <= 1.01 and moved <= 3 and trips >= 0.8) == (line == looks[-1])
    found = rows_of(tmp_path / "cg.h5")
    assert found["converged"].value == 1.0
    assert found["rhat_x"].value == pytest.approx(figures(looks[-1])[0], abs=6e-5)
    assert abs(found["drift_x"].value) == pytest.approx(figures(looks[-1])[1], abs=6e-3)
    assert 30 < found["effective_samples_x"].value < 30 * about["length"] / 0.1


def test_a_run_that_does_not_converge_ends_at_its_longest_and_says_so(tmp_path):
    """By default it runs for up to four times its length. No chain crosses the barrier of 8 kT."""
    lines = []
    about = parameters_of(until_run(DoubleWell(), {}), tmp_path / "cg.h5", lines)
    assert (about["length"], about["ended"]) == (pytest.approx(20.0), "at its longest")
    assert about["converged"] is False
    assert any(line.startswith("not converged (nested R-hat ") for line in lines)
    found = rows_of(tmp_path / "cg.h5")
    assert found["converged"].value == 0.0
    assert found["rhat_x"].value > 3


def test_the_last_look_is_at_the_end(tmp_path):
    lines, until = [], {"drift": 1e-9, "at_most": 12.0}
    about = parameters_of(until_run(Low(), until), tmp_path / "cg.h5", lines)
    assert about["length"] == pytest.approx(12.0)
    assert [line.split(":")[0] for line in lines if " ps: nested" in line] == [
        "5 ps", "10 ps", "12 ps"
    ]  # fmt: skip
    assert sum(line.startswith("not converged (") for line in lines) == 1


def test_chains_that_all_leave_the_same_place_have_not_converged():
    """All chains have the same start, so that only the mean shows it."""
    made = np.random.default_rng(1).normal(size=(40, 60, 1)) - np.linspace(0, 1, 40)[:, None, None]
    starts = {"x": np.zeros(60)}
    for until, holds in (({}, False), ({"drift": None}, True), ({"drift": 100.0}, True)):
        convergence = Convergence(settings(until=until).until, {"x": VARIABLE}, ["X"])
        assert convergence.reached(made, starts, None)[0] is holds


def test_converged_runs_are_found_to_be_at_the_first_look(tmp_path):
    """As they are when no setting is given but the length: 200 chains in one well of 1 kT."""
    run = until_run(Low(), {}, chains=200, equilibration=20.0, length=20.0)
    about = parameters_of(run, tmp_path / "cg.h5", chains=200)
    assert (about["length"], about["converged"]) == (pytest.approx(20.0), True)


def test_broken_chains_are_left_out_with_their_starts(tmp_path):
    class Fragile(Low):
        def compute(self, configuration):
            energy, forces = super().compute(configuration)
            forces[[3, 8]] = float("nan")
            return energy, forces

    run = until_run(Fragile(), {"drift": 1e-9}, chains=40, least_stable=0.9)
    lines = []
    about = parameters_of(run, tmp_path / "cg.h5", lines, chains=40)
    assert len(about["starts"]["x"]) == 40
    last = next(line for line in lines if line.startswith("20 ps: "))
    ratio = float(last.split("nested R-hat ")[1].split(",")[0])
    found = rows_of(tmp_path / "cg.h5")
    assert found["stability"].value == pytest.approx(0.95)
    assert found["rhat_x"].value == pytest.approx(ratio, abs=6e-5)


def test_a_run_of_a_given_length_says_nothing_on_convergence(tmp_path):
    about = parameters_of(until_run(DoubleWell(), None), tmp_path / "cg.h5")
    assert about["length"] == pytest.approx(5.0)
    assert "converged" not in about
    assert about["starts"] == {"x": [-1.0, 1.0] * 15}
    found = rows_of(tmp_path / "cg.h5")
    assert "converged" not in found
    assert found["rhat_x"].value > 3


def test_files_without_starts_have_the_split_r_hat(tmp_path):
    run = cg_run(Low(), starts_of(30), settings(chains=30), 3)
    sample_to_file(run, tmp_path / "cg.h5", lambda line: None)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        x, chains = reader.positions()[:, 0, 0].astype(float), reader.observable("chain")
        assert "starts" not in reader.parameters
    found = rows_of(tmp_path / "cg.h5")
    assert found["rhat_x"].value == pytest.approx(r_hat(x, chains))
    assert not found.keys() & {"converged", "drift_x"}


def test_starts_of_many_chains_fit_into_the_file(tmp_path):
    n = 6000
    starts = np.random.default_rng(1).normal(size=(n, 1, 3))
    run = until_run(Low(), None, starts, chains=n, equilibration=0.0, length=0.2)
    sample_to_file(run, tmp_path / "cg.h5", lambda line: None)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        assert reader.parameters["starts"]["x"] == starts[:, 0, 0].tolist()


def test_with_exchange_round_trips_are_those_along_temperature(tmp_path):
    exchange = {"highest": 600.0, "levels": 3, "every": 0.05}
    until = {"r_hat": None, "drift": None, "round_trips": 8, "at_most": 100.0}
    starts = np.ones((30, 1, 3))
    starts[:10, 0, 0] = np.linspace(-1, 1, 10)
    run = until_run(DoubleWell(), until, starts, exchange=exchange)
    sample_to_file(run, tmp_path / "cg.h5", lambda line: None)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        about = reader.parameters
    assert about["exchange"]["round_trips"] >= 8
    assert about["length"] < 100.0
    assert about["ended"] == f"{about['exchange']['round_trips']:.2f} round trips per chain"
    # These are of the lowest level, the only one that is stored.
    assert about["starts"]["x"] == np.linspace(-1, 1, 10).tolist()


def test_periodic_variables_are_seen_by_sine_and_cosine():
    dihedral = CollectiveVariableSettings(kind="dihedral", mapping="m", beads=list("ABCD"))
    convergence = Convergence(settings(until=UNTIL).until, {"phi": dihedral}, list("ABCD"))
    beads = np.random.default_rng(1).normal(size=(7, 8, 4, 3)).astype(np.float32)
    found = convergence.quantities(beads)
    assert found.shape == (7, 8, 2)
    np.testing.assert_allclose((found**2).sum(-1), 1.0)
    starts = convergence.starts(beads[0])
    np.testing.assert_allclose(np.sin(starts["phi"]), found[0, :, 0])
    # Both are checked: first one of them depends on the start, then the other.
    starts = {"phi": np.linspace(-3, 3, 8)}
    for axis in range(2):
        made = np.random.default_rng(2).normal(size=(7, 8, 2))
        made[:, :, axis] += 5 * starts["phi"]
        assert not convergence.reached(made, starts, None)[0]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"until": {"r_hat": None, "drift": None}}, "give 'r_hat', 'drift' or 'round_trips'"),
        ({"until": {}, "chains": 3}, "3 'chains' are too few .* at least 4"),
        (
            {
                "until": {},
                "chains": 9,
                "exchange": {"highest": 600.0, "levels": 3, "every": 1.0},
            },
            "3 ladders of 'exchange' are too few",
        ),
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
    # A run continues on the device where it began.
    assert chosen_device("auto", "simulation.device", before="cpu").type == "cpu"


def test_only_long_runs_are_compiled():
    short, long = settings(chains=1000), settings(chains=1000)
    assert not compiling.pays(short, 10, 10**4)
    assert compiling.pays(long, 10, 10**5)
    # Many steps of few chains: each step takes long to start.
    assert compiling.pays(settings(chains=100), 10, 20_000)
    assert not compiling.pays(settings(chains=100), 1, 20_000)
    assert not compiling.pays(settings(chains=1000, compile="never"), 10, 10**5)


def test_a_compiled_call_has_few_chains_and_whole_vectors():
    size = compiling.chains_in_a_call
    assert size(100, 10) == 112 and size(7, 5000) == 16
    # With 112 chains, 9 calls have 8 chains more than asked for; with 128, 8 calls have 24.
    assert size(1000, 50) == 112
    assert size(100, 200) == 16


def test_parts_of_the_chains_are_put_together_in_order():
    generator = torch.Generator().manual_seed(1)
    positions = chains_last(torch.randn(7, 2, 3, generator=generator))
    noise = torch.randn(5, 2, 3, 7, generator=generator).movedim(-1, -3)
    sizes = []

    def function(positions, noise):
        sizes.append(len(positions))
        assert positions.movedim(-3, -1).is_contiguous() and noise.movedim(-3, -1).is_contiguous()
        return positions + noise.sum(0), 2 * positions

    wanted = function(positions, noise)
    for size, wanted_sizes in ((3, [3, 3, 3]), (7, [7]), (16, [16])):
        sizes.clear()
        made = compiling.in_parts(function, size)(positions, noise)
        assert sizes == wanted_sizes
        for found, one in zip(made, wanted, strict=True):
            assert torch.equal(found, one) and found.stride() == positions.stride()


def failing(*unused, **options):
    raise RuntimeError("no such instruction\nand more")


@pytest.mark.parametrize(
    ("compiler", "made", "line"),
    [
        (None, None, "no C++ compiler"),
        ("g++", failing, "cannot be compiled (no such instruction): continuing without"),
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
    assert sum(line in other for other in lines) == 1 and line in lines[-1]
