"""The channel: its formulas against OpenMM and quadrature, and potentials trained on it.

Frames are drawn from the exact density: r from r² exp(−W/kT), Y from three Gaussians about the
middle of A and B.
"""

import functools
import typing

import numpy as np
import openmm
import pytest
import torch
from comparisons import compare, sample_of
from scipy.integrate import dblquad

from meanforce.analysis.comparison import ExactReference, TrainedModel
from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics import exact_pmf
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import BLOCKS_PER_FOLD, Frames
from meanforce.fitting.registry import fit
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.sampling.check import check_structures
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.load import load_config
from meanforce.settings.potentials.registry import Potential as PotentialSettings
from meanforce.settings.systems.base import ExactlySolvableSettings
from meanforce.settings.systems.channel import ChannelSettings
from meanforce.settings.systems.registry import System
from meanforce.systems import channel
from meanforce.systems.channel_surface import EXACT, energy, pmf, slope, stiffness
from meanforce.systems.registry import KINDS
from meanforce.units import kt

PAIR = Topology.of_beads(("A", "B"), ("A", "B"), ((0, 1),))
R = {"r": CollectiveVariableSettings(kind="distance", mapping="r", beads=["A", "B"])}
GRID = np.linspace(1.2, 2.4, 2401)
FOLDS = 5
FRAMES = 200000
"""At each temperature that is trained at."""


