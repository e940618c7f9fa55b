"""Which atoms are solvent: water and ions."""

import mdtraj

IONS = frozenset({"Li", "Na", "K", "Rb", "Cs", "Mg", "Ca", "Zn", "F", "Cl", "Br", "I"})
"""Elements that are ions where an atom makes a residue of its own."""


def is_solvent(residue: mdtraj.core.topology.Residue) -> bool:
    """Whether a residue is a water molecule, under whatever name, or an ion.

    Beads of existing CG data are neither.
    """
    if residue.n_atoms and residue.atom(0).element is mdtraj.core.element.virtual:
        return False
    if residue.is_water:
        return True
    symbols = sorted(atom.element.symbol for atom in residue.atoms)
    if len(symbols) == 1:
        return symbols[0] in IONS
    # Sites without mass have the symbol VS.
    return len(symbols) < 6 and [one for one in symbols if one != "VS"] == ["H", "H", "O"]


def solute_atoms(topology: mdtraj.Topology) -> list[int]:
    """Indices of the atoms that are neither water nor ions; of all atoms where there are no others.

    The solute of a prepared system is the solute of the structure file that it was made from,
    atom by atom, so that beads are the same before and after solvation.
    """
    solute = [
        atom.index
        for residue in topology.residues
        if not is_solvent(residue)
        for atom in residue.atoms
    ]
    return solute or list(range(topology.n_atoms))
