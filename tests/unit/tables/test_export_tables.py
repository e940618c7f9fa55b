"""Tables for OpenMM, LAMMPS and GROMACS give the potential's energies and forces."""

import dataclasses
import shutil
import subprocess
import sys

import numpy as np
import openmm
import pytest
import torch

import export_tables
from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.errors import InputError
from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.files import save
from meanforce.potentials.registry import KINDS
from meanforce.potentials.terms import coordinates_of
from meanforce.tables.curve_tables import tables_of
from meanforce.tables.gromacs import write_gromacs
from meanforce.tables.lammps import write_lammps
from meanforce.tables.lammps_start import write_start
from meanforce.tables.openmm_system import build_system
from meanforce.units import KCAL

MOLECULE = Topology.of_beads(
    tuple("ABCDEF"), ("a", "b", "b", "c", "b", "a"), tuple((i, i + 1) for i in range(5))
)
RANGES = {"bonds": (0.14, 0.17), "angles": (1.4, 2.6), "pairs": (0.25, 1.0)}


def chain(kind: str = "spline", temperature: str = "linear"):
    """A chain of six beads with random curves."""
    _, keys = coordinates_of(MOLECULE, ["bonds", "pairs", "angles", "dihedrals"], 3)
    curves = []
    for term, name in dict.fromkeys(keys):
        if term == "dihedrals":
            curve = EnergyCurve(name, term, 24, -np.pi, 2 * np.pi / 24, (-3.0, 3.0), 0.0)
        else:
            low, high = RANGES[term]
            n = 10 if term != "bonds" else 8
            h = (high - low) / (n if term == "pairs" else n - 3)
            cutoff = high if term == "pairs" else None
            sampled = (low, 0.8) if term == "pairs" else (low, high)
            curve = EnergyCurve(name, term, n, low - h, h, sampled, 2.5 / h**2, cutoff)
        curves.append(dataclasses.asdict(curve))
    values = MOLECULE.parameters() | {
        "curves": curves, "exclude": 3, "width": 1.5, "temperature": temperature,
        "reference_temperature": 350.0,
    }  # fmt: skip
    size = sum(curve["functions"] for curve in curves) * (2 if temperature == "linear" else 1)
    generator = torch.Generator().manual_seed(3)
    return KINDS[kind](values, 8 * torch.randn(size, generator=generator, dtype=torch.float64))


def configurations(n: int) -> torch.Tensor:
    """Chains inside the range of all curves and, some of them, beyond."""
    generator = torch.Generator().manual_seed(11)
    zigzag = torch.tensor([[0.125 * i, 0.09 * (i % 2), 0.0] for i in range(6)])
    noise = torch.randn(n, 6, 3, generator=generator, dtype=torch.float64)
    return zigzag + noise * torch.linspace(0.01, 0.06, n)[:, None, None]


@pytest.mark.parametrize(("kind", "tolerance"), [("spline", 1e-8), ("rbf", 1e-5)])
def test_openmm_has_the_same_energies_and_forces(kind, tolerance):
    potential = chain(kind)
    molecule, tables = tables_of(potential, 320.0)
    system = build_system(molecule, tables, np.full(6, 12.0))
    # What is stored is the serialised system.
    system = openmm.XmlSerializer.deserialize(openmm.XmlSerializer.serialize(system))
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("Reference")
    )
    positions = configurations(40)
    energy, forces = potential.energy_and_forces(Configuration(positions, 320.0))
    for frame, expected, its_forces in zip(positions, energy, forces, strict=True):
        context.setPositions(frame.numpy())
        state = context.getState(getEnergy=True, getForces=True)
        scale = its_forces.abs().max().item()
        ours = state.getForces(asNumpy=True)._value
        assert state.getPotentialEnergy()._value == pytest.approx(
            expected.item(), rel=tolerance, abs=tolerance
        )
        np.testing.assert_allclose(ours, its_forces, rtol=0, atol=tolerance * scale)


def sections(text: str) -> dict[str, np.ndarray]:
    """Tables of a LAMMPS file by keyword, without the column of numbers."""
    found, lines = {}, [line for line in text.splitlines() if not line.startswith("#")]
    for number, line in enumerate(lines):
        if line.startswith("N "):
            n = int(line.split()[1])
            rows = [row.split() for row in lines[number + 2 : number + 2 + n]]
            assert [int(row[0]) for row in rows] == list(range(1, n + 1))
            found[lines[number - 1]] = np.array([row[1:] for row in rows], dtype=float)
    return found


