"""Configuration maps: R = M r with rows of M that sum to 1."""

import dataclasses
import difflib
import re

import mdtraj
import numpy as np

from meanforce.errors import InputError
from meanforce.mapping.solvent import solute_atoms
from meanforce.mapping.templates import TEMPLATES
from meanforce.settings.mappings import Mapping


@dataclasses.dataclass(frozen=True)
class Beads:
    """Beads of one mapping.

    Attributes:
        names: bead names, n_beads of them.
        atoms: atom indices of each bead.
        weights: weights of these atoms in the bead's position; each array sums to 1.
        bonds: pairs of bead indices joined by the molecule's graph, first < second.
        masses: u, shape (n_beads,); of the atoms, and of hydrogens bonded to them.
    """

    names: tuple[str, ...]
    atoms: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    bonds: tuple[tuple[int, int], ...]
    masses: np.ndarray

    def matrix(self, n_atoms: int) -> np.ndarray:
        """M, shape (n_beads, n_atoms)."""
        matrix = np.zeros((len(self.names), n_atoms))
        for row, (atoms, weights) in enumerate(zip(self.atoms, self.weights, strict=True)):
            matrix[row, list(atoms)] = weights
        return matrix

    def index(self, name: str, where: str) -> int:
        """Position of a bead by its name.

        Raises:
            InputError: there is no such bead.
        """
        if name not in self.names:
            near = difflib.get_close_matches(name, self.names, n=3)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise InputError(
                f"{where}: there is no bead '{name}'; known: {', '.join(self.names)}{hint}"
            )
        return self.names.index(name)


def build_beads(settings: Mapping, topology: mdtraj.Topology, where: str) -> Beads:
    """Beads of a mapping on a topology.

    Args:
        settings: the mapping.
        topology: of the atomistic system, with bonds.
        where: config key, for messages.

    Raises:
        InputError: a selection is wrong, empty, or shares atoms with another bead.
    """
    if settings.template is not None:
        selected = TEMPLATES[settings.template](topology)
    else:
        selected = {
            name: _select(topology, text, f"{where}.beads.{name}")
            for name, text in settings.beads.items()
        }
    if not selected:
        raise InputError(
            f"{where}: the template '{settings.template}' finds no atom of this system"
        )
    _refuse_overlap(selected, topology, where)
    names = tuple(selected)
    atoms = tuple(tuple(selected[name]) for name in names)
    masses = np.array([_mass(atom) for atom in topology.atoms])
    weights = []
    for members in atoms:
        row = masses[list(members)] if settings.weights == "mass" else np.ones(len(members))
        weights.append(tuple((row / row.sum()).tolist()))
    owned = [_with_hydrogens(members, topology) for members in atoms]
    return Beads(
        names=names,
        atoms=atoms,
        weights=tuple(weights),
        bonds=_bead_bonds(atoms, topology),
        masses=np.array([masses[list(members)].sum() for members in owned]),
    )


def _mass(atom) -> float:
    return max(float(atom.element.mass), 1.0)


def _select(topology: mdtraj.Topology, text: str, where: str) -> list[int]:
    try:
        selected = {int(i) for i in topology.select(text)}
    except Exception as error:  # MDTraj's parser raises many unrelated types
        raise InputError(f"{where}: '{text}' is not an MDTraj selection") from error
    solute = solute_atoms(topology)
    indices = [i for i in solute if i in selected]
    if not indices:
        known = sorted({topology.atom(i).name for i in solute})
        wanted = re.findall(r"[A-Z][A-Z0-9]*", text)
        near = [m for word in wanted for m in difflib.get_close_matches(word, known, n=2)]
        hint = f" (nearest: {', '.join(dict.fromkeys(near))})" if near else ""
        raise InputError(
            f"{where}: '{text}' selects no atom; atom names here: {', '.join(known)}{hint}"
        )
    return indices


def _refuse_overlap(selected: dict[str, list[int]], topology: mdtraj.Topology, where: str) -> None:
    owner: dict[int, str] = {}
    for name, atoms in selected.items():
        for atom in atoms:
            if atom in owner:
                raise InputError(
                    f"{where}: atom {topology.atom(atom)} is in bead '{owner[atom]}' and in bead "
                    f"'{name}'; an atom may belong to one bead only"
                )
            owner[atom] = name


def _neighbours(topology: mdtraj.Topology) -> dict[int, set[int]]:
    graph: dict[int, set[int]] = {atom.index: set() for atom in topology.atoms}
    for first, second in topology.bonds:
        graph[first.index].add(second.index)
        graph[second.index].add(first.index)
    return graph


def _with_hydrogens(atoms: tuple[int, ...], topology: mdtraj.Topology) -> set[int]:
    graph = _neighbours(topology)
    owned = set(atoms)
    for atom in atoms:
        owned |= {i for i in graph[atom] if topology.atom(i).element.symbol == "H"}
    return owned


def _bead_bonds(
    atoms: tuple[tuple[int, ...], ...], topology: mdtraj.Topology
) -> tuple[tuple[int, int], ...]:
    owner = {atom: bead for bead, members in enumerate(atoms) for atom in members}
    bonds = set()
    for first, second in topology.bonds:
        a, b = owner.get(first.index), owner.get(second.index)
        if a is not None and b is not None and a != b:
            bonds.add((min(a, b), max(a, b)))
    return tuple(sorted(bonds))
