"""CG runs at constant pressure: known densities, restarts, and what is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from interruptions import go_on_until_done
from liquid_boxes import (
    ATOM,
    CHAIN,
    box_of_chains,
    box_run,
    chain_forms,
    lattice,
    lennard_jones,
    spline,
)

from meanforce.core.configuration import Configuration
from meanforce.core.molecules import Molecules
from meanforce.core.pressure import BAR
from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.dynamics import openmm_mover
from meanforce.dynamics.barostat import Tally, VolumeMoves, first_box
from meanforce.dynamics.choice import engine_of
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.sample import sample
from meanforce.errors import InputError
from meanforce.potentials.virial import virial_pressure
from meanforce.settings.simulations import SimulationSettings
from meanforce.units import kt

TEMPERATURE = 120.0
KT = kt(TEMPERATURE)
BLOCKS = 20
SHAPES = {
    "cubic": np.eye(3),
    "triclinic": np.array([[1.0, 0.0, 0.0], [0.3, 1.1, 0.0], [-0.2, 0.4, 0.9]]),
}


def quiet(line: str) -> None:
    """Lines of progress are not looked at."""


@pytest.fixture
def without_threads(monkeypatch):
    """OpenMM's platform Reference, which is the fastest for few beads."""
    monkeypatch.setitem(openmm_mover.BEAD_STEPS, "Reference", 200_000)
    monkeypatch.setattr("meanforce.dynamics.choice.PLATFORMS", {"cpu": "Reference"})
    torch.set_num_threads(1)


def means(values: np.ndarray) -> tuple[float, float]:
    """Mean, and its standard error from blocks of the first axis."""
    blocks = np.array([part.mean() for part in np.array_split(values, BLOCKS)])
    return float(blocks.mean()), float(blocks.std(ddof=1) / np.sqrt(BLOCKS))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", [ATOM, CHAIN])
def test_moves_give_the_volumes_of_an_ideal_gas(kind, shape):
    """V of N molecules has the density V^N exp(−PV/kT): ⟨V⟩ = (N + 1)kT/P, variance ⟨V⟩²/(N + 1).

    The mean within 6 standard errors of 20 blocks (19 degrees of freedom), and the variance as
    well: false alarms below 2e-5 each. Blocks of 200 moves are far longer than the memory of V.
    """
    count, pressure, rng = 8, 200.0, np.random.default_rng(5)
    molecule = Topology(((kind, count),))
    molecules, masses = Molecules.of(molecule), rng.uniform(10, 30, molecule.size)
    ideal = (count + 1) * KT / (pressure * BAR)
    cell = SHAPES[shape] * (ideal / np.linalg.det(SHAPES[shape])) ** (1 / 3)
    shapes = rng.normal(0, 0.1, (count, kind.size, 3))
    # Molecules are whole, each in an image of its own.
    images = rng.integers(-3, 4, (count, 1, 3)) + rng.uniform(size=(count, 1, 3))
    positions = (shapes + images @ cell).reshape(-1, 3)
    moves = VolumeMoves(molecules, masses, pressure, TEMPERATURE, cell)
    fractions = molecules.centres(positions[None], masses)[0] @ np.linalg.inv(cell)
    box, tally = first_box(cell, molecules), Tally()
    for _ in range(200):
        found = moves.attempt(lambda x, c: 0.0, positions, box, rng)
        tally.attempts, tally.accepted = tally.attempts + 1, tally.accepted + (found is not None)
        positions, box = found or (positions, box)
        box = moves.adapted(box, tally)
    volumes = []
    for _ in range(200 * BLOCKS):
        positions, box = moves.attempt(lambda x, c: 0.0, positions, box, rng) or (positions, box)
        volumes.append(box.volume)
    volumes = np.array(volumes)
    mean, error = means(volumes)
    assert abs(mean - ideal) < 6 * error
    assert error < 0.03 * ideal
    variance, its_error = means((volumes - ideal) ** 2)
    assert abs(variance - ideal**2 / (count + 1)) < 6 * its_error
    # Scaled centres, rigid molecules.
    centres = molecules.centres(positions[None], masses)[0]
    np.testing.assert_allclose(centres @ np.linalg.inv(box.cell), fractions, rtol=1e-9, atol=1e-9)
    own = positions.reshape(count, -1, 3)
    before = shapes - np.einsum("mb,mbd->md", _shares(masses, count), shapes)[:, None]
    after = own - np.einsum("mb,mbd->md", _shares(masses, count), own)[:, None]
    np.testing.assert_allclose(after, before, atol=1e-9)


def _shares(masses: np.ndarray, count: int) -> np.ndarray:
    own = masses.reshape(count, -1)
    return own / own.sum(1, keepdims=True)


