"""Systems from files of CHARMM and of OpenMM: boxes, and what is refused."""

import ethanol
import numpy as np
import openmm
import pytest
from openmm import app, unit
from whole_path import energy_and_forces, system_of

from meanforce.errors import InputError
from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import build, describe

BOX = {"nonbonded_method": "pme", "nonbonded_cutoff": 0.9, "constraints": "none"}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of ethanol in a folder, which becomes the working folder."""
    monkeypatch.chdir(tmp_path)
    ethanol.psf(tmp_path / "e.psf")
    ethanol.charmm_parameters(tmp_path / "e.prm")
    ethanol.crd(tmp_path / "e.crd")
    ethanol.pdb(tmp_path / "e.pdb")
    ethanol.ffxml(tmp_path / "e.xml")
    return tmp_path


def charmm(**changes):
    given = {
        "topology": "e.psf", "parameters": ["e.prm"], "structure": "e.crd",
        "nonbonded_method": "none", "constraints": "none",
    }  # fmt: skip
    return system_of(kind="charmm", **(given | changes))


def test_edges_of_a_box_may_be_given(files):
    with pytest.raises(InputError, match=r"'pme' needs a periodic box, but 'e\.crd' has none"):
        describe(charmm(**BOX))
    built = build(charmm(**BOX, box=[2.0, 2.1, 2.2]), 0)
    vectors = [v._value for v in built.system.getDefaultPeriodicBoxVectors()]
    np.testing.assert_allclose(vectors, np.diag([2.0, 2.1, 2.2]))
    force = next(f for f in built.system.getForces() if isinstance(f, openmm.NonbondedForce))
    assert force.getNonbondedMethod() == openmm.NonbondedForce.PME
    built.write(files / "prepared")
    assert Prepared.read(files / "prepared").topology.getPeriodicBoxVectors()[1][1]._value == 2.1


def test_the_box_of_a_pdb_file_is_used(files):
    text = (files / "e.pdb").read_text()
    cell = "CRYST1   20.000   21.000   22.000  90.00  90.00  90.00 P 1           1\n"
    (files / "e.pdb").write_text(cell + text)
    described = describe(charmm(**BOX, structure="e.pdb"))
    np.testing.assert_allclose(described.box, np.diag([2.0, 2.1, 2.2]), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"topology": "no.psf"}, r"topology: the file 'no\.psf' does not exist"),
        ({"parameters": ["no.prm"]}, r"parameters: the file 'no\.prm' does not exist"),
        ({"structure": "e.gro"}, r"structure: the file 'e\.gro' does not exist"),
        ({"topology": "e.pdb"}, r"topology: 'e\.pdb' cannot be read as a CHARMM psf file \(Unrec"),
        ({"structure": "e.psf"}, r"the format of 'e\.psf' is not known; allowed are .*\.crd"),
        ({"box": [2.0, 2.0]}, "box"),
    ],
)
def test_charmm_message_says_what_is_wrong(files, change, message):
    with pytest.raises(InputError, match=message):
        describe(charmm(**change))


def test_charmm_parameters_that_are_missing(files):
    lines = (files / "e.prm").read_text().splitlines()
    (files / "e.prm").write_text("\n".join(line for line in lines if line[:6] != "CT HC "))
    with pytest.raises(InputError, match=r"e\.psf' cannot be read as a psf file with these param"):
        lines = [line for line in lines if not line.startswith("CS CT ")]
        (files / "e.prm").write_text("\n".join(lines))
        build(charmm(), 0)
    (files / "e.prm").write_text("BONDS\nnonsense\n")
    with pytest.raises(InputError, match=r"parameters: \['e\.prm'\] cannot be read as CHARMM par"):
        build(charmm(), 0)
    (files / "e.dat").write_text("")
    with pytest.raises(InputError, match=r"e\.dat"):
        build(charmm(parameters=["e.dat"]), 0)


def boxed_system(force: openmm.Force | None = None) -> openmm.System:
    """Ethanol in a box with particle mesh Ewald, and perhaps one force more."""
    structure = app.PDBFile("e.pdb")
    structure.topology.setPeriodicBoxVectors(2.0 * np.eye(3) * unit.nanometer)
    field = app.ForceField("e.xml")
    system = field.createSystem(structure.topology, nonbondedMethod=app.PME, nonbondedCutoff=0.9)
    if force is not None:
        system.addForce(force)
    return system


def write_system(system: openmm.System, name: str = "system.xml") -> str:
    with open(name, "w") as file:
        file.write(openmm.XmlSerializer.serialize(system))
    return name


def serialised(**changes):
    given = {"system": "system.xml", "structure": "e.pdb"}
    return system_of(kind="openmm", **(given | changes))


def test_a_serialised_system_keeps_its_box_and_forces(files):
    system = boxed_system()
    write_system(system)
    described = describe(serialised())
    assert described.periodic
    np.testing.assert_allclose(described.box, 2.0 * np.eye(3))
    wanted = energy_and_forces(described, system)
    found = energy_and_forces(described)
    assert found[0] == pytest.approx(wanted[0], rel=1e-12)
    np.testing.assert_allclose(found[1], wanted[1])


def test_a_state_gives_positions_and_the_box(files):
    system = boxed_system()
    write_system(system)
    context = openmm.Context(system, openmm.VerletIntegrator(0.001))
    context.setPeriodicBoxVectors(*(2.4 * np.eye(3)))
    context.setPositions(ethanol.POSITIONS + 1.0)
    state = context.getState(positions=True)
    (files / "state.xml").write_text(openmm.XmlSerializer.serialize(state))
    described = describe(serialised(state="state.xml"))
    np.testing.assert_allclose(described.positions, ethanol.POSITIONS + 1.0)
    built = build(serialised(state="state.xml"), 0)
    assert built.system.getDefaultPeriodicBoxVectors()[0][0]._value == pytest.approx(2.4)
    state = context.getState(energy=True)
    (files / "state.xml").write_text(openmm.XmlSerializer.serialize(state))
    with pytest.raises(InputError, match=r"'state\.xml' cannot be read as a state with positions"):
        describe(serialised(state="state.xml"))


def test_other_numbers_of_atoms(files):
    system = boxed_system()
    system.addParticle(1.0)
    write_system(system)
    with pytest.raises(
        InputError, match=r"'e\.pdb' has 9 atoms, but the system in 'system\.xml' has 10"
    ):
        describe(serialised())


@pytest.mark.parametrize(
    "force",
    [
        openmm.MonteCarloBarostat(1.0, 300.0),
        openmm.MonteCarloAnisotropicBarostat((1.0, 1.0, 1.0), 300.0),
        openmm.AndersenThermostat(300.0, 1.0),
    ],
)
def test_forces_that_change_the_ensemble(files, force):
    name = force.getName()
    write_system(boxed_system(force))
    with pytest.raises(InputError, match=rf"system: .*has a {name}"):
        describe(serialised())


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("PythonForce", "has a PythonForce, which could run code; remove it"),
        ("TorchForce", "has a TorchForce, which could run code; remove it"),
        # OpenMM reads all of these as the same name.
        ("Python&#70;orce", "letters written as numbers"),
        ("Python&#x46;orce", "letters written as numbers"),
        ("Python&#x00046;orce", "letters written as numbers"),
        ("Python&#4294967366;orce", "letters written as numbers"),
        ("Python&#70orce", "letters written as numbers"),
    ],
)
def test_a_force_that_runs_code_is_refused_before_it_is_read(files, monkeypatch, name, message):
    (files / "system.xml").write_text(
        '<?xml version="1.0" ?>\n<System openmmVersion="8.6" type="System" version="1"><Forces>'
        f'<Force type="{name}" version="1"/></Forces></System>'
    )
    monkeypatch.setattr(openmm.XmlSerializer, "deserialize", lambda text: pytest.fail("was read"))
    with pytest.raises(InputError, match=message):
        describe(serialised())


def test_numbers_that_openmm_writes_itself_are_allowed(files):
    force = openmm.CustomExternalForce("0*x")
    force.setName("α\n'β'")
    write_system(boxed_system(force))
    assert "&" in (files / "system.xml").read_text()
    assert describe(serialised()).periodic


@pytest.mark.parametrize("cut", [0.0, 0.5, 0.98])
def test_a_damaged_system(files, cut):
    write_system(boxed_system())
    text = (files / "system.xml").read_text()
    (files / "system.xml").write_text(text[: int(cut * len(text))])
    with pytest.raises(InputError, match=r"system: 'system\.xml' cannot be read as a serialised S"):
        describe(serialised())


def test_equilibration_needs_a_box(files):
    system = app.ForceField("e.xml").createSystem(app.PDBFile("e.pdb").topology)
    write_system(system)
    assert not describe(serialised()).periodic
    with pytest.raises(InputError, match="equilibration: needs a periodic box, but no force in"):
        describe(serialised(equilibration={}))
