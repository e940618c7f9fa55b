"""How messages call an atom."""

from openmm import app


def label(atom: app.topology.Atom) -> str:
    """Residue, its number and the atom, as in ALA2-CA."""
    return f"{atom.residue.name}{atom.residue.id}-{atom.name}"