def test_a_run_of_an_ideal_gas_has_its_mean_volume(without_threads):
    """The engine's own moves, adapted in equilibration: ⟨V⟩ = (N + 1)kT/P of N beads.

    6 standard errors of 20 blocks of 25 moves of two chains: a false alarm below 2e-5.
    """
    count, pressure = 27, 200.0
    molecule = Topology(((ATOM, count),))
    potential = spline(
        molecule, {"pairs": lambda r: 0 * r}, functions=8, ranges={"pairs": (0.0, 0.1)}
    )
    ideal = (count + 1) * KT / (pressure * BAR)
    edge = (0.7 * ideal) ** (1 / 3)
    run = box_run(
        potential, molecule, lattice(3, edge), edge * np.eye(3), engine="openmm",
        pressure=pressure, time_step=0.02, equilibration=30.0, length=250.0, stride=2.0,
    )  # fmt: skip
    found = sample(
        potential, run.starts, run.simulation, torch.Generator().manual_seed(3), run.system
    )
    assert found.boxes.shape == (125, 2, 3, 3)
    assert found.about["constant_pressure"] == pressure
    assert found.about["converged"]
    assert found.configurations.cell.shape == (250, 3, 3)
    volumes = np.linalg.det(found.boxes)
    assert not np.array_equal(volumes[:, 0], volumes[:, 1])
    mean, error = means(volumes.T.reshape(-1))
    assert abs(mean - ideal) < 6 * error
    assert error < 0.05 * ideal


@pytest.mark.slow
@pytest.mark.extended
def test_a_lennard_jones_fluid_returns_to_the_density_whose_pressure_it_has(without_threads):
    """The mean pressure at constant volume, given to a run that starts in a box 5 % wider.

    Both means have errors; the density's from the pressure's by the compressibility of the run
    itself. Within 6 of them (19 degrees of freedom), a false alarm is below 2e-5. The test resolves
    2 % of the density. The virial pressure at constant pressure is that pressure.
    """
    side, edge = 5, 1.83
    molecule = Topology(((ATOM, side**3),))
    potential = spline(
        molecule, {"pairs": lennard_jones()}, functions=60, ranges={"pairs": (0.28, 0.85)}
    )

    def run_of(seed: int, edge: float, pressure: float | None):
        run = box_run(
            potential, molecule, lattice(side, edge), edge * np.eye(3), seed, engine="openmm",
            pressure=pressure, time_step=0.01, equilibration=10.0, length=40.0, stride=0.5,
        )  # fmt: skip
        generator = torch.Generator().manual_seed(seed)
        found = sample(potential, run.starts, run.simulation, generator, run.system)
        frames = found.configurations.map(lambda array: torch.from_numpy(array.astype(float)))
        within = virial_pressure(potential, frames, frames.positions, molecule.size) / BAR
        by_chain = within.reshape(-1, 2).T.reshape(-1)
        return found, means(by_chain)

    _, (pressure, pressure_error) = run_of(1, edge, None)
    found, (again, again_error) = run_of(2, 1.05 * edge, pressure)
    volumes = np.linalg.det(found.boxes).T.reshape(-1)
    density, density_error = means(edge**3 / volumes)
    compressibility = volumes.var() / (KT * volumes.mean()) * BAR
    error = np.hypot(density_error, compressibility * pressure_error)
    assert abs(density - 1) < 6 * error
    assert error < 0.02 / 3
    assert abs(again - pressure) < 6 * np.hypot(again_error, pressure_error)


def test_a_run_at_constant_pressure_goes_on_to_the_last_bit(tmp_path, monkeypatch):
    """Boxes and the width of their moves are in the restart bundle; each frame has its box."""
    molecule, positions = box_of_chains(20, 2.8)
    monkeypatch.setitem(openmm_mover.BEAD_STEPS, "CPU", 2 * 60 * molecule.size)
    # Stretches of a single move, so that there is where to stop.
    monkeypatch.setattr("meanforce.dynamics.stretches.WINDOW", 1)
    # Without attraction, whose liquid would be too small a box.
    repulsion = {"pairs": lambda r: 8 * (1 - r) ** 3 * (r < 1)}
    potential = spline(molecule, chain_forms() | repulsion)
    torch.set_num_threads(1)

    def run_to(path, job=None):
        run = box_run(
            potential, molecule, positions, 2.8 * np.eye(3), pressure=15.0,
            equilibration=0.4, length=1.2, stride=0.2,
        )  # fmt: skip
        sample_to_file(run, path, quiet, job)

    run_to(tmp_path / "once.h5")
    stops = go_on_until_done(tmp_path / "job", lambda job: run_to(tmp_path / "again.h5", job), 2)
    assert stops >= 2
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    with H5mdReader(tmp_path / "once.h5") as reader:
        assert reader.parameters["engine"] == "openmm"
        assert reader.parameters["constant_pressure"] == 15.0
        assert reader.parameters["converged"] in (True, False)
        boxes = reader.boxes()
        frames = reader.positions().astype(float)
    assert boxes.shape == (12, 3, 3)
    assert len(np.unique(np.linalg.det(boxes))) > 6
    # Frames fit their boxes: bonds have their lengths as nearest images.
    energies, _ = potential.to(torch.float64).energy_and_forces(
        Configuration(torch.from_numpy(frames), TEMPERATURE, torch.from_numpy(boxes))
    )
    assert np.ptp(energies.numpy()) < 40 * KT


