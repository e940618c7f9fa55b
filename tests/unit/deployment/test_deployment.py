"""Deployed models: OpenMM computes what the potential does, and nothing in a folder is run."""

import json
import runpy
import shutil
import subprocess
import sys

import numpy as np
import openmm
import pytest
import torch
from openmm import app, unit
from potential_examples import CHAIN, EXAMPLES, NAMES, Example, cgnet, linear, terms

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdWriter
from meanforce.deployment.folder import Source, load_system, write_folder
from meanforce.deployment.system import build_system, is_native
from meanforce.errors import InputError
from meanforce.potentials.files import save
from meanforce.potentials.interface import EnsembleMean

MASSES = np.array([12.0, 14.0, 13.0, 16.0, 15.0])
TEMPERATURE = 340.0


def openmm_energy_and_forces(system, positions) -> tuple[np.ndarray, np.ndarray]:
    """kJ/mol, shape (n,); and kJ/mol/nm, shape (n, n_beads, 3); on the Reference platform."""
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    energies, forces = [], []
    for frame in positions:
        context.setPositions(frame)
        state = context.getState(energy=True, forces=True)
        energies.append(state.getPotentialEnergy()._value)
        forces.append(state.getForces(asNumpy=True)._value)
    return np.array(energies), np.array(forces)


def configurations(count: int = 40) -> np.ndarray:
    """Spread wide, so that collective variables lie inside and outside of what was sampled."""
    return np.random.default_rng(3).normal(0, 1.0, (count, 5, 3))


def narrow(kind: str, variable: str):
    """A linear potential that was trained on a part of its range, which no knot ends."""
    potential = linear(kind, variable)
    sampled = {"distance": [0.91, 2.13], "dihedral": [-1.3, 2.2], "combination": [-0.3, 0.9]}
    return type(potential)(
        potential.values | {"sampled": sampled[variable]}, potential.coefficients
    )


NATIVE = ("spline", "rbf")
"""Kinds that OpenMM has forces for; the others run through Python."""

MODELS = {name: example for name, example in EXAMPLES.items() if "mean" not in name} | {
    f"{kind} on part of a {variable}": Example(
        kind, lambda seed, kind=kind, variable=variable: narrow(kind, variable)
    )
    for kind in NATIVE
    for variable in ("distance", "dihedral", "combination")
}


@pytest.mark.parametrize("name", MODELS)
def test_openmm_agrees_with_the_potential(name):
    potential = MODELS[name].make(1)
    positions = configurations()[:, : MODELS[name].molecule.size]
    masses = MASSES[: positions.shape[1]]
    system = build_system(EnsembleMean([potential]), masses, TEMPERATURE)
    assert is_native(system) == (potential.kind in NATIVE)
    energies, forces = openmm_energy_and_forces(system, positions)
    beads = torch.from_numpy(positions).to(potential.dtype)
    wanted_energies, wanted_forces = potential.energy_and_forces(Configuration(beads, TEMPERATURE))
    scale = wanted_forces.abs().max().item()
    np.testing.assert_allclose(forces, wanted_forces.double().numpy(), rtol=0, atol=1e-5 * scale)
    scale = wanted_energies.abs().max().item()
    np.testing.assert_allclose(energies, wanted_energies.double(), rtol=0, atol=1e-5 * scale)


def test_a_table_of_b_splines_is_exact():
    potential = narrow("spline", "distance")
    system = build_system(EnsembleMean([potential]), MASSES, TEMPERATURE)
    positions = configurations()
    _, forces = openmm_energy_and_forces(system, positions)
    wanted = potential.energy_and_forces(Configuration(torch.from_numpy(positions), TEMPERATURE))[
        1
    ].numpy()
    np.testing.assert_allclose(forces, wanted, rtol=0, atol=1e-11 * np.abs(wanted).max())


@pytest.fixture
def trajectory(tmp_path):
    """A CG trajectory of the beads."""
    path = tmp_path / "cg.h5"
    with H5mdWriter(path, MASSES, CHAIN.parameters(), with_forces=False) as writer:
        zeros = np.zeros(3)
        writer.append(FrameBlock(configurations(3) * 0.3, zeros, zeros, zeros, zeros.astype(int)))
    return path


def models(folder, potentials) -> list:
    paths = [folder / f"trained-{number}.safetensors" for number in range(len(potentials))]
    for path, potential in zip(paths, potentials, strict=True):
        save(potential, path, {})
    return paths


@pytest.mark.parametrize("kind", ["cgnet", "spline", "terms"])
def test_a_folder_holds_the_mean_of_the_ensemble(kind, tmp_path, trajectory):
    if kind == "cgnet":
        members = [cgnet(1), cgnet(2)]
    elif kind == "terms":
        members = [terms("spline", 1), terms("spline", 2)]
    else:
        members = [linear("spline", "distance"), narrow("spline", "distance")]
    folder = tmp_path / "deployed"
    native = write_folder(Source(models(tmp_path, members), trajectory, TEMPERATURE), folder)
    assert native == (kind != "cgnet") == (folder / "system.xml").exists()
    system = load_system(folder)
    masses = [system.getParticleMass(i)._value for i in range(5)]
    np.testing.assert_allclose(masses, MASSES)
    positions = configurations(5)
    energies, forces = openmm_energy_and_forces(system, positions)
    beads = torch.from_numpy(positions).to(members[0].dtype)
    wanted = EnsembleMean(members).energy_and_forces(Configuration(beads, TEMPERATURE))
    scale = wanted[1].abs().max().item()
    np.testing.assert_allclose(forces, wanted[1].double().numpy(), rtol=0, atol=1e-5 * scale)
    np.testing.assert_allclose(energies, wanted[0].double().numpy(), rtol=1e-5, atol=1e-4)
    if native:
        again = openmm.XmlSerializer.deserialize((folder / "system.xml").read_text())
        np.testing.assert_array_equal(openmm_energy_and_forces(again, positions)[1], forces)
    structure = app.PDBxFile(str(folder / "topology.cif"))
    assert [atom.name for atom in structure.topology.atoms()] == NAMES
    start = structure.getPositions(asNumpy=True).value_in_unit(unit.nanometer)
    np.testing.assert_allclose(start, configurations(3)[0] * 0.3, atol=1e-4)


