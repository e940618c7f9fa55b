"""Systems from files of GROMACS: included files, boxes, and what is refused."""

import ethanol
import numpy as np
import pytest
from whole_path import check_mapped, energy_and_forces, sampled_and_mapped, system_of

from meanforce.errors import InputError
from meanforce.systems.gromacs import included_files
from meanforce.systems.input_files import files_of
from meanforce.systems.registry import build, describe
from meanforce.systems.topology import input_topology

BOX = {"nonbonded_method": "pme", "nonbonded_cutoff": 0.9, "constraints": "none"}
FREE = {"nonbonded_method": "none", "constraints": "none"}
BROKEN = {
    "no topology": ({"topology": "nothing.top"}, "topology: the file 'nothing.top' does not exist"),
    "no structure": ({"structure": "no.gro"}, "structure: the file 'no.gro' does not exist"),
    "a format that is not known": (
        {"structure": "e.xyz"},
        r"structure: the format of 'e\.xyz' is not known; allowed are \.pdb, \.cif, \.gro",
    ),
    "no folder": ({"include": ["other"]}, "include: the folder 'other' does not exist"),
    "an included file that is not found": (
        {"include": []},
        r"topology: 'ethanol\.top' includes 'all\.itp', which is in none of the folders \.",
    ),
    "a macro that includes a file that is not there": (
        {"defines": {"MISSING": ""}},
        r"topology: 'ethanol\.top' includes 'nowhere\.itp', which is in none of the folders",
    ),
    "no box": (
        BOX,
        r"nonbonded_method: 'pme' needs a periodic box, but 'e\.gro' has none; allowed without a "
        "box: none, cutoff",
    ),
    "a cutoff that is too large": (
        BOX | {"structure": "box.gro", "nonbonded_cutoff": 1.1},
        r"nonbonded_cutoff: 1\.1 nm is more than half of the smallest width of the box in "
        r"'box\.gro', which is 2 nm",
    ),
    "switching without a cutoff": ({"switch_distance": 0.8}, "'switch_distance' needs a cutoff"),
    "switching beyond the cutoff": (
        BOX | {"switch_distance": 0.9},
        r"'switch_distance' is 0\.9 nm; it must be below the 'nonbonded_cutoff' of 0\.9 nm",
    ),
    "equilibration without a box": (
        {"equilibration": {}},
        "'equilibration' needs a periodic box, but 'nonbonded_method' is 'none'",
    ),
}  # fmt: skip


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Files of one ethanol in a folder, which becomes the working folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GMXLIB", raising=False)
    ethanol.top(tmp_path)
    ethanol.gro(tmp_path / "e.gro")
    ethanol.gro(tmp_path / "box.gro", box=2.0)
    (tmp_path / "e.xyz").write_text("")
    return tmp_path


def settings(**changes):
    given = {"topology": "ethanol.top", "structure": "e.gro", "include": ["types"]}
    return system_of(kind="gromacs", **(given | FREE | changes))


@pytest.mark.parametrize("name", BROKEN)
def test_message_says_what_is_wrong(files, name):
    changes, message = BROKEN[name]
    with pytest.raises(InputError, match=message):
        describe(settings(**changes))


def replace(path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_atoms_that_differ_between_files(files):
    ethanol.gro(files / "e.gro", copies=2)
    with pytest.raises(
        InputError,
        match=r"'ethanol\.top' and 'e\.gro' do not fit each other: the structure has 18 atoms, but "
        "the topology has 9",
    ):
        describe(settings())


def test_atoms_in_another_order(files):
    lines = (files / "e.gro").read_text().splitlines()
    lines[2], lines[4] = lines[4], lines[2]
    lines[3], lines[10] = lines[10], lines[3]
    (files / "e.gro").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"have atoms in another order: .*EOH1-C1, .* has O$"):
        describe(settings())