def test_energy_and_forces_of_openmm_are_the_formulas():
    prepared = channel.build(ChannelSettings(kind="channel"))
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(prepared.system, openmm.VerletIntegrator(0.001), platform)
    rng = np.random.default_rng(1)
    for r in (1.3, 1.5, 1.75, 1.8, 2.0, 2.3):
        along = rng.standard_normal(3)
        along /= np.linalg.norm(along)
        first, arm = rng.standard_normal(3), 0.3 * rng.standard_normal(3)
        middle = first + 0.5 * r * along
        context.setPositions(np.array([first, first + r * along, middle + arm]))
        state = context.getState(energy=True, forces=True)
        y, pull = np.linalg.norm(arm), stiffness(r) * arm
        assert state.getPotentialEnergy()._value == pytest.approx(energy(r, y), rel=1e-9)
        forces = state.getForces(asNumpy=True)._value
        expected = [slope(r, y) * along + pull / 2, -slope(r, y) * along + pull / 2, -pull]
        assert forces == pytest.approx(np.array(expected), rel=1e-7, abs=1e-7)
        step = 1e-6
        difference = (energy(r + step, y) - energy(r - step, y)) / (2 * step)
        assert slope(r, y) == pytest.approx(difference, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("temperature", [300.0, 450.0])
def test_pmf_is_the_integral_over_the_hidden_particle(temperature):
    kT = kt(temperature)
    y = np.linspace(0.0, 8.0, 40001)
    r = np.linspace(1.25, 2.35, 12)
    weights = y**2 * np.exp(-(energy(r[:, None], y) - pmf(r, temperature)[:, None]) / kT)
    constant = -kT * np.log(np.trapezoid(weights, y, axis=1))
    assert np.ptp(constant) < 1e-9

    edges = np.linspace(1.2, 2.4, 41)

    def density(y, r):
        return r**2 * y**2 * np.exp(-energy(r, y) / kT)

    near, far = (dblquad(density, *ends, 0.0, 6.0)[0] for ends in ((1.2, 1.8), (1.8, 2.4)))
    populations = EXACT.populations(edges, temperature)
    assert populations[:20].sum() == pytest.approx(near / (near + far), abs=1e-6)


def well(curve: np.ndarray, temperature: float) -> float:
    """Second well minus first of a curve on GRID (kJ/mol), kT."""
    return EXACT.features(GRID, curve)[0] / kt(temperature)


def test_free_energies_of_the_wells_move_with_temperature():
    wells = [well(pmf(GRID, t), t) for t in (300.0, 350.0, 400.0, 450.0)]
    assert wells[1] == pytest.approx(0.0, abs=1e-6)
    assert wells[0] - wells[2] > 1.2
    assert min(-np.diff(wells)) > 0.4
    barrier = EXACT.features(GRID, pmf(GRID, 350.0))[1] / kt(350.0)
    assert 3.0 < barrier < 4.0


@functools.cache
def drawn(temperature: float, n: int, seed: int) -> Frames:
    """Independent frames at equilibrium, with the forces on A and B, anywhere and any way round."""
    rng, kT = np.random.default_rng(seed), kt(temperature)
    fine = np.linspace(1.0, 2.6, 160001)
    cumulative = np.cumsum(fine**2 * np.exp(-pmf(fine, temperature) / kT))
    r = np.interp(rng.random(n) * cumulative[-1], cumulative, fine)
    arm = rng.standard_normal((n, 3)) * np.sqrt(kT / stiffness(r))[:, None]
    along = rng.standard_normal((n, 3))
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    force = -slope(r, np.linalg.norm(arm, axis=1))[:, None] * along
    pull = 0.5 * stiffness(r)[:, None] * arm
    first = rng.standard_normal((n, 3))
    block = torch.arange(n) * FOLDS * BLOCKS_PER_FOLD // n
    return Frames(
        positions=torch.from_numpy(np.stack([first, first + r[:, None] * along], 1)).float(),
        forces=torch.from_numpy(np.stack([pull - force, pull + force], 1)).float(),
        temperatures=torch.full((n,), temperature),
        folds=block % FOLDS,
        blocks=block,
        molecule=PAIR,
    )


def joined(*parts: Frames) -> Frames:
    fields = ("positions", "forces", "temperatures", "folds", "blocks")
    return Frames(*(torch.cat([getattr(p, name) for p in parts]) for name in fields), PAIR)


def potential(form: str) -> PotentialSettings:
    """As in config/config.yaml."""
    values = {
        "kind": "spline", "collective_variable": "r", "lower": 1.25, "upper": 2.35,
        "functions": 32, "temperature": form,
    }  # fmt: skip
    return validated(PotentialSettings, values, "potential")


def fitted(form: str, frames: Frames) -> EnsembleMean:
    """One member for each fold that it leaves out."""
    settings = potential(form)
    members = [fit(settings, frames, R, fold, 0, lambda line: None) for fold in range(FOLDS)]
    return EnsembleMean([member.potential for member in members])


def judged(ensemble: EnsembleMean, temperature: float) -> dict[str, exact_pmf.Row]:
    """Rows of the metrics module, of an experiment with these members."""
    frames = drawn(temperature, 2000, seed=9)
    lengths = (frames.positions[:, 1] - frames.positions[:, 0]).norm(dim=1, keepdim=True).numpy()
    sample = sample_of(frames.positions.numpy(), PAIR, variables=lengths.astype(float))
    populations = EXACT.populations(np.linspace(1.2, 2.4, 41), temperature)
    comparison = compare(sample, None, R, populations, temperature, lower=[1.2], upper=[2.4])
    comparison.exact = ExactReference(populations, EXACT)
    comparison.trained = TrainedModel(ensemble, Scheme("jackknife", FOLDS, FOLDS))
    return {row.metric: row for row in exact_pmf.rows(comparison)}


@pytest.fixture(scope="module")
def models() -> dict[str, EnsembleMean]:
    cold, hot = drawn(300.0, FRAMES, seed=1), drawn(400.0, FRAMES, seed=2)
    return {"none": fitted("none", cold), "linear": fitted("linear", joined(cold, hot))}


def bound(form: str, temperature: float) -> float:
    """Standard error of the well difference, kT, from mean forces in narrow bins of FRAMES frames.

    √∫ σ²(r)/(n p(r)) dr between the wells, with the standard deviation σ = √(3/2) kT k′/k of the
    force at fixed r; of two temperatures by their weights in the interpolation.
    """
    r = np.linspace(1.2, 2.4, 4801)
    width = r[1] - r[0]
    relative = np.gradient(np.log(stiffness(r)), r)

    def variance(trained: float) -> float:
        density = r**2 * np.exp(-pmf(r, trained) / kt(trained))
        density /= density.sum() * width
        between = (r > 1.5) & (r < 2.1)
        return ((1.5 * kt(trained) ** 2 * relative**2 / density)[between]).sum() * width / FRAMES

    hot = (temperature - 300.0) / 100.0 if form == "linear" else 0.0
    total = (1 - hot) ** 2 * variance(300.0) + hot**2 * variance(400.0)
    return float(np.sqrt(total) / kt(temperature))


@pytest.mark.parametrize("temperature", [300.0, 350.0, 400.0, 450.0])
def test_a_potential_linear_in_temperature_is_right_beyond_what_it_saw(models, temperature):
    rows = judged(models["linear"], temperature)
    error, expected = rows["well_difference_error"], bound("linear", temperature)
    # Twice 6e-7. Five members: χ² of four degrees of freedom is beyond these in 1e-4.
    assert abs(error.value) < 5 * expected
    assert 0.08 < error.stderr / expected < 2.5


@pytest.mark.parametrize("temperature", [350.0, 450.0])
def test_a_potential_without_temperature_fails_elsewhere(models, temperature):
    error = judged(models["none"], temperature)["well_difference_error"]
    assert error.value > 10 * error.stderr
    # The error of the exact PMF at 300 K, taken to this temperature.
    frozen = well(pmf(GRID, 300.0), temperature) - well(pmf(GRID, temperature), temperature)
    assert frozen > 20 * bound("none", temperature)
    assert error.value == pytest.approx(frozen, abs=5 * bound("none", temperature))


def test_a_potential_without_temperature_is_right_where_it_was_trained(models):
    error = judged(models["none"], 300.0)["well_difference_error"]
    assert abs(error.value) < 5 * bound("none", 300.0)


def network(form: str) -> EnsembleMean:
    """One member, as in config/config.yaml."""
    values = {
        "kind": "cgnet", "hidden": [32, 32], "distances": "plain", "temperature": form,
        "training": {"weight_decay": 0.0, "epochs": 6, "batch_size": 2048, "learning_rate": 0.01},
    }  # fmt: skip
    frames = joined(drawn(300.0, FRAMES, seed=1), drawn(400.0, FRAMES, seed=2))
    settings = validated(PotentialSettings, values, "potential")
    return EnsembleMean([fit(settings, frames, R, 0, 0, lambda line: None).potential])


@pytest.mark.slow
def test_a_network_goes_on_between_temperatures_only_in_a_given_form():
    """With T as an input alone, two temperatures leave open what is between and beyond them."""
    right, loose = network("linear"), network("feature")
    for temperature in (300.0, 350.0, 400.0, 450.0):
        error = judged(right, temperature)["well_difference_error"].value
        assert abs(error) < 5 * bound("linear", temperature)
    for temperature in (300.0, 400.0):
        assert judged(loose, temperature)["pmf_rmse"].value < 0.1
    for temperature in (350.0, 450.0):
        assert judged(loose, temperature)["pmf_rmse"].value > 0.5


class Exact(Potential):
    """The PMF itself, by the distance of two beads."""

    def compute(self, configuration):
        positions, temperature = configuration.positions, configuration.temperature
        r = (positions[:, 1] - positions[:, 0]).norm(dim=1).double().numpy()
        return torch.from_numpy(pmf(r, temperature)), None

    def state(self):
        return {}, {}

    @classmethod
    def from_state(cls, tensors, values):
        return cls(torch.float64, torch.device("cpu"))


def test_the_exact_pmf_as_a_model_has_no_error():
    rows = judged(EnsembleMean([Exact.from_state({}, {})]), 400.0)
    for name in ("pmf_rmse", "well_difference_error", "barrier_error"):
        assert rows[name].value == pytest.approx(0.0, abs=1e-6)


def test_dynamics_samples_the_exact_populations():
    """Langevin dynamics of the prepared system as in config/config.yaml, 4 ns at 400 K."""
    prepared = channel.build(ChannelSettings(kind="channel"))
    integrator = openmm.LangevinMiddleIntegrator(400.0, 5.0, 0.01)
    integrator.setRandomNumberSeed(4)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(prepared.system, integrator, platform)
    context.setPositions(prepared.positions)
    context.setVelocitiesToTemperature(400.0, 4)
    positions = []
    for _ in range(8000):
        integrator.step(50)
        positions.append(context.getState(positions=True).getPositions(asNumpy=True)._value)
    a, b, y = np.array(positions).transpose(1, 0, 2)
    r, arm = np.linalg.norm(b - a, axis=1), y - (a + b) / 2
    # The centre of mass would diffuse by 15 nm; half a step of the noise of each step is left, 0.4.
    center = np.average([a, b, y], axis=0, weights=[12.011, 12.011, 1.008])
    assert abs(center - center[0]).max() < 2.5
    near = r < 1.8
    blocks = near.reshape(20, -1).mean(1)
    error = blocks.std(ddof=1) / np.sqrt(20)
    exact = EXACT.populations(np.array([1.2, 1.8, 2.4]), 400.0)[0]
    assert error < 0.05
    assert near.mean() == pytest.approx(exact, abs=5 * error)
    squares = (stiffness(r) * (arm**2).sum(1) / kt(400.0)).reshape(20, -1).mean(1)
    assert squares.mean() == pytest.approx(3.0, abs=5 * squares.std(ddof=1) / np.sqrt(20))


def test_every_exactly_solvable_kind_has_a_builder_and_its_pmf():
    union = typing.get_args(typing.get_args(System)[0])
    kinds = {
        typing.get_args(kind.model_fields["kind"].annotation)[0]: kind
        for kind in union
        if issubclass(kind, ExactlySolvableSettings)
    }
    assert set(kinds) == set(exact_pmf.SYSTEMS)
    assert set(kinds) < set(KINDS)
    assert all(exact_pmf.SYSTEMS[name].system is kind for name, kind in kinds.items())


def test_only_beads_whose_pmf_is_known_are_judged_by_it(config):
    name = "channel_unbiased_r_spline_none"
    assert config["experiments"][name].get("reference") is None
    assert load_config(config).is_exact("channel", "r")
    config["mappings"]["channel"]["r"]["beads"]["Y"] = "name Y"
    loaded = load_config(config)
    assert not loaded.is_exact("channel", "r") and loaded.experiments[name].reference is None


def test_beads_that_the_exact_pmf_is_not_of_are_refused(config):
    check_structures(load_config(config))
    config["mappings"]["channel"]["r"]["beads"] = {"A": "name B", "B": "name A"}
    check_structures(load_config(config))
    config["mappings"]["channel"]["r"]["beads"]["B"] = "name Y"
    expected = (
        r"experiments\.channel_unbiased_r_\w+\.mapping: beads of 'r' are the atoms B, Y, but the "
        r"exact .* is that of A, B"
    )
    with pytest.raises(InputError, match=expected):
        check_structures(load_config(config))


def test_the_exact_pmf_is_of_two_beads_and_their_distance():
    distance, coordinate = R["r"], CollectiveVariableSettings(
        kind="coordinate", mapping="r", beads=["A"], axis="x"
    )  # fmt: skip
    assert exact_pmf.exact_pmf_of("channel", [distance], 2) is EXACT
    assert exact_pmf.exact_pmf_of("channel", [distance], 3) is None
    assert exact_pmf.exact_pmf_of("channel", [coordinate], 2) is None
    assert exact_pmf.exact_pmf_of("channel", [distance, coordinate], 2) is None
    assert exact_pmf.exact_pmf_of("peptide", [distance], 2) is None