def test_only_the_example_in_a_folder_runs_code(tmp_path, trajectory):
    folder = tmp_path / "deployed"
    write_folder(Source(models(tmp_path, [cgnet()]), trajectory, TEMPERATURE), folder)
    assert sorted(path.name for path in folder.iterdir()) == [
        "MODEL_CARD.md", "deployment.json", "meanforce.zip", "model-0.json",
        "model-0.safetensors", "requirements.txt", "run.py", "topology.cif",
    ]  # fmt: skip


STRANGER = """
import ast, importlib.metadata, runpy, sys
from pathlib import Path
assert not any("meanforce" in path for path in sys.path), sys.path
sys.argv = ["run.py", "--steps", "100"]
runpy.run_path("run.py", run_name="__main__")
used = {name: module for name, module in sys.modules.items() if name.startswith("meanforce")}
assert "meanforce.deployment.folder" in used
for module in used.values():
    assert "meanforce.zip" in module.__file__, module.__file__
trees = [ast.parse(module.__loader__.get_source(name)) for name, module in used.items()]
tops = [node.names[0].name if isinstance(node, ast.Import) else node.module
        for tree in trees for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
tops = {name.split(".")[0] for name in tops} - set(sys.stdlib_module_names) - {"meanforce"}
listed = {line.split("==")[0] for line in Path("requirements.txt").read_text().splitlines()}
assert tops <= listed, tops - listed
print("alone")
"""


@pytest.mark.parametrize("kind", ["cgnet", "spline"])
def test_a_folder_runs_by_itself_in_another_place(kind, tmp_path, trajectory):
    """Without the repository, results and an installed library."""
    member = cgnet(1) if kind == "cgnet" else linear("spline", "distance")
    made = tmp_path / "made"
    made.mkdir()
    write_folder(Source(models(made, [member]), trajectory, TEMPERATURE), made / "deployed")
    elsewhere = tmp_path / "elsewhere"
    shutil.move(made / "deployed", elsewhere)
    shutil.rmtree(made)
    # -I: neither PYTHONPATH nor the folder of the tests.
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER], cwd=elsewhere, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n100," in done.stdout and done.stdout.endswith("alone\n")


def test_the_example_runs(root, tmp_path, trajectory, monkeypatch, capsys):
    paths = models(tmp_path, [linear("spline", "distance")])
    deployed = tmp_path / "deployed"
    monkeypatch.setattr(sys, "path", list(sys.path))
    options = ["--models", *paths, "--trajectory", trajectory]
    options += ["--temperature", "340 K", "--output", deployed]
    for program, arguments in (
        (root / "workflow" / "scripts" / "deploy.py", options),
        (deployed / "run.py", ["--steps", "200"]),
    ):
        monkeypatch.setattr(sys, "argv", [str(program), *map(str, arguments)])
        runpy.run_path(str(program), run_name="__main__")
    assert capsys.readouterr().out.splitlines()[-1].startswith("200,")
    assert (deployed / "trajectory.dcd").stat().st_size > 100 * 5 * 12


def test_what_cannot_be_deployed_is_said(tmp_path, trajectory):
    paths = models(tmp_path, [cgnet()])
    other = tmp_path / "other.h5"
    beads = Topology.of_beads(("A", "B"), ("A", "B"), ((0, 1),))
    with H5mdWriter(other, MASSES[:2], beads.parameters(), with_forces=False) as writer:
        zeros = np.zeros(1)
        writer.append(FrameBlock(np.zeros((1, 2, 3)), zeros, zeros, zeros, zeros.astype(int)))
    with pytest.raises(InputError, match="fitted to beads with other names"):
        write_folder(Source(paths, other, TEMPERATURE), tmp_path / "deployed")
    apart = Topology.of_beads(CHAIN.names, CHAIN.types, CHAIN.bonds[:2])
    liquid = tmp_path / "liquid.h5"
    with H5mdWriter(liquid, MASSES, apart.parameters(), False, 3 * np.eye(3)) as writer:
        writer.append(FrameBlock(np.zeros((1, 5, 3)), zeros, zeros, zeros, zeros.astype(int)))
    with pytest.raises(InputError, match="several molecules, whose pair distances have no"):
        write_folder(
            Source(models(tmp_path, [cgnet(1, apart)]), liquid, TEMPERATURE), tmp_path / "deployed"
        )
    paths = models(tmp_path, [cgnet()])
    write_folder(Source(paths, trajectory, TEMPERATURE), tmp_path / "deployed")
    with pytest.raises(InputError, match="already exists"):
        write_folder(Source(paths, trajectory, TEMPERATURE), tmp_path / "deployed")
    about = tmp_path / "deployed" / "deployment.json"
    about.write_text(json.dumps(json.loads(about.read_text()) | {"format": 9}))
    with pytest.raises(InputError, match="has format 9; this version reads up to 2"):
        load_system(tmp_path / "deployed")
    about.write_text("{}")
    with pytest.raises(InputError, match="is not a deployed model"):
        load_system(tmp_path / "deployed")
