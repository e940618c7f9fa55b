"""Iterative Boltzmann inversion of a Lennard-Jones fluid whose beads are its particles.

The pair potential of a fluid follows from its g(r) up to a constant (Henderson, Phys. Lett. A 49,
197 (1974)), and g determines its tail badly, which the pressure does better.
"""

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import torch
from interruptions import go_on_until_done
from inversions import CUTOFF, TEMPERATURE, fluid, form, off, settings

from meanforce.core.configuration import Configuration
from meanforce.core.neighbours import pair_vectors
from meanforce.core.pressure import BAR
from meanforce.errors import InputError
from meanforce.fitting.boltzmann_inversion import fit
from meanforce.fitting.iterative import pressure
from meanforce.fitting.iterative.histograms import Counts, Histograms
from meanforce.fitting.iterative.loop import CONVERGED
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.states import states_of
from meanforce.fitting.linear import without_coefficients
from meanforce.units import kt

PAIRS = {"pairs": {"cutoff": CUTOFF, "functions": 20}}
RUN = {"time_step": 0.008, "friction": 2.0, "equilibration": 1.6, "length": 8.0, "stride": 0.16}


def silent(line: str) -> None:
    pass


def pressure_of_frames() -> float:
    """Virial pressure of the fluid, bar."""
    frames, h = fluid(), 1e-5
    r = pair_vectors(frames.positions.numpy(), frames.cells.numpy(), CUTOFF).distances
    virial = -(r * (form(r + h) - form(r - h)) / (2 * h)).sum() / len(frames)
    kinetic = frames.molecule.size * kt(TEMPERATURE)
    return float((kinetic + virial / 3) / torch.linalg.det(frames.cells[0]) / BAR)


@functools.cache
def inverted(target: float | None):
    corrected = {} if target is None else {"pressure": {"target": target}}
    chosen = settings(PAIRS, run=RUN, at_most=12, **corrected)
    return fit(chosen, fluid(), {}, 0, 1, silent)


@pytest.mark.slow
@pytest.mark.extended
def test_the_pair_potential_comes_back():
    """From −kT ln g, to within the error that the noise of g makes."""
    made = inverted(None)
    assert made.about["ended"] == CONVERGED
    first, last = made.curve.iloc[0], made.curve.iloc[-1]
    assert first["score"] > 3.0
    assert last["distance_pairs_P_P"] < 0.4 * first["distance_pairs_P_P"]
    assert off(made.potential) < 0.15
    start = fit(settings(PAIRS, run=RUN, at_most=1), fluid(), {}, 0, 1, silent)
    assert off(start.potential) > 1.5 * off(made.potential)


@pytest.mark.slow
@pytest.mark.extended
@pytest.mark.parametrize("more", [0.0, 15.0])
def test_the_pressure_is_brought_to_the_wanted_one(more):
    """That of the fluid itself, and a slightly higher one that g, within its noise, allows."""
    target = pressure_of_frames() + more
    made = inverted(target)
    assert made.about["ended"] == CONVERGED
    last = made.curve.iloc[-1]
    assert abs(last["pressure"] - target) < 2 * last["pressure_stderr"]
    assert last["distance_pairs_P_P"] < 1.6 * last["floor_pairs_P_P"]
    if not more:
        assert off(made.potential) < 0.15


@pytest.mark.parametrize("method", ["simple", "wang_junghans_kremer"])
def test_a_pressure_that_is_many_ramps_away_does_not_spoil_g(method):
    """From some 300 bar, ramps of at most 0.1 kT get nearer, and g stays.

    With the pressure among the differences that the acceleration is to make small, its moves were
    larger than ramps may be, and g was off by more than five floors.
    """
    run = RUN | {"chains": 8, "equilibration": 0.8, "length": 2.4}
    lines, corrected = [], {"target": 800.0, "method": method}
    chosen = settings(PAIRS, run=run, at_most=7, pressure=corrected)
    made = fit(chosen, fluid(3, 0.45, 8, 4.0), {}, 0, 1, lines.append)
    assert made.curve["score"][1:].max() < 2.0
    assert made.curve["pressure"].iloc[-2:].mean() > made.curve["pressure"].iloc[:2].mean() + 50
    assert not any("runs away" in line for line in lines)


@functools.cache
def small():
    """A fluid of eight particles, for what does not depend on statistics."""
    return fluid(2, 0.1, 10, 3.2)


def parts_of(frames):
    blank = without_coefficients(settings(PAIRS), frames, {})
    histograms = Histograms(blank)
    return blank, histograms, states_of(frames, -1, histograms, 2)[0]


