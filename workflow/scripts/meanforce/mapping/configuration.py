"""Configuration maps: R = M r with rows of M that sum to 1."""

import dataclasses
import difflib

import mdtraj
import numpy as np

from meanforce.errors import InputError
from meanforce.mapping import graph as molecular
from meanforce.mapping.bead_weights import atom_masses, bead_masses, bead_weights
from meanforce.mapping.names import find_atoms
from meanforce.mapping.stereo import Centre, stereo_centers
from meanforce.mapping.templates import TEMPLATES
from meanforce.mapping.unwrap import bond_tree, make_whole
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.atoms import Atoms


@dataclasses.dataclass(frozen=True)
class Beads:
    """Beads of one mapping.

    Attributes:
        names: bead names, n_beads of them.
        atoms: atom indices of each bead, ascending.
        weights: weights of these atoms in the bead's position; each array sums to 1.
        bonds: pairs of bead indices joined by the molecule's graph, first < second.
        masses: u, shape (n_beads,).
        types: of each bead; the same for chemically equal beads of different residues.
        residues: name and index (from 0, in the topology) of the residue of each bead's first
            atom.
        stereo: stereo centres, where the start structure is known.
    """

    names: tuple[str, ...]
    atoms: tuple[tuple[int, ...], ...]
    weights: tuple[tuple[float, ...], ...]
    bonds: tuple[tuple[int, int], ...]
    masses: np.ndarray
    types: tuple[str, ...] = ()
    residues: tuple[tuple[str, int], ...] = ()
    stereo: tuple[Centre, ...] = ()

    @property
    def n_molecules(self) -> int:
        """Number of connected components of the beads' graph."""
        graph: list[tuple[int, ...]] = [() for _ in self.names]
        for i, j in self.bonds:
            graph[i] += (j,)
            graph[j] += (i,)
        return len(molecular.molecules(range(len(self.names)), graph))

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


def build_beads(
    settings: MappingSettings, topology: mdtraj.Topology, where: str, start: Atoms | None = None
) -> Beads:
    """Beads of a mapping on a topology.

    Args:
        settings: the mapping.
        topology: of the atomistic system, with bonds.
        where: config key, for messages.
        start: charges, which weights by charge need, and the start structure, which stereo
            centres are seen in; None: there are none of them.

    Raises:
        InputError: atoms do not exist, are in two beads, or have no charges or weights.
    """
    if start is not None and len(start.positions) != topology.n_atoms:
        raise InputError(
            f"{where}: the system has {len(start.positions)} atoms, but its topology "
            f"{topology.n_atoms}"
        )
    selected = _selected(settings, topology, where)
    _refuse_overlap(selected, topology, where)
    all_masses = atom_masses(topology)
    charges = None if start is None else start.charges
    atoms, weights = [], []
    for name, members in selected.items():
        row = bead_weights(settings, name, members, all_masses, charges, where)
        # In one order, whichever they were given in: then equal beads are seen to be equal.
        order = np.argsort(members)
        atoms.append(tuple(members[k] for k in order))
        weights.append(tuple(row[order].tolist()))
    graph = molecular.neighbours(topology)
    first = [topology.atom(members[0]).residue for members in atoms]
    beads = Beads(
        names=tuple(selected),
        atoms=tuple(atoms),
        weights=tuple(weights),
        bonds=molecular.bead_bonds(atoms, graph),
        masses=bead_masses(settings.masses, atoms, weights, all_masses, topology, graph),
        types=tuple(molecular.bead_type(members, topology, graph) for members in atoms),
        residues=tuple((residue.name, residue.index) for residue in first),
    )
    if start is None:
        return beads
    whole = make_whole(start.positions[None].copy(), bond_tree(topology, atoms), start.box)
    positions = beads.matrix(topology.n_atoms) @ whole[0]
    return dataclasses.replace(beads, stereo=stereo_centers(atoms, topology, graph, positions))


def _selected(
    settings: MappingSettings, topology: mdtraj.Topology, where: str
) -> dict[str, list[int]]:
    """Atoms of each bead, in the order in which its weights are given."""
    if settings.template is None:
        return {
            name: find_atoms(topology, wanted, f"{where}.beads.{name}")
            for name, wanted in settings.beads.items()
        }
    selected = TEMPLATES[settings.template](topology)
    if not selected:
        raise InputError(
            f"{where}: the template '{settings.template}' finds no atom of this system"
        )
    return selected


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