def test_lammps_tables_are_in_real_units(tmp_path):
    molecule, tables = tables_of(chain(), 320.0)
    write_lammps(molecule, tables, tmp_path, 501)
    units = {"bonds": 10.0, "pairs": 10.0, "angles": 180 / np.pi, "dihedrals": 180 / np.pi}
    for table in tables:
        rows = sections((tmp_path / f"{table.kind}.table").read_text())[table.label]
        x, energy, force = rows.T
        expected, its_force = table.at(x / units[table.kind])
        scale = abs(energy).max()
        np.testing.assert_allclose(energy * KCAL, expected, atol=1e-9 * scale)
        np.testing.assert_allclose(
            force * KCAL * units[table.kind], its_force, rtol=1e-9, atol=1e-9
        )
        numeric = -np.gradient(energy, x)[5:-5]
        assert abs(numeric - force[5:-5]).max() < 2e-2 * abs(force).max()
    dihedral = sections((tmp_path / "dihedrals.table").read_text())["dihedrals_1"][:, 0]
    assert dihedral[0] == -180.0
    assert dihedral[-1] < 180.0
    pair = sections((tmp_path / "pairs.table").read_text())["pairs_1"]
    assert pair[0, 0] > 0
    np.testing.assert_allclose(pair[-1], [10.0, 0.0, 0.0], atol=1e-12)
    commands = (tmp_path / "potential.in").read_text()
    assert "special_bonds lj/coul 0 0 1" in commands
    assert commands.count("pair_coeff") == 6
    assert commands.count("bond_coeff") == sum(table.kind == "bonds" for table in tables)


def test_gromacs_tables_are_in_its_units(tmp_path):
    molecule, tables = tables_of(chain(), 320.0)
    write_gromacs(molecule, tables, tmp_path, 1001)
    for letter, kind, unit in (("b", "bonds", 1.0), ("a", "angles", 180 / np.pi),
                               ("d", "dihedrals", 180 / np.pi)):  # fmt: skip
        table = next(table for table in tables if table.kind == kind)
        x, energy, force = np.loadtxt(tmp_path / f"table_{letter}0.xvg").T
        expected, its_force = table.at(x / unit)
        np.testing.assert_allclose(energy, expected, atol=1e-9 * abs(expected).max())
        np.testing.assert_allclose(force * unit, its_force, atol=1e-9 * abs(its_force).max())
        np.testing.assert_allclose(np.diff(x), x[1] - x[0], rtol=1e-6)
    assert np.loadtxt(tmp_path / "table_a0.xvg")[[0, -1], 0].tolist() == [0.0, 180.0]
    assert np.loadtxt(tmp_path / "table_d0.xvg")[[0, -1], 0].tolist() == [-180.0, 180.0]
    table = next(table for table in tables if table.kind == "pairs")
    i, j = sorted("abc".index(MOLECULE.types[bead]) + 1 for bead in table.beads[0])
    columns = np.loadtxt(tmp_path / f"table_T{i}_T{j}.xvg")
    assert columns.shape[1] == 7
    assert columns[-1, 0] == pytest.approx(2.0, abs=1e-3)
    assert not columns[:, 1:5].any()
    np.testing.assert_allclose(columns[:, 5], table.at(columns[:, 0])[0], atol=1e-6)
    assert not columns[columns[:, 0] > 1.0, 5:].any()


def export(root, *arguments) -> subprocess.CompletedProcess:
    program = [sys.executable, "workflow/scripts/export_tables.py", *map(str, arguments)]
    return subprocess.run(program, cwd=root, capture_output=True, text=True, check=False)


def test_the_program_writes_a_system_and_says_what_is_wrong(root, tmp_path, monkeypatch):
    save(chain(), tmp_path / "model.safetensors", {})
    with H5mdWriter(
        tmp_path / "beads.h5", np.full(6, 12.0), MOLECULE.parameters() | {"temperature": 300.0},
        with_forces=True,
    ) as writer:  # fmt: skip
        zeros, flat = np.zeros((2, 6, 3)), np.zeros(2)
        writer.append(FrameBlock(zeros, np.arange(2), flat, flat, flat.astype(int), force=zeros))
    common = ("--model", tmp_path / "model.safetensors", "--output", tmp_path / "out")
    whole = (*common, "--temperature", 320, "--format", "openmm")
    result = export(root, *whole, "--dataset", tmp_path / "beads.h5")
    assert result.returncode == 0, result.stderr
    system = openmm.XmlSerializer.deserialize((tmp_path / "out" / "system.xml").read_text())
    assert system.getNumParticles() == 6
    monkeypatch.setattr(sys, "argv", ["export_tables.py", *map(str, whole)])
    with pytest.raises(SystemExit, match="error: --dataset: is missing"):
        export_tables.main()


