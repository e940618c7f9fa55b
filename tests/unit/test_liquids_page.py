"""The messages that docs/liquids.md shows are those that mistakes are answered with.

`python tests/unit/test_liquids_page.py` prints the table.
"""

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from openmm import app

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.curve_ranges import curves_of_terms
from meanforce.fitting.frames import Frames
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config
from meanforce.settings.potentials.linear import TermsSettings
from meanforce.systems import from_files
from meanforce.systems.equilibration_checks import check_even_density, settled_density

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "liquids.md"


def changed(*path: str, value: str) -> Callable[[], None]:
    """The check of config/water.yaml with another value."""

    def check() -> None:
        config = yaml.safe_load((ROOT / "config" / "water.yaml").read_text())
        part = config
        for key in path[:-1]:
            part = part[key]
        part[path[-1]] = value
        check_structures(load_config(config))

    return check


def evaporated() -> None:
    """A density that falls to a twentieth."""
    settled_density(0.95 * np.exp(-np.arange(400) / 133), 0.01)


def partly_empty() -> None:
    """Molecules in a half of the box."""
    places = np.random.default_rng(1).random((256, 3)) * [2.5, 2.5, 1.25]
    check_even_density(places, np.full(256, 18.0), np.arange(256), 2.5 * np.eye(3))


def without_pairs() -> None:
    """Two ions that never come close."""
    kinds = [(MoleculeType(name, (name,), (name,)), 1) for name in ("NA", "CL")]
    positions = torch.tensor([[0.0, 0, 0], [1.2, 1.2, 0]]).repeat(20, 1, 1)
    block = torch.arange(20)
    frames = Frames(
        positions, torch.zeros_like(positions), torch.full((20,), 300.0), block % 5, block,
        Topology(tuple(kinds)), cells=(2.5 * torch.eye(3)).repeat(20, 1, 1),
    )  # fmt: skip
    terms = {"bonds": None, "angles": None, "dihedrals": None, "pairs": {"cutoff": 0.9}}
    context = {"internal": True}
    curves_of_terms(TermsSettings.model_validate(terms, context=context), frames, 300.0)


def without_ends() -> None:
    """A chain along the whole box whose last atom is bonded to the first."""
    topology = app.Topology()
    residue = topology.addResidue("POL", topology.addChain())
    atoms = [topology.addAtom(f"C{n}", app.element.carbon, residue) for n in range(8)]
    for number in range(8):
        topology.addBond(atoms[number], atoms[(number + 1) % 8])
    along = np.outer(0.15 * np.arange(8), [1.0, 0.0, 0.0])
    from_files.described(topology, along, 1.2 * np.eye(3), "'chain.pdb'", lambda: None)


MISTAKES: dict[str, Callable[[], None]] = {
    "a cutoff beyond half of the box": changed(
        "systems", "water", "nonbonded_cutoff", value="1.3 nm"
    ),
    "a CG potential that reaches beyond it": changed(
        "potentials", "pair", "terms", "pairs", "cutoff", value="1.3 nm"
    ),
    "molecules that cannot be packed so far apart": changed(
        "systems", "water", "packing_distance", value="0.4 nm"
    ),
    "a liquid that the force field does not hold": evaporated,
    "a density between those of the liquid and its vapour": partly_empty,
    "types of beads without pairs in the data": without_pairs,
    "a bond across the box": without_ends,
}


def answer(check: Callable[[], None]) -> str:
    """What the mistake is answered with."""
    with contextlib.chdir(ROOT), pytest.raises(InputError) as caught:
        check()
    return str(caught.value)


def row(what: str) -> str:
    """A row of the table."""
    return f"| {what} | {answer(MISTAKES[what])} |"


@pytest.mark.parametrize("what", MISTAKES)
def test_the_page_has_the_answer(what):
    assert row(what) in PAGE.read_text().splitlines()


def test_the_page_has_no_other_mistakes():
    table = PAGE.read_text().split("| mistake | answer |\n|---|---|\n")[1].split("\n\n")[0]
    assert len(table.splitlines()) == len(MISTAKES)


if __name__ == "__main__":
    for name in MISTAKES:
        print(row(name))