def test_positions_in_another_order(files):
    """Under the names of the topology's order."""
    lines = (files / "e.gro").read_text().splitlines()
    for one, other in ((2, 4), (3, 10)):
        first, second = lines[one], lines[other]
        lines[one], lines[other] = first[:20] + second[20:], second[:20] + first[20:]
    (files / "e.gro").write_text("\n".join(lines) + "\n")
    with pytest.raises(InputError, match=r"is 0\.\d+ nm long .*in another order than in the topo"):
        describe(settings())


def test_a_type_that_is_not_defined(files):
    replace(files / "parts" / "ethanol.itp", "1 CT 1 EOH", "1 CX 1 EOH")
    with pytest.raises(InputError, match=r"cannot be read as a GROMACS topology \('CX' is not def"):
        describe(settings())


def test_parameters_that_are_missing(files):
    length, k = ethanol.bond_type(0, 1)
    replace(files / "parts" / "ethanol.itp", f"1 2 1 {length} {k}", "1 2 1")
    described = describe(settings())
    with pytest.raises(InputError, match=r"with all parameters \(No parameters specified for bond"):
        described.parametrised()


@pytest.mark.parametrize("section", ["position_restraints", "pairs_nb", "virtual_sites4"])
def test_sections_that_would_be_skipped(files, section):
    ethanol.top(files, extra=f"#ifdef HELD\n[ {section} ]\n1 1 1000 1000 1000\n#endif")
    describe(settings())
    with pytest.raises(
        InputError, match=rf"has a section \[ {section} \], which OpenMM does not read, so that"
    ):
        describe(settings(defines={"HELD": ""}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('#include "types/all.itp"\n#include "ethanol.top"\n', "includes itself"),
        ("#ifdef A\n", "#ifdef without #endif"),
        ("#endif\n", "#endif without #ifdef"),
        ("[ defaults ]\n1 2 yes\n[ atoms ]\n1 a\n", r"before \[ moleculetype \]"),
        ("junk\n", "Unexpected line in .top file"),
    ],
)
def test_damaged_topologies(files, text, message):
    (files / "ethanol.top").write_text(text)
    with pytest.raises(InputError, match=message):
        describe(settings())


@pytest.mark.parametrize("text", ["", "one\n9\n", "one\nnine\n", "\x00\x01"])
def test_damaged_structures(files, text):
    (files / "e.gro").write_text(text)
    with pytest.raises(InputError, match=r"'e\.gro' (cannot be read as a file|has 2 lines, but)"):
        describe(settings())


def test_included_files_are_input_files(files):
    expected = ["ethanol.top", "types/all.itp", "types/kinds.itp", "parts/ethanol.itp"]
    assert included_files(settings()) == expected
    assert files_of(settings()) == ["ethanol.top", "e.gro", *expected[1:]]
    # Conditions decide.
    (files / "types" / "nowhere.itp").write_text("")
    assert "types/nowhere.itp" in included_files(settings(defines={"MISSING": ""}))
    assert "types/nowhere.itp" not in included_files(settings())
    # Files that are missing are reported elsewhere.
    assert files_of(settings(include=[])) == ["ethanol.top", "e.gro"]


def test_included_files_of_gromacs_are_found_through_its_environment(files, monkeypatch):
    monkeypatch.setenv("GMXLIB", f"nowhere:{files / 'types'}")
    assert f"{files}/types/all.itp" in included_files(settings(include=[]))


def test_macros_with_values(files):
    before = energy_and_forces(describe(settings()))[0]
    replace(
        files / "ethanol.top", "#define bend_of_all", "#ifndef bend_of_all\n#define bend_of_all"
    )
    replace(files / "ethanol.top", "[ defaults ]", "#endif\n[ defaults ]")
    assert energy_and_forces(describe(settings()))[0] == before
    stiffer = {"bend_of_all": f"{ethanol.ANGLE} {2 * ethanol.BEND}"}
    after = energy_and_forces(describe(settings(defines=stiffer)))[0]
    assert after > before + 0.1


