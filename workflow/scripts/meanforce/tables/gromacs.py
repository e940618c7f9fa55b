"""Tables for GROMACS: table_b*.xvg, table_a*.xvg, table_d*.xvg, and one for each pair of types.

kJ/mol, nm, degrees; the last column is −dV/dx in kJ/mol/nm or kJ/mol/degree. Tables of pairs have
seven columns; the last two (V and −dV/dr that C12 multiplies) carry the curve: give each pair of
types C6 = 0 and C12 = 1, and beads no charge.
"""

from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.tables.curve_tables import Table, pair_table

LETTERS = {"bonds": "b", "angles": "a", "dihedrals": "d"}

LONGEST = 2.0
"""Bonds are tabulated from zero to this multiple of the longest one in the data."""

BEYOND = 1.0
"""Tables of pairs continue with zeros for this many nm beyond the cutoff, as mdrun requires."""


def write_gromacs(molecule: Topology, tables: list[Table], folder: Path, points: int) -> list[Path]:
    """One file for each curve, and a list of which is which.

    Args:
        molecule: the beads; energy groups are called T1, T2, … in order of appearance of types.
        tables: of the potential's curves.
        folder: to write into.
        points: of a table.

    Returns:
        the files.
    """
    paths, lines, counts = [], [], dict.fromkeys(LETTERS, 0)
    types = list(dict.fromkeys(molecule.types))
    lines += [f"; energy group T{number}: {name}" for number, name in enumerate(types, 1)]
    pairs = {number: pair for pair, number in pair_table(tables, types).items()}
    for place, table in enumerate(tables):
        if table.kind == "pairs":
            i, j = (number + 1 for number in pairs[place])
            path = folder / f"table_T{i}_T{j}.xvg"
            columns = _pair_columns(table, points)
            lines.append(f"; {path.name}: {table.name}")
        else:
            number = counts[table.kind]
            counts[table.kind] += 1
            path = folder / f"table_{LETTERS[table.kind]}{number}.xvg"
            columns = _bonded_columns(table, points)
            where = ", ".join("-".join(str(bead + 1) for bead in beads) for beads in table.beads)
            lines.append(f"; {path.name}: {table.name}; beads {where}; table {number}, k = 1")
        np.savetxt(path, columns, fmt="%.12e", header=table.name, comments="# ", encoding="utf-8")
        paths.append(path)
    lines.append(f"; nrexcl = {tables[0].exclude - 1}")
    path = folder / "tables.itp"
    path.write_text("\n".join(lines) + "\n")
    return [*paths, path]


def _bonded_columns(table: Table, points: int) -> np.ndarray:
    if table.kind == "bonds":
        x, unit = np.linspace(0.0, LONGEST * table.curve.sampled[1], points), 1.0
    else:
        x = np.linspace(-180.0 if table.kind == "dihedrals" else 0.0, 180.0, points)
        unit = np.pi / 180
    energy, force = table.at(x * unit)
    return np.stack([x, energy, force * unit], axis=1)


def _pair_columns(table: Table, points: int) -> np.ndarray:
    step = table.curve.cutoff / (points - 1)
    x = step * np.arange(points + round(BEYOND / step))
    energy, force = table.at(x)
    nothing = 0 * x
    return np.stack([x, nothing, nothing, nothing, nothing, energy, force], axis=1)
