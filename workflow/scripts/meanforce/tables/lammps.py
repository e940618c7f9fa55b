"""Tables for LAMMPS: pair_style, bond_style, angle_style and dihedral_style table; units real.

kcal/mol, Å, degrees; forces are −dE/dr in kcal/mol/Å and −dE/dθ in kcal/mol/degree.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meanforce.core.topology import Topology
from meanforce.tables.curve_tables import AnyTable, pair_table
from meanforce.units import KCAL

ANGSTROM = 10.0
"""Å per nm."""

ENDS = (0.5, 2.0)
"""Bonds are tabulated from and to these multiples of the ends of the data."""

STYLES = {
    "bonds": "bond_style table spline {n}",
    "angles": "angle_style table spline {n}",
    "dihedrals": "dihedral_style table spline {n}",
    "pairs": "pair_style table spline {n}",
}


SETUP = ("units real", "atom_style molecular")
"""Commands before there is a box."""

LISTED = 1000
"""Coordinates of a curve up to which the commands list their beads in a comment."""


def write_lammps(
    molecule: Topology, tables: Sequence[AnyTable], folder: Path, points: int
) -> list[Path]:
    """One file of tables for each kind of term, and `potential.in` with the commands for them.

    Args:
        molecule: the beads; atom types are its bead types in order of appearance.
        tables: of the potential's curves; types of bonds, angles and dihedrals in this order.
        folder: to write into.
        points: of a table.

    Returns:
        the files.
    """
    paths, commands = write_tables(molecule, tables, folder, points)
    path = folder / "potential.in"
    path.write_text("\n".join([*SETUP, *commands]) + "\n", encoding="utf-8")
    return [*paths, path]


def write_tables(
    molecule: Topology, tables: Sequence[AnyTable], folder: Path, points: int
) -> tuple[list[Path], list[str]]:
    """The files of `write_lammps`, and the commands that read them once there is a box."""
    paths, commands = [], []
    types = list(dict.fromkeys(molecule.types))
    commands += [f"# atom type {number}: {name}" for number, name in enumerate(types, 1)]
    for kind, style in STYLES.items():
        own = [table for table in tables if table.kind == kind]
        if not own:
            continue
        path = folder / f"{kind}.table"
        sections = [_section(table, points) for table in own]
        commands.append(style.format(n=points))
        if kind == "pairs":
            cutoff = max(table.cutoff for table in own) * ANGSTROM
            sections.append(
                _text("none", "no interaction", f"N {points}", _nothing(cutoff, points))
            )
            commands += _pair_commands(types, own, cutoff)
        else:
            commands += _bonded_commands(kind[:-1], own)
        path.write_text("\n".join(sections), encoding="utf-8")
        paths.append(path)
    return paths, commands


def _bonded_commands(style: str, tables: list[AnyTable]) -> list[str]:
    result = []
    for number, table in enumerate(tables, 1):
        listed = ("-".join(str(bead + 1) for bead in beads) for beads in table.beads[:LISTED])
        where = ", ".join(listed) + (", …" if len(table.beads) > LISTED else "")
        result.append(f"# {style} type {number}: {table.name}; atoms {where}")
        result.append(f"{style}_coeff {number} {table.kind}.table {table.label}")
    return result


def _pair_commands(types: list[str], tables: list[AnyTable], cutoff: float) -> list[str]:
    labels = {pair: tables[n].label for pair, n in pair_table(tables, types).items()}
    pairs = itertools.combinations_with_replacement(range(len(types)), 2)
    weights = " ".join("0" if apart < tables[0].exclude else "1" for apart in (1, 2, 3))
    return [
        f"special_bonds lj/coul {weights}",
        *(
            f"pair_coeff {i + 1} {j + 1} pairs.table {labels.get((i, j), 'none')} {cutoff:.15g}"
            for i, j in pairs
        ),
    ]


def _section(table: AnyTable, points: int) -> str:
    low, high = table.sampled
    if table.kind == "dihedrals":
        x = np.linspace(-180.0, 180.0, points, endpoint=False)
        return _text(table.label, table.name, f"N {points} DEGREES", _rows(table, x, np.pi / 180))
    if table.kind == "angles":
        x = np.linspace(0.0, 180.0, points)
        return _text(table.label, table.name, f"N {points}", _rows(table, x, np.pi / 180))
    if table.kind == "bonds":
        x = np.linspace(ENDS[0] * low, ENDS[1] * high, points) * ANGSTROM
        return _text(table.label, table.name, f"N {points}", _rows(table, x, 1 / ANGSTROM))
    cutoff = table.cutoff * ANGSTROM
    x = _distances(cutoff, points)
    header = f"N {points} R {x[0]:.15g} {cutoff:.15g}"
    return _text(table.label, table.name, header, _rows(table, x, 1 / ANGSTROM))


def _distances(cutoff: float, points: int) -> np.ndarray:
    """Evenly spaced; not zero, where the direction of a force is unknown."""
    return np.linspace(cutoff / points, cutoff, points)


def _nothing(cutoff: float, points: int) -> np.ndarray:
    x = _distances(cutoff, points)
    return np.stack([x, 0 * x, 0 * x], axis=1)


def _rows(table: AnyTable, x: np.ndarray, unit: float) -> np.ndarray:
    """x in the table's unit, energy and force; `unit` is that unit in nm or rad."""
    energy, force = table.at(x * unit)
    return np.stack([x, energy / KCAL, force * unit / KCAL], axis=1)


def _text(label: str, name: str, header: str, rows: np.ndarray) -> str:
    lines = [f"# {name}", label, header, ""]
    lines += [f"{n} {x:.15g} {e:.15g} {f:.15g}" for n, (x, e, f) in enumerate(rows, 1)]
    return "\n".join(lines) + "\n"