def test_a_model_without_a_liquid_evaporates_in_one_sentence(without_threads, monkeypatch):
    monkeypatch.setattr("meanforce.dynamics.barostat.EVAPORATED", 1.5)
    run = liquid(pressure=1e-3, equilibration=40.0)
    with pytest.raises(InputError, match=r"at 0\.001 bar .* has grown to 1\.5 times .* no liquid"):
        run_it(run)


def test_a_run_whose_volume_still_changes_has_not_converged(without_threads):
    """A liquid that begins to evaporate."""
    run = liquid(pressure=1e-3, equilibration=0.4, length=10.0, stride=0.4)
    lines: list[str] = []
    found = sample(
        run.potential, run.starts, run.simulation, run.generator, run.system, lines.append
    )
    volumes = np.linalg.det(found.boxes).mean(1)
    assert volumes[-1] > 1.2 * volumes[0]
    assert found.about["converged"] is False
    assert any("the volume has not settled" in line for line in lines)


def test_a_box_that_shrinks_below_the_cutoff_ends_in_one_sentence(without_threads):
    run = liquid(edge=1.75, pressure=2e5, equilibration=0.0, length=20.0)
    with pytest.raises(InputError, match=r"at 200000 bar .* shrunk to .* give more molecules"):
        run_it(run)


def liquid(edge: float = 2.0, **changes):
    molecule = Topology(((ATOM, 125),))
    potential = spline(molecule, {"pairs": lennard_jones()}, ranges={"pairs": (0.28, 0.85)})
    return box_run(potential, molecule, lattice(5, edge), edge * np.eye(3), **changes)


def run_it(run):
    return sample(run.potential, run.starts, run.simulation, run.generator, run.system)


SETTINGS = {
    "chains": 2, "time_step": "2 fs", "friction": "1/ps", "equilibration": "1 ps",
    "length": "10 ps", "stride": "1 ps", "until": None, "pressure": "1 bar",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "lammps"}, "'lammps' runs at constant volume only"),
        ({"engine": "torch"}, "'torch' runs at constant volume only"),
        ({"until": {}, "chains": 4}, "set 'until: null'"),
        ({"pressure": "-1 bar"}, "out of range"),
        ({"pressure": "1 nm"}, "pressure"),
        (
            {"exchange": {"highest": "400 K", "levels": 2, "every": "1 ps"}, "chains": 8},
            "'exchange' is not available with 'pressure'",
        ),
    ],
)
def test_settings_that_exclude_each_other_are_refused(changes, message):
    assert SimulationSettings.model_validate(SETTINGS).by_tables
    with pytest.raises(ValueError, match=message):
        SimulationSettings.model_validate(SETTINGS | changes)


def test_beads_without_a_box_have_no_pressure():
    run = liquid(pressure=1.0)
    alone = dataclasses.replace(run.starts, cell=None)
    with pytest.raises(InputError, match="a constant pressure needs a periodic cell"):
        engine_of(dataclasses.replace(run, starts=alone), quiet)


def test_a_state_point_of_another_pressure_is_refused():
    states = {"T300": None, "dense": 3000.0}
    settings = SimulationSettings.model_validate(SETTINGS)
    settings.check_pressures("simulations.liquid", {"T300": None, "T330": 1.0})
    expected = r"simulations\.liquid\.pressure: is 1 bar, but state point 'dense' has 3000 bar"
    with pytest.raises(ValueError, match=expected):
        settings.check_pressures("simulations.liquid", states)


def test_large_boxes_are_moved_as_small_ones_are(without_threads, monkeypatch):
    """A stretch that would be a single step is as long as the moves that set their width."""
    monkeypatch.setattr(openmm_mover, "BEAD_STEPS", dict.fromkeys(openmm_mover.BEAD_STEPS, 1))
    run = liquid(pressure=1.0, equilibration=0.4, length=4.0, stride=0.4)
    found = sample(run.potential, run.starts, run.simulation, run.generator, run.system, quiet)
    volumes = np.linalg.det(found.boxes)
    assert len(np.unique(volumes)) > volumes.size // 2