def test_dihedral_types_that_are_defined_again_count_once(files):
    """OpenMM would add both; consecutive lines are terms of one dihedral."""
    twice = "HC CT CS OH 9 0.0 3.0 1\nHC CT CS OH 9 0.0 2.0 2\nHC CT CS HX 9 0.0 1.0 1\n"
    again = "; once more\nHC CT CS OH 9 0.0 3.0 1\nOH CS CT HC 9 0.0 3.0 1\n"
    types = files / "types" / "kinds.itp"
    text = types.read_text()
    molecule = files / "parts" / "ethanol.itp"
    term = next(
        line
        for line in molecule.read_text().split("[ dihedrals ]")[1].splitlines()
        if line.startswith(("4 1 2 3 9", "3 2 1 4 9"))
    )
    replace(molecule, term, " ".join(term.split()[:5]))
    energies = []
    for extra in (twice, twice + again):
        types.write_text(f"{text}[ dihedraltypes ]\n{extra}")
        described = describe(settings())
        system = described.parametrised()
        torsions = next(f for f in system.getForces() if f.getName() == "PeriodicTorsionForce")
        found = [torsions.getTorsionParameters(i)[4:] for i in range(torsions.getNumTorsions())]
        assert [p[2]._value for p in found].count(3.0) == 1
        assert [p[2]._value for p in found].count(2.0) == 1
        energies.append(energy_and_forces(described)[0])
    assert energies[0] == energies[1]


def test_residues_keep_their_numbers(files):
    lines = (files / "e.gro").read_text().replace("    1EOH", "   17EOH")
    (files / "e.gro").write_text(lines)
    assert str(next(input_topology(settings()).residues)) == "EOH17"


def test_molecules_that_the_box_cuts_are_made_whole(files):
    whole = describe(settings(**BOX, structure="box.gro"))
    # C2 and its hydrogens enter on the other side.
    lines = (files / "box.gro").read_text().splitlines()
    for row in (3, 8, 9):
        x = float(lines[row][20:28])
        lines[row] = f"{lines[row][:20]}{x + 2.0:8.3f}{lines[row][28:]}"
    (files / "box.gro").write_text("\n".join(lines) + "\n")
    cut = describe(settings(**BOX, structure="box.gro"))
    shift = cut.positions - whole.positions
    np.testing.assert_allclose(shift, np.broadcast_to(shift[0], shift.shape), atol=1e-6)
    one, other = energy_and_forces(whole)[0], energy_and_forces(cut)[0]
    assert other == pytest.approx(one, rel=1e-4)


def test_molecules_in_a_box_sample_and_map(files):
    ethanol.top(files, copies=4)
    ethanol.gro(files / "box.gro", copies=4, box=2.2, shift=0.5)
    mapping = {"molecules": {"EOH": {"beads": {"C": ["C1", "C2"], "O": ["O"]}}}}
    chosen = settings(**BOX, structure="box.gro")
    assert describe(chosen).periodic
    found = sampled_and_mapped(chosen, mapping, files / "run")
    assert found.beads.names[:2] == ("EOH#1-C", "EOH#1-O") and len(found.beads.names) == 8
    check_mapped(found)
    np.testing.assert_allclose(found.dataset.box(), 2.2 * np.eye(3))


def test_dispersion_correction_changes_the_energy_only(files):
    with_it, without = (
        energy_and_forces(
            describe(settings(**BOX, structure="box.gro", dispersion_correction=given))
        )
        for given in (True, False)
    )
    assert with_it[0] < without[0] - 1e-3
    np.testing.assert_allclose(with_it[1], without[1], atol=1e-9)


def test_equilibration_is_optional():
    given = {"structure": "box.gro"} | BOX
    plain = settings(**given)
    assert not plain.equilibrated and plain.equilibration_time == 0.0
    boxed = settings(**given, equilibration={"npt": 100.0})
    assert boxed.equilibrated and boxed.equilibration_time == 170.0


def test_the_same_input_gives_the_same_start(files):
    ethanol.top(files, copies=4)
    ethanol.gro(files / "box.gro", copies=4, box=2.2, shift=0.5)
    first, again = (
        np.array(build(settings(**BOX, structure="box.gro"), 0).positions._value) for _ in range(2)
    )
    np.testing.assert_array_equal(first, again)