MASSES = np.array([{"a": 12.0, "b": 14.0, "c": 16.0}[kind] for kind in MOLECULE.types])


def run_lammps(folder, script: str) -> str:
    """Log of LAMMPS, run in a folder; the test is skipped where there is no LAMMPS."""
    program = shutil.which("lmp")
    if program is None:
        pytest.skip("needs LAMMPS (lmp), see envs/requirements-lammps.txt")
    command = [program, "-in", script, "-log", "run.log", "-screen", "none"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return (folder / "run.log").read_text()


def test_lammps_computes_the_energies_and_forces(tmp_path):
    """Within the range of the data to 1e-4, as tables of 2,001 points are interpolated."""
    potential = chain()
    molecule, tables = tables_of(potential, 320.0)
    positions = configurations(40)[:12:2]
    scripts = []
    for number, frame in enumerate(positions):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_lammps(molecule, tables, folder, 2001)
        write_start(molecule, tables, MASSES, frame.numpy(), folder)
        lines = (folder / "in.run").read_text().splitlines()
        last = next(n for n, line in enumerate(lines) if line.startswith("velocity"))
        scripts += [
            "clear", f"shell cd {folder}", *lines[:last], "thermo_style custom step pe",
            "thermo_modify format float %.15g",
            "dump forces all custom 1 forces.dump id fx fy fz",
            'dump_modify forces sort id format float "%.15g"', "run 0",
        ]  # fmt: skip
    (tmp_path / "in.all").write_text("\n".join(scripts) + "\n")
    log = run_lammps(tmp_path, "in.all").splitlines()
    heads = [n for n, line in enumerate(log) if line.split()[:1] == ["Step"]]
    columns = log[heads[0]].split()
    found = [float(log[n + 1].split()[columns.index("PotEng")]) for n in heads]
    energies, forces = potential.energy_and_forces(Configuration(positions, 320.0))
    scale = energies.abs().max().item()
    np.testing.assert_allclose(np.array(found) * KCAL, energies, rtol=0, atol=1e-4 * scale)
    for number, wanted in enumerate(forces.numpy()):
        rows = np.loadtxt(tmp_path / str(number) / "forces.dump", skiprows=9)[:, 1:]
        scale = np.abs(wanted).max()
        np.testing.assert_allclose(rows * KCAL * 10, wanted, rtol=0, atol=1e-3 * scale)


def test_the_script_for_lammps_runs(root, tmp_path):
    save(chain(), tmp_path / "model.safetensors", {})
    frames = configurations(2).numpy()
    parameters = MOLECULE.parameters() | {"temperature": 300.0}
    with H5mdWriter(tmp_path / "beads.h5", MASSES, parameters, with_forces=False) as writer:
        flat = np.zeros(2)
        writer.append(FrameBlock(frames, np.arange(2), flat, flat, flat.astype(int)))
    common = ("--model", tmp_path / "model.safetensors", "--output", tmp_path / "out")
    options = (*common, "--temperature", 320, "--format", "lammps")
    result = export(root, *options, "--dataset", tmp_path / "beads.h5")
    assert result.returncode == 0, result.stderr
    script = tmp_path / "out" / "in.run"
    script.write_text(script.read_text().replace("run 10000", "run 2000"))
    log = run_lammps(tmp_path / "out", "in.run")
    assert "Loop time" in log and "ERROR" not in log
    assert (tmp_path / "out" / "trajectory.dump").exists()


def test_beads_of_a_type_with_different_masses_are_refused(tmp_path):
    molecule, tables = tables_of(chain(), 320.0)
    write_lammps(molecule, tables, tmp_path, 101)
    masses = MASSES + np.arange(6)
    with pytest.raises(InputError, match=r"beads of type 'a' have different masses \(12 to 17 u\)"):
        write_start(molecule, tables, masses, configurations(1)[0].numpy(), tmp_path)
