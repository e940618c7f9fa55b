"""Collective variables of whole structures, with the beads and structures that they compare."""

import mdtraj
import numpy as np

from meanforce.core.bead_functions.arrays import NUMPY
from meanforce.core.bead_functions.registry import bead_function
from meanforce.core.beads import Beads
from meanforce.core.molecules import Molecules
from meanforce.errors import InputError
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.systems.reference_structures import read_structures

FURTHEST = 1.5
"""Distance in nm of bonded beads beyond which a structure is taken to be cut by a box."""

MOST_VALUES = 300_000
"""Most numbers in all structures of a variable."""


def complete(
    variable: CollectiveVariableSettings, beads: Beads, topology: mdtraj.Topology, where: str
) -> CollectiveVariableSettings:
    """The variable with the names of its beads, their residues, and their positions in references.

    Args:
        variable: settings from the config.
        beads: of its mapping.
        topology: of the atoms.
        where: the variable in the config, for messages.

    Raises:
        InputError: a bead or a file does not exist, or a file does not fit.
    """
    facts = variable.function
    if facts is None:
        return variable
    names = list(variable.beads or beads.names)
    chosen = [beads.index(name, f"{where}.beads") for name in names]
    if len(chosen) < facts.fewest:
        raise InputError(
            f"{where}.beads: a {variable.kind} takes at least {facts.fewest} beads, but mapping "
            f"'{variable.mapping}' has {len(chosen)}"
        )
    structures = None
    if variable.references is not None:
        structures = _structures(variable, beads, chosen, topology, f"{where}.references")
    residues = [topology.atom(beads.atoms[bead][0]).residue.index for bead in chosen]
    filled = {"beads": names, "structures": structures, "residues": residues}
    completed = variable.model_copy(update=filled)
    try:
        bead_function(completed, NUMPY)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return completed


def check_one_piece(variable: CollectiveVariableSettings, beads: Beads, where: str) -> None:
    """Refuse beads of several molecules, whose nearest images change in a periodic box.

    Args:
        variable: complete.
        beads: of its mapping.
        where: the variable in the config, for messages.

    Raises:
        InputError: the beads are those of several molecules.
    """
    owner = Molecules.of(beads.topology).owner
    if len({owner[beads.names.index(name)] for name in variable.beads}) > 1:
        raise InputError(
            f"{where}.beads: are those of several molecules in a periodic box, but a "
            f"{variable.kind} is a function of one molecule; name the 'beads' of one"
        )


def _structures(
    variable: CollectiveVariableSettings,
    beads: Beads,
    chosen: list[int],
    topology: mdtraj.Topology,
    where: str,
) -> list[list[tuple[float, float, float]]]:
    """Positions of the chosen beads in all structures of the files, in order."""
    matrix = beads.matrix(topology.n_atoms)[chosen]
    needed = np.unique(matrix.indices)
    own = matrix[:, needed].toarray()
    found, place = [], {bead: number for number, bead in enumerate(chosen)}
    bonds = [(place[i], place[j]) for i, j in beads.bonds if i in place and j in place]
    for path in variable.references:
        for number, frame in enumerate(read_structures(path, topology, needed, where), 1):
            # What is left of the weights' rounding has no meaning either.
            positions = (own @ frame[needed]).round(6)
            for i, j in bonds:
                if np.linalg.norm(positions[i] - positions[j]) > FURTHEST:
                    raise InputError(
                        f"{where}: in structure {number} of '{path}' the bonded beads "
                        f"{beads.names[chosen[i]]} and {beads.names[chosen[j]]} are more than "
                        f"{FURTHEST:g} nm apart; make the molecule whole, for example with "
                        "'gmx trjconv -pbc mol'"
                    )
            found.append([tuple(row) for row in positions.tolist()])
    one = variable.function.references == "one"
    if (len(found) != 1) if one else (len(found) < 2):
        wanted = "one structure" if one else "two structures at least"
        raise InputError(
            f"{where}: a {variable.kind} takes {wanted}, but the files have {len(found)}"
        )
    if 3 * len(chosen) * len(found) > MOST_VALUES:
        raise InputError(
            f"{where}: {len(found)} structures of {len(chosen)} beads are too many; name fewer "
            "'beads', or take fewer structures"
        )
    return found