def test_the_ramp_for_one_type_of_beads_is_that_of_the_paper():
    """A = −3 r_c Δp/(2π ρ² ∫ r³ g dr), by g(r) of the same frames in fine bins."""
    frames = small()
    blank, histograms, state = parts_of(frames)
    chosen = settings(PAIRS, pressure={"target": 10.0, "scale": 0.5}).fitting.pressure
    wanted = pressure.height(
        chosen, state, Observed(state.target, (10.5, 0.1)), histograms
    )  # fmt: skip
    edges = np.linspace(0.0, CUTOFF, 2001)
    r = pair_vectors(frames.positions.numpy(), frames.cells.numpy(), CUTOFF).distances
    n, middle = frames.molecule.size, 0.5 * (edges[1:] + edges[:-1])
    density = n / state.volume
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    # Each particle has n density of others in the limit of many particles.
    g = np.histogram(r, edges)[0] / len(frames) / (0.5 * n * density * shells)
    integral = (middle**3 * g).sum() * (edges[1] - edges[0])
    formula = -3 * CUTOFF * 0.5 * BAR / (2 * np.pi * density**2 * integral)
    assert wanted == pytest.approx(0.5 * formula, rel=1e-3)
    # Far from the target it is capped.
    far = Observed(state.target, (5000.0, 0.1))
    assert pressure.height(chosen, state, far, histograms) == pytest.approx(
        -0.5 * 0.1 * kt(TEMPERATURE)
    )
    simple = chosen.model_copy(update={"method": "simple", "scale": 1.0})
    near = Observed(state.target, (10.0 - 1000.0, 0.1))
    assert pressure.height(simple, state, near, histograms) == pytest.approx(
        0.3 * 0.1 * kt(TEMPERATURE)
    )
    ramp = pressure.ramp(blank.to(torch.float64), histograms, 1.0)
    shaped = type(blank)(blank.values, torch.from_numpy(ramp))
    places = blank.curves[0].sampled[0] + torch.linspace(0.02, 0.2, 20, dtype=torch.float64)
    slope = shaped.curve(places, TEMPERATURE)[1]
    assert slope.numpy() == pytest.approx(-1 / CUTOFF, rel=0.05)


def test_an_ideal_gas_has_no_structure():
    """g = 1 to five standard errors in each of 20 bins: missed in one of 10⁵ cases."""
    frames = small()
    _, histograms, _ = parts_of(frames)
    cell = frames.cells[0].double().numpy()
    positions = np.random.default_rng(1).random((4000, 8, 3)) @ cell
    counts = histograms.of(Configuration(positions, TEMPERATURE, cell))
    bins = histograms.bins[0]
    factor = histograms.factor(0, float(np.linalg.det(cell)))
    mean = bins.merged(counts.mean(axis=0)) * factor
    stderr = bins.merged(counts).std(axis=0) / np.sqrt(len(counts)) * factor
    inner = slice(1, -1)
    assert (abs(mean - 1)[inner] < 5 * stderr[inner]).all()
    assert abs(mean[0] - 1) < 5 * stderr[0]
    assert counts.sum(axis=1) == pytest.approx(
        [(distances_of(frame, cell) < CUTOFF).sum() for frame in positions]
    )


def distances_of(beads: np.ndarray, cell: np.ndarray) -> np.ndarray:
    vectors = np.array([b - a for a, b in itertools.combinations(beads, 2)])
    fractions = vectors @ np.linalg.inv(cell)
    return np.linalg.norm((fractions - np.round(fractions)) @ cell, axis=1)


def test_a_fluid_is_continued_to_the_last_bit(tmp_path):
    """Histograms, pressures and neighbours of a run that is stopped within iterations."""
    chosen = settings(
        PAIRS, run=RUN | {"chains": 2, "equilibration": 0.32, "length": 1.6}, at_most=3,
        pressure={"target": 500.0}, start="direct_inversion",
    )  # fmt: skip
    made = [fit(chosen, small(), {}, 0, 7, silent)]
    stops = go_on_until_done(
        tmp_path / "job",
        lambda job: made.append(fit(chosen, small(), {}, 0, 7, silent, job)),
        every=90,
    )
    assert stops >= 4
    once, again = made
    assert len(once.curve) == 3 and once.curve["pressure"].notna().all()
    assert once.curve.equals(again.curve)
    assert torch.equal(once.potential.coefficients, again.potential.coefficients)


def test_units_with_few_frames_count_less():
    """Residuals add up to the squared error of a mean whose units have different lengths."""
    rng, lengths = np.random.default_rng(3), np.array([10.0, 20.0, 30.0, 40.0])
    draws = []
    for _ in range(4000):
        sums = np.array([rng.normal(0.3 * n, np.sqrt(n), 1) for n in lengths])
        counts = Counts(sums, lengths)
        draws.append((counts.mean[0], (counts.residuals**2).sum()))
    means, squares = np.array(draws).T
    # The relative error of a variance from 4000 draws is 2 %; five of them.
    assert means.var() == pytest.approx(1 / lengths.sum(), rel=0.1)
    assert squares.mean() == pytest.approx(1 / lengths.sum(), rel=0.15)


def test_changing_boxes_are_refused():
    frames = small()
    scaled = frames.cells * torch.linspace(1.0, 1.2, len(frames))[:, None, None]
    changing = dataclasses.replace(frames, cells=scaled)
    with pytest.raises(InputError, match="different pairs of temperature and periodic"):
        fit(settings(PAIRS), changing, {}, 0, 1, silent)
