"""Engines of CG dynamics: the same potential, and each the right ensemble."""

import dataclasses

import numpy as np
import pytest
import torch
from interruptions import go_on_until_done
from liquid_boxes import (
    ATOM,
    EACH_ENGINE,
    PAIR,
    box_of_chains,
    box_run,
    chain_forms,
    lattice,
    lennard_jones,
    needs_lammps,
    spline,
)

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.dynamics import lammps_mover, openmm_mover
from meanforce.dynamics.choice import engine_of
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.lammps_mover import LammpsMover
from meanforce.dynamics.openmm_mover import OpenmmMover
from meanforce.dynamics.sample import sample
from meanforce.dynamics.stretches import Stretch
from meanforce.errors import InputError
from meanforce.potentials.interface import EnsembleMean
from meanforce.tables.curve_tables import mean_tables
from meanforce.units import BOLTZMANN, kt

TEMPERATURE = 120.0
ATMOSPHERES = 16.388245
"""atm per kJ/mol/nm³: 1.66053907 MPa over 101325 Pa."""

BOXES = {
    "cubic": 3.0 * np.eye(3),
    "triclinic": np.array([[3.0, 0.0, 0.0], [0.6, 3.1, 0.0], [-0.5, 0.7, 2.9]]),
}


def quiet(line: str) -> None:
    """Lines of progress are not looked at."""


def of(potential, positions: np.ndarray, cell: np.ndarray) -> tuple[float, np.ndarray]:
    """Energy and forces of the potential itself."""
    energy, forces = potential.energy_and_forces(
        Configuration(torch.from_numpy(positions)[None], TEMPERATURE, torch.from_numpy(cell))
    )
    return energy.item(), forces[0].numpy()


def virial(energy_at, positions: np.ndarray, cell: np.ndarray) -> float:
    """−dU/dV by central differences, kJ/mol/nm³."""
    strain = 1e-5
    lower, upper = (energy_at(s * positions, s * cell) for s in (1 - strain, 1 + strain))
    return -(upper - lower) / (6 * strain * np.linalg.det(cell))


def chains(molecule: Topology, exclude: int):
    """Curves of pairs begin below the distances of all pairs that are not excluded."""
    near = exclude == 2
    ranges = {"pairs": (0.18 if near else 0.25, 1.0)}
    return spline(molecule, chain_forms(0.23 if near else 0.32), exclude, ranges=ranges)


@pytest.mark.parametrize("exclude", [2, 3, 4])
@pytest.mark.parametrize("box", BOXES)
def test_openmm_has_the_energies_forces_and_virial_of_the_potential(box, exclude):
    cell, (molecule, positions) = BOXES[box], box_of_chains(40, 3.0)
    potential = chains(molecule, exclude)
    tables = mean_tables(potential, TEMPERATURE)

    def engine(at: np.ndarray, within: np.ndarray):
        run = box_run(potential, molecule, positions, within)
        return OpenmmMover(run, tables, "Reference").energy_and_forces(at)

    energy, forces = of(potential, positions, cell)
    found, its_forces = engine(positions, cell)
    scale = np.sqrt((forces**2).mean())
    assert found == pytest.approx(energy, rel=1e-4)
    assert abs(its_forces - forces).max() < 1e-4 * scale
    wanted = virial(lambda x, c: of(potential, x, c)[0], positions, cell)
    assert virial(lambda x, c: engine(x, c)[0], positions, cell) == pytest.approx(wanted, rel=1e-4)


@needs_lammps
@pytest.mark.parametrize("exclude", [2, 3, 4])
@pytest.mark.parametrize("box", BOXES)
def test_lammps_has_the_energies_forces_and_virial_of_the_potential(box, exclude):
    cell, (molecule, positions) = BOXES[box], box_of_chains(40, 3.0)
    potential = chains(molecule, exclude)
    run = box_run(potential, molecule, positions, cell)
    mover = LammpsMover(run, mean_tables(potential, TEMPERATURE))
    found, its_forces, stress = mover.energy_and_forces(positions)
    energy, forces = of(potential, positions, cell)
    assert found == pytest.approx(energy, rel=1e-4)
    assert abs(its_forces - forces).max() < 1e-4 * np.sqrt((forces**2).mean())
    wanted = virial(lambda x, c: of(potential, x, c)[0], positions, cell)
    assert stress[:3].mean() / ATMOSPHERES == pytest.approx(wanted, rel=1e-4)


def test_the_mean_of_an_ensemble_has_one_table_a_curve():
    """Members were fitted to other ranges; the last one has no curve of pairs."""
    cell, (molecule, positions) = BOXES["cubic"], box_of_chains(20, 3.0)
    forms = chain_forms()
    bonded = {kind: form for kind, form in forms.items() if kind != "pairs"}
    members = [
        spline(molecule, forms),
        spline(molecule, forms, ranges={"pairs": (0.28, 1.0), "bonds": (0.12, 0.2)}),
        spline(molecule, bonded),
    ]
    potential = EnsembleMean(members)
    run = box_run(potential, molecule, positions, cell)
    tables = mean_tables(potential, TEMPERATURE)
    assert len(tables[1]) == len(members[0].curves)
    energy, forces = of(potential, positions, cell)
    found, its_forces = OpenmmMover(run, tables, "Reference").energy_and_forces(positions)
    assert found == pytest.approx(energy, rel=1e-4)
    assert abs(its_forces - forces).max() < 2e-4 * np.sqrt((forces**2).mean())


