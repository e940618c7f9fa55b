"""Structures whose atoms are in another order than those of the system are refused."""

import re

import ethanol
import openmm
import pytest
from openmm import app, unit
from whole_path import system_of

from meanforce.errors import InputError
from meanforce.systems.element_masses import refuse_other_atoms
from meanforce.systems.registry import describe

N = len(ethanol.NAMES)
NEIGHBOURS = {"C and O": (1, 2), "C and H": (0, 3), "H and C": (1, 6), "O and H": (2, 8)}
"""Pairs of ethanol's atoms."""
FREE = {"nonbonded_method": "none", "constraints": "none"}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of ethanol in a folder, which becomes the working folder."""
    monkeypatch.chdir(tmp_path)
    ethanol.psf(tmp_path / "e.psf")
    ethanol.charmm_parameters(tmp_path / "e.prm")
    ethanol.crd(tmp_path / "e.crd")
    ethanol.pdb(tmp_path / "e.pdb")
    ethanol.ffxml(tmp_path / "e.xml")
    ethanol.gro(tmp_path / "e.gro")
    ethanol.top(tmp_path)
    return tmp_path


def exchanged(path, first: int, second: int) -> None:
    """Exchange the lines of two atoms, with their positions and bonds, but not their numbers."""
    lines = path.read_text().splitlines()
    start = next(n for n, line in enumerate(lines) if re.search(r"\bC1\b", line))
    numbers = {"e.pdb": slice(6, 11), "e.gro": slice(15, 20), "e.crd": slice(0, 5)}[path.name]
    one, other = lines[start + first], lines[start + second]
    parts = [one[: numbers.start], other[numbers], one[numbers.stop :]]
    lines[start + second] = "".join(parts)
    lines[start + first] = other[: numbers.start] + one[numbers] + other[numbers.stop :]
    if path.name == "e.pdb":
        new = {first + 1: second + 1, second + 1: first + 1}
        for n, line in enumerate(lines):
            if line.startswith("CONECT"):
                bonded = [int(word) for word in line[6:].split()]
                lines[n] = "CONECT" + "".join(f"{new.get(k, k):5d}" for k in bonded)
    path.write_text("\n".join(lines) + "\n")


def ethanol_system(**options) -> openmm.System:
    structure = app.PDBFile("e.pdb")
    return app.ForceField("e.xml").createSystem(structure.topology, **options)


def refused_elements(system, match="elements do not fit the masses") -> None:
    structure = app.PDBFile("e.pdb")
    with pytest.raises(InputError, match=match) as error:
        refuse_other_atoms(structure.topology, system, "'a' and 'b'")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("what", NEIGHBOURS)
@pytest.mark.parametrize("hydrogen_mass", [None, 2.0, 3.024, 4.0])
@pytest.mark.parametrize("constraints", [None, app.HBonds])
def test_exchanged_neighbours_do_not_fit_the_masses(files, what, hydrogen_mass, constraints):
    mass = None if hydrogen_mass is None else hydrogen_mass * unit.dalton
    system = ethanol_system(hydrogenMass=mass, constraints=constraints)
    refuse_other_atoms(app.PDBFile("e.pdb").topology, system, "")
    exchanged(files / "e.pdb", *NEIGHBOURS[what])
    refused_elements(system)


def test_the_kind_openmm_refuses_exchanged_neighbours(files):
    (files / "system.xml").write_text(openmm.XmlSerializer.serialize(ethanol_system()))
    settings = system_of(kind="openmm", system="system.xml", structure="e.pdb")
    describe(settings)
    exchanged(files / "e.pdb", 1, 2)
    with pytest.raises(InputError, match=r"EOH1-O and EOH1-HO should have 17\.01 u toge"):
        describe(settings)


@pytest.mark.parametrize("pair", [(0, 1), (3, 6), (5, 8)])
def test_exchanged_atoms_of_one_element_do_not_fit_the_bonds(files, pair):
    """C1 and C2 have the same masses with other numbers of hydrogens, so these move with them."""
    system = ethanol_system()
    exchanged(files / "e.pdb", *pair)
    refused_elements(system, "elements do not fit|are bonded in the structure, but not in the sys")


def test_bonds_of_other_forces_are_no_reason_to_refuse(files):
    """A system with constraints of hydrogens, whose other bonds are not harmonic."""
    system = ethanol_system(constraints=app.HBonds)
    for number in reversed(range(system.getNumForces())):
        if isinstance(system.getForce(number), openmm.HarmonicBondForce):
            system.removeForce(number)
    refuse_other_atoms(app.PDBFile("e.pdb").topology, system, "")


def test_hydrogens_without_bonds_in_the_structure_take_those_of_the_system(files):
    system = ethanol_system(hydrogenMass=3.0 * unit.dalton)
    ethanol.pdb(files / "e.pdb", bonded=False)
    refuse_other_atoms(app.PDBFile("e.pdb").topology, system, "")
    exchanged(files / "e.pdb", 0, 3)
    refused_elements(system)


def rounded_masses(digits: int) -> openmm.System:
    system = ethanol_system()
    for i in range(N):
        system.setParticleMass(i, round(system.getParticleMass(i)._value, digits))
    return system


def test_rounded_masses_are_allowed(files):
    for digits in (3, 2, 1):
        refuse_other_atoms(app.PDBFile("e.pdb").topology, rounded_masses(digits), "")


def test_deuterium_is_refused(files):
    system = ethanol_system()
    system.setParticleMass(8, 2.014)
    refused_elements(system, "elements do not fit the masses.*deuterium is not supported")
    text = (files / "e.pdb").read_text().splitlines()
    (files / "e.pdb").write_text("\n".join(
        line[:76] + " D" if line.startswith("HETATM    9") else line for line in text
    ))  # fmt: skip
    refused_elements(system, "EOH1-HO in 'a' and 'b' is deuterium, which is not supported")


def test_united_atoms(files):
    """Butane of TraPPE: CH3 of 15.035 u, CH2 of 14.027 u; nitrogen of 14.007 u is another one."""
    topology, system = app.Topology(), openmm.System()
    residue = topology.addResidue("BUT", topology.addChain())
    for number, mass in enumerate((15.035, 14.027, 14.027, 15.035)):
        topology.addAtom(f"C{number + 1}", app.element.carbon, residue)
        system.addParticle(mass)
    refuse_other_atoms(topology, system, "")
    system.setParticleMass(2, 14.007)
    with pytest.raises(InputError, match=r"BUT1-C3 should have 12\.01 u together, but the system"):
        refuse_other_atoms(topology, system, "")


@pytest.mark.parametrize("model", ["tip3p", "tip4pew", "tip5p"])
def test_water_with_virtual_sites(model):
    modeller = app.Modeller(app.Topology(), [] * unit.nanometer)
    field = app.ForceField(f"{model}.xml")
    modeller.addSolvent(field, boxSize=openmm.Vec3(2.0, 2.0, 2.0) * unit.nanometer, model=model)
    system = field.createSystem(modeller.topology, hydrogenMass=2.0 * unit.dalton)
    refuse_other_atoms(modeller.topology, system, "")
    if model == "tip3p":
        return
    # Sites in the place of the second hydrogen.
    atoms = list(modeller.topology.atoms())
    wrong = openmm.System()
    masses = [system.getParticleMass(i)._value for i in range(system.getNumParticles())]
    masses[2], masses[3] = masses[3], masses[2]
    assert atoms[2].element is app.element.hydrogen and atoms[3].element is None
    for mass in masses:
        wrong.addParticle(mass)
    with pytest.raises(InputError, match="elements do not fit the masses"):
        refuse_other_atoms(modeller.topology, wrong, "")


def test_fixed_atoms_need_no_mass_but_have_no_constraints(files):
    system = ethanol_system()
    for i in range(N):
        system.setParticleMass(i, 0.0)
    (files / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    settings = system_of(kind="openmm", system="system.xml", structure="e.pdb")
    describe(settings)
    system = ethanol_system(constraints=app.HBonds)
    system.setParticleMass(0, 0.0)
    (files / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    message = r"system: atom 1 in 'system\.xml' has the mass 0 and a constraint \(with atom 4\)"
    with pytest.raises(InputError, match=message):
        describe(settings)


OTHERS = {
    "gromacs": ({"topology": "ethanol.top", "include": ["types"]}, "e.gro"),
    "gromacs with a PDB file": ({"topology": "ethanol.top", "include": ["types"]}, "e.pdb"),
    "charmm": ({"topology": "e.psf", "parameters": ["e.prm"]}, "e.crd"),
    "charmm with a PDB file": ({"topology": "e.psf", "parameters": ["e.prm"]}, "e.pdb"),
}


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("pair", [*NEIGHBOURS.values(), (0, 1), (6, 7)])
def test_other_kinds_compare_names(files, what, pair):
    values, structure = OTHERS[what]
    settings = system_of(kind=what.split()[0], structure=structure, **values, **FREE)
    describe(settings)
    exchanged(files / structure, *pair)
    names = ethanol.NAMES[pair[0]], ethanol.NAMES[pair[1]]
    message = rf"where the topology has EOH\d+-{names[0]}, the structure has {names[1]}$"
    with pytest.raises(InputError, match=message):
        describe(settings)


def test_names_of_another_program_are_allowed_but_no_hydrogen_for_a_heavy_atom(files):
    values, structure = OTHERS["charmm"]
    settings = system_of(kind="charmm", structure=structure, **values, **FREE)
    text = (files / structure).read_text()
    for old, new in (
        ("HA1", "H11"),
        ("HA2", "H12"),
        ("HA3", "1H1"),
        ("HO ", "HXT"),
        ("O  ", "OX "),
    ):
        text = text.replace(f"EOH  {old}", f"EOH  {new}")
    (files / structure).write_text(text)
    describe(settings)
    exchanged(files / structure, 0, 3)
    with pytest.raises(InputError, match=r"has EOH\d+-C1, the structure has H11"):
        describe(settings)


def test_a_psf_file_with_repartitioned_masses(files):
    """Its elements, which are found by mass, would be wrong: helium and beryllium."""
    text = (files / "e.psf").read_text().replace("1.0080", "3.0240")
    (files / "e.psf").write_text(text)
    settings = system_of(kind="charmm", **OTHERS["charmm"][0], structure="e.crd", **FREE)
    with pytest.raises(InputError, match=r"HA1 in 'e\.psf' has 3\.024 u, as after hydrogen mass"):
        describe(settings)


def test_structures_without_atoms_or_a_box_are_one_sentence(files):
    text = (files / "e.gro").read_text()
    (files / "e.gro").write_text("".join(text.splitlines(keepends=True)[:-1]))
    (files / "empty.pdb").write_text("END\n")
    (files / "nothing.cif").write_text("x\n")
    (files / "folder.pdb").mkdir()
    (files / "system.xml").write_text(openmm.XmlSerializer.serialize(ethanol_system()))
    messages = {
        "e.gro": r"has 11 lines, but with 9 atoms there are 12, the last one being the box",
        "empty.pdb": r"it has no atoms, or is cut short, or is of another format",
        "nothing.cif": r"it has no atoms, or is cut short, or is of another format",
        "folder.pdb": r"structure: 'folder\.pdb' is a folder, not a file",
    }
    others = {"gromacs": OTHERS["gromacs"][0] | FREE, "openmm": {"system": "system.xml"}}
    for kind, values in others.items():
        for structure, message in messages.items():
            if kind == "openmm" and structure == "e.gro":
                continue
            with pytest.raises(InputError, match=message) as error:
                describe(system_of(kind=kind, structure=structure, **values))
            assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("error")
def test_warnings_of_readers_are_not_shown(files):
    """An atom that is there twice, of which OpenMM warns."""
    lines = (files / "e.pdb").read_text().splitlines()
    (files / "e.pdb").write_text("\n".join([*lines[:2], *lines[1:]]) + "\n")
    (files / "system.xml").write_text("")
    settings = system_of(kind="openmm", system="system.xml", structure="e.pdb")
    with pytest.raises(InputError, match="cannot be read as a serialised System"):
        describe(settings)
