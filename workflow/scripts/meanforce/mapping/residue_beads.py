"""Beads by residue, from a file of the user."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import mdtraj
from pydantic import ValidationError

from meanforce.errors import InputError
from meanforce.mapping.names import residue_labels
from meanforce.settings.load import explain
from meanforce.settings.residue_beads import ResidueBeadsSettings, TemplateFileSettings
from meanforce.settings.yaml_file import read_yaml


@dataclasses.dataclass(frozen=True)
class ChosenBeads:
    """Beads and what is given for them.

    Attributes:
        atoms: of each bead, by its name, in the order of their weights.
        weights: of the atoms of beads for which they are given.
        types: of beads for which they are given.
        bonded: pairs of beads, by their names, that are bonded within residues that list them.
        listed: groups of beads, by their names, whose bonds with each other are all in `bonded`.
    """

    atoms: dict[str, list[int]]
    weights: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    types: dict[str, str] = dataclasses.field(default_factory=dict)
    bonded: tuple[tuple[str, str], ...] = ()
    listed: tuple[tuple[str, ...], ...] = ()

    def bonds(self, found: Sequence[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
        """Bonds of beads by their numbers, from those that the bonds of atoms give."""
        number = {name: k for k, name in enumerate(self.atoms)}
        group = {number[name]: k for k, names in enumerate(self.listed) for name in names}
        kept = {
            (i, j) for i, j in found if i not in group or j not in group or group[i] != group[j]
        }
        pairs = (sorted((number[one], number[other])) for one, other in self.bonded)
        return tuple(sorted(kept | {(i, j) for i, j in pairs}))


def read_template(path: str, where: str) -> dict[str, ResidueBeadsSettings]:
    """Beads of each residue in a file.

    Args:
        path: of the YAML file.
        where: config key, for messages.

    Raises:
        InputError: it is missing or damaged, or has unknown keys or wrong values.
    """
    try:
        values = read_yaml(Path(path), "template file")
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    try:
        return TemplateFileSettings.model_validate(values).residues
    except ValidationError as error:
        first = explain(error, TemplateFileSettings).splitlines()[0]
        raise InputError(f"{where}: '{path}': {first}") from None


def beads_by_residue(path: str, topology: mdtraj.Topology, where: str) -> ChosenBeads:
    """Beads of all residues of the solute, named RESIDUE+NUMBER-BEAD.

    Args:
        path: of the file.
        topology: of the system.
        where: config key, for messages.

    Raises:
        InputError: the file does not have a residue, or a residue does not have an atom.
    """
    templates = read_template(path, where)
    atoms: dict[str, list[int]] = {}
    weights, types, bonded, listed = {}, {}, [], []
    for index, label in residue_labels(topology).items():
        residue = topology.residue(index)
        if residue.name not in templates:
            raise InputError(
                f"{where}: '{path}' has no residue '{residue.name}', such as {label} of this "
                f"system; it has {', '.join(templates)} (a residue without beads has 'beads: {{}}')"
            )
        own = templates[residue.name]
        names = {bead: f"{label}-{bead}" for bead in own.beads}
        for bead, members in own.beads.items():
            atoms[names[bead]] = _found(residue, bead, members, label, f"{where}: '{path}'")
        weights |= {names[bead]: row for bead, row in own.weights.items()}
        types |= {names[bead]: kind for bead, kind in own.types.items()}
        if own.bonds is not None:
            listed.append(tuple(names.values()))
            bonded += [(names[one], names[other]) for one, other in own.bonds]
    return ChosenBeads(atoms, weights, types, tuple(bonded), tuple(listed))


def _found(
    residue: mdtraj.core.topology.Residue, bead: str, members: list[str], label: str, where: str
) -> list[int]:
    index = {atom.name: atom.index for atom in residue.atoms}
    for name in members:
        if name not in index:
            raise InputError(
                f"{where}: bead '{bead}' of residue '{residue.name}' has the atom '{name}', which "
                f"{label} does not have; its atoms are {', '.join(index)}"
            )
        if members.count(name) > 1:
            raise InputError(
                f"{where}: bead '{bead}' of residue '{residue.name}' has the atom '{name}' twice"
            )
    return [index[name] for name in members]