def test_types_without_a_curve_do_not_interact():
    """Pairs of Q and Q were never seen."""
    cell, (molecule, positions) = BOXES["cubic"], box_of_chains(40, 3.0)
    whole = spline(molecule, {"pairs": lennard_jones(0.6, 0.32, 1.0)})
    kept = [curve for curve in whole.values["curves"] if curve["name"] != "Q – Q"]
    assert len(kept) == 2
    coefficients = whole.coefficients.reshape(3, -1)
    chosen = [curve["name"] != "Q – Q" for curve in whole.values["curves"]]
    potential = type(whole)(whole.values | {"curves": kept}, coefficients[chosen].flatten())
    energy, forces = of(potential, positions, cell)
    assert energy != pytest.approx(of(whole, positions, cell)[0], rel=1e-3)
    run, tables = box_run(potential, molecule, positions, cell), mean_tables(potential, TEMPERATURE)
    found, its_forces = OpenmmMover(run, tables, "Reference").energy_and_forces(positions)
    assert found == pytest.approx(energy, rel=1e-4)
    assert abs(its_forces - forces).max() < 1e-4 * np.sqrt((forces**2).mean())
    if lammps_mover.installed():
        with pytest.raises(InputError, match="LAMMPS needs a curve for every bond"):
            LammpsMover(run, tables)


STRETCH = 40
"""Steps of a stretch in tests of restarts."""


