"""Files `topology.cif`: structures with exactly the bonds that a system has.

mmCIF readers make bonds of residues that they have a definition of by themselves, also between
neighbouring residues of a chain that are not bonded, and write only those of other residues. Where
this would change the bonds, they are all written, in a category of our own that other
readers skip.
"""

import io
import re
from pathlib import Path
from typing import TextIO

from openmm import app, unit

from meanforce.errors import InputError

HEADER = "loop_\n_meanforce_bond.first\n_meanforce_bond.second\n"
"""Before the pairs of atoms, counted from 0, one in a line."""

PAIRS = re.compile(re.escape(HEADER) + r"((?:\d+ \d+\n)*)")


def write_structure(topology: app.Topology, positions: unit.Quantity, file: TextIO) -> None:
    """Write an mmCIF file."""
    text = _plain(topology, positions)
    file.write(text)
    if bonds_of(_parsed(text)) != bonds_of(topology):
        file.write("#\n" + HEADER)
        file.writelines(f"{i} {j}\n" for i, j in sorted(bonds_of(topology)))


def read_topology(path: Path) -> app.Topology:
    """Topology of a file that `write_structure` wrote.

    Raises:
        OSError, LookupError, ValueError: the file is missing or damaged.
    """
    text = path.read_text()
    listed = PAIRS.search(text)
    if listed is None:
        return _parsed(text)
    pairs = (line.split() for line in listed.group(1).splitlines())
    return with_bonds(_parsed(text[: listed.start()]), {(int(i), int(j)) for i, j in pairs})


def as_written(topology: app.Topology, positions: unit.Quantity) -> app.Topology:
    """A topology as it is read back from its file, with the names that OpenMM's readers give.

    Raises:
        InputError: names of residues or atoms cannot be written to a file.
    """
    bonds = bonds_of(topology)
    text = _plain(with_bonds(topology, bonds), positions)
    try:
        read = _parsed(text)
    except Exception as error:  # OpenMM's reader raises many kinds of errors
        raise InputError(
            f"structure: names of residues or atoms cannot be written to an mmCIF file ({error})"
        ) from error
    for one, other in zip(topology.residues(), read.residues(), strict=False):
        if len(one) != len(other):
            raise InputError(
                f"structure: residue {one.name}{one.id} or one of its atoms has a name that cannot "
                "be written to an mmCIF file; use letters and digits"
            )
    # Files hold fewer digits of the box.
    read.setPeriodicBoxVectors(topology.getPeriodicBoxVectors())
    return with_bonds(read, bonds)


def bonds_of(topology: app.Topology) -> set[tuple[int, int]]:
    """Pairs of bonded atoms, the smaller index first."""
    return {(min(pair), max(pair)) for pair in ((a.index, b.index) for a, b in topology.bonds())}


def with_bonds(topology: app.Topology, bonds: set[tuple[int, int]]) -> app.Topology:
    """The same atoms with these bonds.

    Chains get names of their own, and residues of a chain numbers of their own, where they have
    none: files tell them apart by these.
    """
    made, atoms, used = app.Topology(), [], set()
    for number, chain in enumerate(topology.chains(), 1):
        residues = list(chain.residues())
        name = str(chain.id).strip() or str(number)
        while name in used:
            name = f"{name}x{number}"
        used.add(name)
        new_chain = made.addChain(name)
        ids = [(str(residue.id), residue.insertionCode.strip()) for residue in residues]
        distinct = len(set(ids)) == len(ids)
        for place, residue in enumerate(residues, 1):
            own = ids[place - 1] if distinct else (str(place), "")
            new_residue = made.addResidue(residue.name, new_chain, *own)
            atoms += [
                made.addAtom(atom.name, atom.element, new_residue) for atom in residue.atoms()
            ]
    for i, j in sorted(bonds):
        made.addBond(atoms[i], atoms[j])
    made.setPeriodicBoxVectors(topology.getPeriodicBoxVectors())
    return made


def _plain(topology: app.Topology, positions: unit.Quantity) -> str:
    text = io.StringIO()
    app.PDBxFile.writeFile(topology, positions, text, keepIds=True)
    return text.getvalue()


def _parsed(text: str) -> app.Topology:
    return app.PDBxFile(io.StringIO(text)).topology
