"""A start for LAMMPS beside the tables: a data file of the beads, and a script that runs them."""

from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.export.lammps import ANGSTROM
from meanforce.export.tables import Table

SETUP = 2
"""Lines of `potential.in` that come before there is a box."""

ROOM = 50.0
"""Å between the beads and the walls of the box, which is not periodic."""

TITLES = {"bonds": "Bonds", "angles": "Angles", "dihedrals": "Dihedrals"}

SCRIPT = """\
# lmp -in in.run; writes trajectory.dump. CG time is not physical time.
{setup}
boundary f f f
read_data beads.data
{commands}
velocity all create {temperature:g} 1 dist gaussian
fix thermostat all langevin {temperature:g} {temperature:g} 500.0 2
fix move all nve
timestep 1.0
thermo 1000
thermo_style custom step temp pe ke
thermo_modify format float %.10g
dump positions all custom 1000 trajectory.dump id type x y z
run 10000
"""


def write_start(
    molecule: Topology,
    tables: list[Table],
    masses: np.ndarray,
    positions: np.ndarray,
    folder: Path,
) -> list[Path]:
    """Write `beads.data` and `in.run` beside the files that `write_lammps` wrote.

    Args:
        molecule: the beads.
        tables: of the potential's curves.
        masses: of the beads, u, shape (n_beads,).
        positions: of the beads, nm, shape (n_beads, 3).
        folder: with `potential.in`.

    Returns:
        the two files.

    Raises:
        InputError: beads of a type have different masses.
    """
    data, script = folder / "beads.data", folder / "in.run"
    data.write_text(_data(molecule, tables, masses, ANGSTROM * positions), encoding="utf-8")
    lines = (folder / "potential.in").read_text(encoding="utf-8").splitlines()
    text = SCRIPT.format(
        setup="\n".join(lines[:SETUP]),
        commands="\n".join(lines[SETUP:]),
        temperature=tables[0].temperature,
    )
    script.write_text(text, encoding="utf-8")
    return [data, script]


def _data(
    molecule: Topology, tables: list[Table], masses: np.ndarray, positions: np.ndarray
) -> str:
    kinds = list(dict.fromkeys(molecule.types))
    types = np.array([kinds.index(one) + 1 for one in molecule.types])
    bonded = {kind: [table for table in tables if table.kind == kind] for kind in TITLES}
    lines = ["beads of a CG model", "", f"{molecule.size} atoms", f"{len(kinds)} atom types"]
    for kind, own in bonded.items():
        if own:
            count = sum(len(table.beads) for table in own)
            lines += [f"{count} {kind}", f"{len(own)} {kind[:-1]} types"]
    low, high = positions.min(0) - ROOM, positions.max(0) + ROOM
    ends = zip(low, high, "xyz", strict=True)
    lines += ["", *(f"{a:.6f} {b:.6f} {axis}lo {axis}hi" for a, b, axis in ends), "", "Masses", ""]
    for number, kind in enumerate(kinds, 1):
        own = np.unique(masses[types == number])
        if len(own) > 1:
            raise InputError(
                f"--dataset: beads of type '{kind}' have different masses ({own[0]:g} to "
                f"{own[-1]:g} u), but LAMMPS has one mass for each type"
            )
        lines.append(f"{number} {own[0]:.15g}")
    lines += ["", "Atoms # molecular", ""]
    for bead, (kind, (x, y, z)) in enumerate(zip(types, positions, strict=True), 1):
        lines.append(f"{bead} 1 {kind} {x:.15g} {y:.15g} {z:.15g}")
    for kind, own in bonded.items():
        if own:
            lines += ["", TITLES[kind], ""]
            terms = [(n, beads) for n, table in enumerate(own, 1) for beads in table.beads]
            for number, (n, beads) in enumerate(terms, 1):
                lines.append(f"{number} {n} " + " ".join(str(bead + 1) for bead in beads))
    return "\n".join(lines) + "\n"
