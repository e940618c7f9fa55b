"""Beads as data files of LAMMPS: box, masses, atoms, velocities and bonded terms; real units.

The parts that stay the same while beads move are made once.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.tables.curve_tables import AnyTable
from meanforce.tables.lammps import ANGSTROM

FEMTOSECONDS = 1000.0
"""fs per ps."""

SPEED = ANGSTROM / FEMTOSECONDS
"""Å/fs per nm/ps."""

TITLES = {"bonds": "Bonds", "angles": "Angles", "dihedrals": "Dihedrals"}

DIGITS = "%.17g"
"""Doubles come back as they were."""


class DataFile:
    """Writes data files of one system.

    Args:
        molecule: the beads; atom types are its bead types in order of appearance.
        tables: of the potential's curves, as for `write_tables`.
        masses: u, shape (n_beads,).
        cell: nm, shape (3, 3): the first vector along x, the second in the plane of x and y.

    Raises:
        InputError: bonds have no curve; beads of one type have different masses.
    """

    def __init__(
        self,
        molecule: Topology,
        tables: Sequence[AnyTable],
        masses: np.ndarray,
        cell: np.ndarray,
    ) -> None:
        kinds = list(dict.fromkeys(molecule.types))
        self._types = np.array([kinds.index(one) + 1 for one in molecule.types])
        self._molecules = molecule.molecule_of_bead + 1
        bonded = {kind: [table for table in tables if table.kind == kind] for kind in TITLES}
        if sum(len(table.beads) for table in bonded["bonds"]) < len(molecule.bonds):
            raise InputError(
                "LAMMPS needs a curve for every bond, which the potential does not have; "
                "set 'terms.bonds', or use another program"
            )
        counts = [f"{molecule.size} atoms", f"{len(kinds)} atom types"]
        for kind, own in bonded.items():
            if own:
                number = sum(len(table.beads) for table in own)
                counts += [f"{number} {kind}", f"{len(own)} {kind[:-1]} types"]
        (xx, _, _), (xy, yy, _), (xz, yz, zz) = (ANGSTROM * np.asarray(cell)).tolist()
        lines = ["beads of a CG model", "", *counts, ""]
        edges = {"x": xx, "y": yy, "z": zz}
        lines += [f"0 {edge:.17g} {axis}lo {axis}hi" for axis, edge in edges.items()]
        if (xy, xz, yz) != (0.0, 0.0, 0.0):
            lines.append(f"{xy:.17g} {xz:.17g} {yz:.17g} xy xz yz")
        lines += ["", "Masses", ""]
        for number in range(1, len(kinds) + 1):
            own = np.unique(masses[self._types == number])
            if len(own) > 1:
                raise InputError(
                    f"beads of type '{kinds[number - 1]}' have different masses "
                    f"({own[0]:g} to {own[-1]:g} u), but LAMMPS has one mass for each type"
                )
            lines.append(f"{number} {own[0]:.17g}")
        self._head = "\n".join(lines) + "\n"
        # Atoms come before what connects them.
        self._tail = "".join(
            "\n".join(["", TITLES[kind], "", *_coordinates(own), ""])
            for kind, own in bonded.items()
            if own
        )

    def write(self, path: Path, positions: np.ndarray, velocities: np.ndarray) -> None:
        """Write beads at positions, nm, with velocities, nm/ps, each of shape (n_beads, 3)."""
        ids = np.arange(1, len(positions) + 1)
        atoms = np.column_stack([ids, self._molecules, self._types, ANGSTROM * positions])
        with path.open("w") as file:
            file.write(self._head)
            file.write("\nAtoms # molecular\n\n")
            file.write(_rows(atoms, ["%d"] * 3 + [DIGITS] * 3))
            file.write("\nVelocities\n\n")
            speeds = np.column_stack([ids, SPEED * velocities])
            file.write(_rows(speeds, ["%d"] + [DIGITS] * 3))
            file.write(self._tail)


def _rows(values: np.ndarray, formats: list[str]) -> str:
    """What `numpy.savetxt` writes, in half of its time, which is the larger part of a start."""
    return (" ".join(formats) + "\n") * len(values) % tuple(values.ravel().tolist())


def _coordinates(tables: list[AnyTable]) -> list[str]:
    """Number, type and atoms of each coordinate, counted from 1."""
    lines = []
    for kind, table in enumerate(tables, 1):
        for beads in table.beads:
            atoms = " ".join(str(bead + 1) for bead in beads)
            lines.append(f"{len(lines) + 1} {kind} {atoms}")
    return lines
