"""A start for LAMMPS beside the tables: a data file of the beads, and a script that runs them."""

from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.tables.curve_tables import Table
from meanforce.tables.lammps_data import DataFile

SETUP = 2
"""Lines of `potential.in` that come before there is a box."""

ROOM = 5.0
"""nm between the beads and the walls of the box, which is not periodic."""

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
        InputError: beads of a type have different masses, or a bond has no curve.
    """
    data, script = folder / "beads.data", folder / "in.run"
    low = positions.min(0) - ROOM
    cell = np.diag(positions.max(0) - low + ROOM)
    DataFile(molecule, tables, masses, cell).write(data, positions - low, np.zeros_like(positions))
    lines = (folder / "potential.in").read_text(encoding="utf-8").splitlines()
    text = SCRIPT.format(
        setup="\n".join(lines[:SETUP]),
        commands="\n".join(lines[SETUP:]),
        temperature=tables[0].temperature,
    )
    script.write_text(text, encoding="utf-8")
    return [data, script]
