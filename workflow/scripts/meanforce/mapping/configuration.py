"""Beads of a mapping on an atomistic topology."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import mdtraj
import numpy as np

from meanforce.core.beads import Beads, MoleculeBeads
from meanforce.core.molecule_type import MoleculeType
from meanforce.errors import InputError
from meanforce.mapping import graph as molecular
from meanforce.mapping.bead_weights import bead_masses, bead_weights, element_masses
from meanforce.mapping.molecules import Copies, Molecules
from meanforce.mapping.names import find_atoms
from meanforce.mapping.residue_beads import ChosenBeads, beads_by_residue
from meanforce.mapping.stereo import Centre, same_in_all, stereo_centers
from meanforce.mapping.templates import TEMPLATES
from meanforce.mapping.unwrap import bond_tree, make_whole
from meanforce.mapping.virtual_sites import refuse_virtual_sites
from meanforce.settings.mappings import MappingSettings, MoleculeMappingSettings, Weights
from meanforce.systems.atoms import Atoms


def build_beads(
    settings: MappingSettings, topology: mdtraj.Topology, where: str, start: Atoms | None = None
) -> Beads:
    """Beads of a mapping on a topology.

    Beads of molecule types follow each other in the order of the types' first molecules.

    Args:
        settings: the mapping.
        topology: of the atomistic system, with bonds.
        where: config key, for messages.
        start: charges, for weights by charge, masses, and the start structure, from which stereo
            centres are found; without it there are no charges and centres, and masses are those of
            the elements.

    Raises:
        InputError: molecules or atoms do not exist, atoms are in two beads, or have no charges or
            weights.
    """
    if start is not None and len(start.positions) != topology.n_atoms:
        raise InputError(
            f"{where}: the system has {len(start.positions)} atoms, but its topology "
            f"{topology.n_atoms}"
        )
    if settings.molecules is None:
        one = _OneMolecule(settings, settings.weights, settings.masses, topology, where)
        return Beads.of_beads(**one.beads(start))
    molecules, parts = Molecules(topology), []
    weights = settings.weights_of_molecules
    for name, chosen in settings.molecules.items():
        place = f"{where}.molecules.{name}"
        copies = molecules.copies(name, place)
        one = _OneMolecule(chosen, weights[name], settings.masses, copies.topology, place)
        parts.append(_repeated(name, one, copies, start))
    return Beads(tuple(sorted(parts, key=lambda part: part.first_atoms[0])))


def _repeated(name: str, one: "_OneMolecule", copies: Copies, start: Atoms | None) -> MoleculeBeads:
    """Beads of all molecules of a type."""
    first = None
    if start is not None:
        own = np.add.outer(copies.first_atoms, np.arange(one.topology.n_atoms))
        first = start.part(own[0])
    beads = one.beads(first)
    types = beads["types"]
    if one.settings.types is not None:
        types = _given_types(name, beads["names"], one.settings.types)
    elif one.settings.beads is not None and (first is None or first.bead_types is None):
        types = _named_types(name, beads["names"], types)
    centres = beads["stereo"]
    if centres:
        positions = one.positions(start.positions[own], start.box, beads)
        centres = same_in_all(centres, positions)
    return MoleculeBeads(
        molecule=MoleculeType(name, beads["names"], types, beads["bonds"], centres),
        atoms=beads["atoms"],
        weights=beads["weights"],
        masses=tuple(beads["masses"].tolist()),
        residues=beads["residues"],
        first_atoms=copies.first_atoms,
        first_residues=copies.first_residues,
    )


@dataclasses.dataclass(frozen=True)
class _OneMolecule:
    """A solute, or one molecule of a type, and how it is mapped.

    Attributes:
        settings: which beads it has.
        weights: of their atoms.
        masses: kind of bead masses.
        topology: of the molecule.
        where: config key, for messages.
    """

    settings: MappingSettings | MoleculeMappingSettings
    weights: Weights
    masses: str
    topology: mdtraj.Topology
    where: str

    def beads(self, start: Atoms | None) -> dict[str, Any]:
        """Arguments of `Beads.of_beads`."""
        topology, where = self.topology, self.where
        chosen = _chosen(self.settings, topology, where)
        selected = chosen.atoms
        _refuse_overlap(selected, topology, where)
        refuse_virtual_sites(selected, topology, where)
        own = None if start is None else start.bead_types
        given_masses = None if start is None else start.masses
        all_masses = element_masses(topology) if given_masses is None else given_masses
        charges = None if start is None else start.charges
        atoms, weights = [], []
        for name, members in selected.items():
            given = {name: chosen.weights[name]} if name in chosen.weights else self.weights
            row = bead_weights(given, name, members, all_masses, charges, where)
            # Always in the same order, so that equal beads compare as equal.
            order = np.argsort(members)
            atoms.append(tuple(members[k] for k in order))
            weights.append(tuple(row[order].tolist()))
        graph = molecular.neighbours(topology)
        first = [topology.atom(members[0]).residue for members in atoms]
        types = self._types(atoms, graph) if own is None else _joined(own, atoms)
        beads = {
            "names": tuple(selected),
            "atoms": tuple(atoms),
            "weights": tuple(weights),
            "bonds": chosen.bonds(molecular.bead_bonds(atoms, graph)),
            "masses": bead_masses(self.masses, atoms, weights, all_masses, topology, graph),
            "types": tuple(
                chosen.types.get(name, kind) for name, kind in zip(selected, types, strict=True)
            ),
            "residues": tuple((residue.name, residue.index) for residue in first),
        }
        stereo: tuple[Centre, ...] = ()
        # The start structure of beads carries no meaning.
        if start is not None and own is None:
            positions = self.positions(start.positions[None], start.box, beads)[0]
            stereo = stereo_centers(atoms, topology, graph, positions)
        return beads | {"stereo": stereo}

    def _types(self, atoms: Sequence[Sequence[int]], graph: molecular.Graph) -> tuple[str, ...]:
        """Types of beads; within a molecule type, beads equivalent in its graph share a type."""
        first: dict[int, int] = {}
        if isinstance(self.settings, MoleculeMappingSettings):
            same = molecular.equivalence(self.topology, graph, range(self.topology.n_atoms))
            number: dict[int, int] = {}
            first = {atom: number.setdefault(same[atom], atom) for atom in same}
        return tuple(
            molecular.bead_type([first.get(i, i) for i in members], self.topology, graph)
            for members in atoms
        )

    def positions(
        self, frames: np.ndarray, box: np.ndarray | None, beads: dict[str, Any]
    ) -> np.ndarray:
        """Positions of beads, shape (n, n_beads, 3), from those of atoms, (n, n_atoms, 3)."""
        whole = make_whole(frames.copy(), bond_tree(self.topology, beads["atoms"]), box)
        each = zip(beads["atoms"], beads["weights"], strict=True)
        return np.stack(
            [np.einsum("i,nid->nd", row, whole[:, list(atoms)]) for atoms, row in each], axis=1
        )


def _named_types(name: str, beads: Sequence[str], types: Sequence[str]) -> tuple[str, ...]:
    """Types called by the molecule type and the first bead of each, such as HOH-W.

    Those from atoms are longer (`HOH-H1(O:H)+HOH-H1(O:H)+HOH-O(H,H)`), and names of metrics, tables
    and figures contain them.
    """
    first: dict[str, str] = {}
    return tuple(
        first.setdefault(kind, f"{name}-{bead}") for kind, bead in zip(types, beads, strict=True)
    )


def _given_types(name: str, beads: Sequence[str], types: dict[str, list[str]]) -> tuple[str, ...]:
    """Types of the settings, called by the molecule type and their own name, such as C24-end."""
    of_bead = {bead: f"{name}-{kind}" for kind, members in types.items() for bead in members}
    return tuple(of_bead[bead] for bead in beads)


def _joined(types: Sequence[str], atoms: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """Types of beads of beads."""
    return tuple("+".join(sorted(types[i] for i in members)) for members in atoms)


def _chosen(
    settings: MappingSettings | MoleculeMappingSettings, topology: mdtraj.Topology, where: str
) -> ChosenBeads:
    """Atoms of each bead, in the order in which its weights are given."""
    if settings.template_file is not None:
        at = f"{where}.template_file"
        chosen = beads_by_residue(settings.template_file, topology, at)
        if not chosen.atoms:
            raise InputError(f"{at}: '{settings.template_file}' gives this system no beads")
        return chosen
    if settings.template is None:
        return ChosenBeads(
            {
                name: find_atoms(topology, wanted, f"{where}.beads.{name}")
                for name, wanted in settings.beads.items()
            }
        )
    selected = TEMPLATES[settings.template](topology)
    if not selected:
        raise InputError(
            f"{where}: the template '{settings.template}' finds no atom of this system"
        )
    return ChosenBeads(selected)


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
