"""Which residues of an OpenMM topology are water."""

from openmm import app

WATER = ["H", "H", "O"]

NAMES = ("HOH", "WAT", "SOL", "H2O", "TIP3", "TIP4", "SPC")
"""Names of water residues; OpenMM's readers replace most of them by the first."""


def symbol(atom: app.topology.Atom) -> str:
    """Symbol of an atom's element; empty for sites and beads, which have none."""
    return atom.element.symbol if atom.element is not None else ""


def is_water(residue: app.topology.Residue) -> bool:
    """Whether a residue is a water molecule, also one without its hydrogens."""
    symbols = sorted(filter(None, map(symbol, residue.atoms())))
    return symbols == WATER or (symbols == ["O"] and residue.name in NAMES)