@pytest.mark.parametrize(
    ("engine", "processes"),
    [
        *(pytest.param(*one.values, 1, marks=one.marks) for one in EACH_ENGINE),
        pytest.param("lammps", 2, marks=(needs_lammps, pytest.mark.slow, pytest.mark.extended)),
    ],
)
def test_a_run_goes_on_to_the_last_bit(tmp_path, monkeypatch, engine, processes):
    molecule, positions = box_of_chains(20, 2.4)
    monkeypatch.setitem(openmm_mover.BEAD_STEPS, "CPU", 2 * STRETCH * molecule.size)
    monkeypatch.setattr(lammps_mover, "PAIR_STEPS", 2 * STRETCH * molecule.size * 20 // processes)
    potential = spline(molecule, chain_forms())
    torch.set_num_threads(1)

    def run_to(path, job=None):
        run = box_run(
            potential, molecule, positions, 2.4 * np.eye(3), engine=engine,
            equilibration=0.2, length=0.42, stride=0.06,
        )  # fmt: skip
        sample_to_file(dataclasses.replace(run, processes=processes), path, quiet, job)

    run_to(tmp_path / "once.h5")
    every = 60 if engine == "torch" else 2
    stops = go_on_until_done(
        tmp_path / "job", lambda job: run_to(tmp_path / "again.h5", job), every
    )
    assert stops >= 2
    assert (tmp_path / "once.h5").read_bytes() == (tmp_path / "again.h5").read_bytes()
    with H5mdReader(tmp_path / "once.h5") as reader:
        assert reader.parameters["engine"] == engine
        np.testing.assert_allclose(reader.box(), 2.4 * np.eye(3))
        np.testing.assert_allclose(np.unique(reader.times()), 0.06 * np.arange(1, 8))
        moved = np.diff(reader.positions().reshape(7, 2, -1, 3), axis=0)
    # Whole paths, not wrapped into the box.
    assert abs(moved).max() < 0.4
    assert not np.array_equal(moved[:, 0], moved[:, 1])


def test_frames_are_stored_at_the_same_steps_wherever_stretches_end():
    """Stretches of other lengths than the stride; positions of a free flight show the time."""
    molecule = Topology(((ATOM, 8),))
    potential = spline(molecule, {"pairs": lambda r: 0 * r})
    run = box_run(potential, molecule, lattice(2, 2.4), 2.4 * np.eye(3), friction=1e-9)
    movers = [OpenmmMover(run, mean_tables(potential, TEMPERATURE), "Reference")]
    if lammps_mover.installed():
        movers.append(LammpsMover(run, mean_tables(potential, TEMPERATURE)))
    start, speed = lattice(2, 2.4), np.full((8, 3), 0.5)
    for mover in movers:
        for stretch in (Stretch(23, 4, 7, 1), Stretch(23, 7, 7, 1), Stretch(3, 4, 7, 1)):
            moved = mover.move(start, speed, stretch)
            assert len(moved.frames) == len(stretch.frames)
            for step, frame in zip(stretch.frames, moved.frames, strict=True):
                np.testing.assert_allclose(frame - start, 0.5 * 0.004 * step, atol=1e-4)
            np.testing.assert_allclose(moved.positions - start, 0.5 * 0.004 * stretch.steps,
                                       atol=1e-4)  # fmt: skip


@pytest.mark.parametrize("engine", EACH_ENGINE)
def test_oscillators_have_the_canonical_distribution(engine):
    """Bonds at ω·dt = 0.6, where the velocity Verlet scheme would be 10 % off; and free centres.

    False alarms: 5 standard errors of three numbers for each engine, below 1e-5.
    """
    stiffness, rest, count, edge = 2250.0, 0.5, 400, 6.0
    molecule, rng = Topology(((PAIR, count),)), np.random.default_rng(1)
    potential = spline(
        molecule, {"bonds": lambda r: 0.5 * stiffness * (r - rest) ** 2},
        ranges={"bonds": (0.3, 0.7)},
    )  # fmt: skip
    positions = np.repeat(rng.uniform(0, edge, (count, 3)), 2, axis=0)
    positions[1::2, 0] += rest
    run = box_run(
        potential, molecule, positions, edge * np.eye(3), time_step=0.04, friction=4.0,
        equilibration=4.0, length=80.0, stride=2.0, engine=engine,
    )  # fmt: skip
    found = sample(
        potential, run.starts, run.simulation, torch.Generator().manual_seed(3), run.system
    )
    frames = found.positions.reshape(-1, 2 * count, 3).astype(float)
    lengths = np.linalg.norm(frames[:, 1::2] - frames[:, ::2], axis=-1)
    r = np.linspace(0.3, 0.7, 4001)
    density = r**2 * np.exp(-0.5 * stiffness * (r - rest) ** 2 / kt(TEMPERATURE))
    density /= density.sum()
    mean = (r * density).sum()
    variance = ((r - mean) ** 2 * density).sum()
    # Frames are 2 ps apart, eight times the correlation time of a length.
    effective = lengths.size
    assert abs(lengths.mean() - mean) < 5 * np.sqrt(variance / effective)
    assert lengths.var() == pytest.approx(variance, rel=5 * np.sqrt(2 / effective))
    # Free centres diffuse: ⟨x²⟩ = 2Dt(1 − …) with D = kT/(mγ) for the pair's mass.
    centers = found.positions.astype(float).reshape(40, 2, count, 2, 3).mean(3)
    diffusion = BOLTZMANN * TEMPERATURE / (40.0 * 4.0)
    steps = np.diff(centers, axis=0)
    lag, memory = 2.0, 1 / 4.0
    wanted = 2 * diffusion * (lag - memory * (1 - np.exp(-lag / memory)))
    # Steps that follow each other are anticorrelated in part; half of them count.
    assert (steps**2).mean() == pytest.approx(wanted, rel=5 * np.sqrt(2 / (steps.size / 2)))


@pytest.mark.parametrize("engine", EACH_ENGINE)
def test_an_ideal_gas_stays_uniform(engine):
    """Counts in eight octants of 2,000 free beads; χ² of 7 degrees is above 40 in 1e-6 of runs."""
    molecule = Topology(((ATOM, 1000),))
    potential = spline(
        molecule, {"pairs": lambda r: 0 * r}, functions=8, ranges={"pairs": (0.0, 0.4)}
    )
    rng, edge = np.random.default_rng(2), 4.0
    positions = rng.uniform(0, edge, (1000, 3))
    run = box_run(
        potential, molecule, positions, edge * np.eye(3), time_step=0.05, friction=0.5,
        equilibration=0.0, length=40.0, stride=40.0, engine=engine, seed=4,
    )  # fmt: skip
    found = sample(
        potential, run.starts, run.simulation, torch.Generator().manual_seed(4), run.system
    )
    last = found.positions[-1].astype(float)
    assert np.sqrt(((last - run.starts.positions) ** 2).mean()) > 1.0
    octant = ((last % edge) // (edge / 2)).astype(int) @ np.array([4, 2, 1])
    counts = np.bincount(octant.reshape(-1), minlength=8)
    assert ((counts - 250) ** 2 / 250).sum() < 40


def test_auto_times_engines_only_in_long_runs(monkeypatch):
    molecule = Topology(((ATOM, 216),))
    potential = spline(molecule, {"pairs": lennard_jones()}, ranges={"pairs": (0.28, 0.85)})
    run = box_run(potential, molecule, lattice(6, 2.4), 2.4 * np.eye(3))
    assert engine_of(run, quiet).name == "torch"
    monkeypatch.setattr("meanforce.dynamics.choice.WORTH", 1)
    monkeypatch.setattr("meanforce.dynamics.choice.SECONDS", 0.02)
    lines: list[str] = []
    state = run.generator.get_state()
    chosen = engine_of(run, lines.append)
    assert torch.equal(run.generator.get_state(), state)
    rates = next(line for line in lines if line.startswith("engine "))
    assert rates.startswith(f"engine {chosen.name}; steps/s of all chains: torch (cpu) ")
    assert "openmm (CPU) " in rates
    assert ("lammps (CPU" in rates) == lammps_mover.installed()
    numbers = {part.split()[0]: float(part.split()[-1]) for part in rates.split(": ")[1].split(",")}
    assert numbers[chosen.name] == max(numbers.values())
    # Another process of the job keeps what was chosen.
    assert engine_of(run, quiet, ["openmm", "Reference"]).device == "Reference"
