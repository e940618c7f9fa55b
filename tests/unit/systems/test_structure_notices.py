"""What is left out of a structure file, and unusual amino acids, are said before a run."""

from pathlib import Path

import numpy as np
import pytest
from openmm import app, unit

from meanforce.systems.peptide import read_structure
from meanforce.systems.structure_notices import structure_notices


@pytest.fixture
def alanine(root):
    return app.PDBFile(str(root / "resources" / "capped_alanine.pdb"))


def notices(path: Path) -> list[str]:
    """Of a file, without its name."""
    structure = read_structure(str(path))
    positions = np.array(structure.positions.value_in_unit(unit.nanometer))
    found = structure_notices(str(path), structure, positions)
    assert all(notice.startswith(f"'{path}' has ") for notice in found)
    return [notice.removeprefix(f"'{path}' has ") for notice in found]


def write(path: Path, structure: app.PDBFile, mirrored: bool = False) -> Path:
    positions = np.array(structure.positions.value_in_unit(unit.angstrom))
    writer = app.PDBxFile if path.suffix == ".cif" else app.PDBFile
    with path.open("w") as file:
        writer.writeFile(structure.topology, (-positions if mirrored else positions), file)
    return path


@pytest.mark.parametrize("name", ["a.pdb", "a.cif"])
def test_nothing_to_say_of_a_common_structure(alanine, tmp_path, name):
    assert notices(write(tmp_path / name, alanine)) == []


@pytest.mark.parametrize("name", ["a.pdb", "a.cif"])
def test_mirror_images(alanine, tmp_path, name):
    (notice,) = notices(write(tmp_path / name, alanine, mirrored=True))
    assert notice.startswith("D-amino acids (ALA2); if they should be L-amino acids")


def test_several_models(root):
    assert notices(root / "resources" / "capped_alanine_path.pdb") == [
        "6 models, of which the first is used"
    ]


def test_alternate_locations_of_a_pdb_file(alanine, tmp_path):
    path = write(tmp_path / "a.pdb", alanine)
    lines = path.read_text().splitlines()
    (at,) = [i for i, line in enumerate(lines) if line[12:16].strip() == "HB1"]
    first, second = (f"{lines[at][:16]}{place}{lines[at][17:]}" for place in "AB")
    path.write_text("\n".join([*lines[:at], first, second, *lines[at + 1 :], ""]))
    assert notices(path) == ["alternate locations (ALA2), of which the first is used"]


def test_alternate_locations_of_an_mmcif_file(alanine, tmp_path):
    path = write(tmp_path / "a.cif", alanine)
    text = path.read_text()
    (row,) = [line for line in text.splitlines() if line.split()[3:4] == ["HB1"]]
    fields = row.split()
    assert fields[4] == "."
    several = "\n".join(" ".join([*fields[:4], place, *fields[5:]]) for place in "AB")
    path.write_text(text.replace(row, several))
    assert notices(path) == ["alternate locations (ALA2), of which the first is used"]
