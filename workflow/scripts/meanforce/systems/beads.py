"""Builder of systems of kind `beads`: masses, names and bonds, without forces."""

from pathlib import Path

import numpy as np
import openmm
import yaml
from openmm import app, unit
from pydantic import ValidationError

from meanforce.errors import InputError
from meanforce.settings.load import explain
from meanforce.settings.systems.beads import (
    BeadMoleculeSettings,
    BeadsSettings,
    CompositionSettings,
)
from meanforce.systems.prepared import Prepared

SPACING = 0.5
"""Distance of beads in the start structure without a box, nm."""


def build(settings: BeadsSettings, seed: int = 0) -> Prepared:
    """Beads on a cubic lattice; each molecule is a chain of its own.

    The positions carry no meaning: what a CG model starts from are frames of the data.

    Raises:
        InputError: the file of the beads cannot be read, or its contents are wrong.
    """
    system, topology, types = openmm.System(), app.Topology(), []
    number = 0
    for part in settings.composition or read_composition(settings.file):
        for _ in range(part.count):
            number += 1
            types += _add(part, system, topology, str(number))
    edge = _per_edge(len(types))
    step = np.full(3, SPACING)
    if settings.box is not None:
        vectors = np.diag(settings.box)
        step = np.array(settings.box) / edge
        system.setDefaultPeriodicBoxVectors(*vectors)
        topology.setPeriodicBoxVectors(vectors * unit.nanometer)
    places = np.array(np.unravel_index(np.arange(len(types)), (edge, edge, edge))).T
    return Prepared(system, topology, places * step * unit.nanometer, tuple(types))


def _add(
    part: BeadMoleculeSettings, system: openmm.System, topology: app.Topology, chain_id: str
) -> list[str]:
    """Add one molecule, and return the types of its beads."""
    chain = topology.addChain(chain_id)
    atoms: dict[str, app.topology.Atom] = {}
    types, last, residue = [], None, None
    for bead in part.beads:
        here = (bead.residue or part.name, str(bead.residue_number))
        if here != last:
            residue = topology.addResidue(here[0], chain, here[1])
            last = here
        system.addParticle(bead.mass)
        # No element: a bead's mass and type are its own.
        atoms[bead.name] = topology.addAtom(bead.name, None, residue)
        types.append(bead.type or "-".join(filter(None, (bead.residue, bead.name))))
    for first, second in part.bonds:
        topology.addBond(atoms[first], atoms[second])
    return types


def _per_edge(n_beads: int) -> int:
    """Smallest number of lattice sites along an edge of a cube that holds all beads."""
    edge = max(1, round(n_beads ** (1 / 3)))
    return edge if edge**3 >= n_beads else edge + 1


def read_composition(path: str) -> list[BeadMoleculeSettings]:
    """Molecules from a JSON or YAML file.

    Raises:
        InputError: the file is missing, is neither, or a value in it is wrong.
    """
    try:
        # JSON is a part of YAML.
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"file: the file '{path}' does not exist") from None
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        raise InputError(f"file: '{path}' is neither JSON nor YAML ({error})") from error
    try:
        return CompositionSettings.model_validate(values).composition
    except ValidationError as error:
        raise InputError(
            f"file: '{path}' is wrong: {explain(error, CompositionSettings)}"
        ) from error
