"""Records of beads in `topology.cif`, for systems whose atoms are beads.

mmCIF readers complete residues that they recognise: atoms of ALA get its standard names and bonds,
and elements are needed for masses. Beads are none of that. So the file has a category of its own
beside the usual ones, and the topology is made from this alone.
"""

from pathlib import Path

from openmm import app

from meanforce.systems import structure_file

BEADS = "_meanforce_bead"
BONDS = "_meanforce_bond"
COLUMNS = ("chain", "residue", "residue_number", "name", "type")


def with_records(text: str, topology: app.Topology, types: tuple[str, ...]) -> str:
    """An mmCIF file with records of beads in front, so that a file cut short has too few atoms."""
    head, _, rest = text.partition("\n")
    return f"{head}\n{_records(topology, types)}{rest}"


def _records(topology: app.Topology, types: tuple[str, ...]) -> str:
    """Beads, and numbers of the bonded ones from 0."""
    lines = ["loop_", *(f"{BEADS}.{column}" for column in COLUMNS)]
    for atom, kind in zip(topology.atoms(), types, strict=True):
        residue = atom.residue
        # Types are quoted, as they may begin with characters that have a meaning in mmCIF.
        lines.append(f'{residue.chain.id} {residue.name} {residue.id} {atom.name} "{kind}"')
    lines.append("#")
    bonds = [(first.index, second.index) for first, second in topology.bonds()]
    if bonds:
        lines += ["loop_", f"{BONDS}.first", f"{BONDS}.second"]
        lines += [f"{first} {second}" for first, second in bonds]
        lines.append("#")
    return "\n".join(lines) + "\n"


def read_topology(path: Path) -> tuple[app.Topology, tuple[str, ...] | None]:
    """Topology of an mmCIF file, and types of its atoms if they are beads.

    Raises:
        OSError, LookupError, ValueError: the file is missing or damaged.
    """
    text = path.read_text(encoding="utf-8")
    try:
        if f"{BEADS}." not in text:
            return structure_file.read_topology(path), None
        topology = app.PDBxFile(str(path)).topology
    except AttributeError as error:  # OpenMM's reader, if there is no atom
        raise ValueError("it has no atoms") from error
    rows = _rows(text, BEADS, len(COLUMNS))
    if len(rows) != topology.getNumAtoms():
        raise ValueError(f"it has records of {len(rows)} beads, not {topology.getNumAtoms()}")
    made, residue, last = app.Topology(), None, None
    atoms, types = [], []
    for chain_id, name, number, bead, kind in rows:
        if last is None or chain_id != last[0]:
            chain, last = made.addChain(chain_id), (chain_id, None)
        if last[1] != (name, number):
            residue, last = made.addResidue(name, chain, number), (chain_id, (name, number))
        atoms.append(made.addAtom(bead, None, residue))
        types.append(kind[1:-1])
    for first, second in _rows(text, BONDS, 2):
        made.addBond(atoms[int(first)], atoms[int(second)])
    made.setPeriodicBoxVectors(topology.getPeriodicBoxVectors())
    return made, tuple(types)


def _rows(text: str, category: str, columns: int) -> list[list[str]]:
    """Rows of a loop that `with_records` wrote; none without it."""
    _, found, rest = text.rpartition(f"{category}.")
    if not found:
        return []
    body, end, _ = rest.partition("\n#")
    if not end:
        raise ValueError("it was cut short")
    rows = [line.split() for line in body.split("\n")[1:]]
    if any(len(row) != columns for row in rows):
        raise ValueError(f"records of {category} are damaged")
    return rows
