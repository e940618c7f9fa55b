"""Molecules at random places in a periodic box, by packmol.

Martínez, Andrade, Birgin, Martínez, J. Comput. Chem. 30, 2157 (2009).
"""

import math
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from scipy.spatial import cKDTree

from meanforce.errors import InputError
from meanforce.systems.molecule_templates import Molecule

ANGSTROM = 0.1
"""nm."""

ALLOWANCE = 0.95
"""Part of the least distance that must be kept; packmol's own tolerance is 0.01 Å²."""

LOOPS = 50
"""Attempts of packmol to move the worst molecules elsewhere; liquids need a few."""

DENSEST = math.pi / math.sqrt(18.0)
"""Largest part of space that equal spheres can fill."""

LONGEST = 1800.0
"""Seconds after which packing is given up."""


def executable() -> str:
    """Path of packmol, beside this Python or on the search path.

    Raises:
        InputError: it is not installed.
    """
    beside = str(Path(sys.executable).parent)
    found = shutil.which("packmol", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))
    if found is None:
        raise InputError(
            "packmol: the program that packs molecules is not installed; install envs/"
            "requirements.txt, or 'pip install packmol'"
        )
    return found


def require_room(molecules: list[Molecule], edge: float, distance: float) -> None:
    """Refuse a distance that not even one atom of each molecule can have from the others.

    Args:
        molecules: one of each type, with their numbers.
        edge: of the cubic box, nm.
        distance: least distance between atoms of different molecules, nm.

    Raises:
        InputError: spheres of this diameter cannot be packed so densely.
    """
    number = sum(one.count for one in molecules)
    if number * math.pi / 6.0 * distance**3 > DENSEST * edge**3:
        raise InputError(
            f"{_what(molecules, edge)} cannot all be {distance:g} nm apart; give a lower 'density' "
            "or a shorter 'packing_distance'"
        )


def packed(molecules: list[Molecule], edge: float, distance: float, seed: int) -> np.ndarray:
    """Positions of all molecules, each of them whole.

    Args:
        molecules: one of each type, with their numbers.
        edge: of the cubic box, nm.
        distance: least distance between atoms of different molecules, nearest images included, nm.
        seed: of the random places.

    Returns:
        nm, shape (n_atoms, 3).

    Raises:
        InputError: the molecules do not fit, or overlap.
    """
    program, what = executable(), _what(molecules, edge)
    advice = f"give a lower 'density', or a shorter 'packing_distance' (given {distance:g} nm)"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "packmol.inp").write_text(_input(molecules, edge, distance, seed))
        for number, molecule in enumerate(molecules):
            (folder / f"{number}.xyz").write_text(_xyz(molecule))
        with (folder / "packmol.inp").open() as script:
            try:
                done = subprocess.run(
                    [program],
                    stdin=script,
                    cwd=folder,
                    capture_output=True,
                    text=True,
                    timeout=LONGEST,
                )
            except subprocess.TimeoutExpired:
                raise InputError(f"{what} do not fit: {advice}") from None
        output = folder / "packed.xyz"
        if done.returncode or not output.is_file():
            raise InputError(f"{what} do not fit: {advice}")
        positions = np.loadtxt(output, skiprows=2, usecols=(1, 2, 3), ndmin=2) * ANGSTROM
    if (closest := closest_contact(molecules, positions, edge)) < ALLOWANCE * distance:
        raise InputError(
            f"{what} overlap after packing, with atoms of different molecules "
            f"{closest:.3f} nm apart: {advice}"
        )
    return positions


def closest_contact(molecules: list[Molecule], positions: np.ndarray, edge: float) -> float:
    """Smallest distance between atoms of different molecules, nm; infinite for one molecule.

    Args:
        molecules: one of each type, with their numbers.
        positions: nm, shape (n_atoms, 3).
        edge: of the cubic box, nm; an atom and the images of its own molecule are not compared.
    """
    sizes = [len(one.positions) for one in molecules for _ in range(one.count)]
    owner = np.repeat(np.arange(len(sizes)), sizes)
    tree = cKDTree(positions % edge, boxsize=edge)
    radius = 0.1
    while radius < edge:
        pairs = tree.query_pairs(radius, output_type="ndarray")
        pairs = pairs[owner[pairs[:, 0]] != owner[pairs[:, 1]]]
        if len(pairs):
            steps = positions[pairs[:, 0]] - positions[pairs[:, 1]]
            steps -= edge * np.round(steps / edge)
            return float(np.linalg.norm(steps, axis=1).min())
        radius *= 1.5
    return float("inf")


def _input(molecules: list[Molecule], edge: float, distance: float, seed: int) -> str:
    lines = [
        f"tolerance {distance / ANGSTROM:.6f}",
        "filetype xyz",
        "output packed.xyz",
        # For packmol, -1 is a seed from the clock; ours are never negative.
        f"seed {seed}",
        f"nloop {LOOPS}",
        f"pbc {edge / ANGSTROM:.6f} {edge / ANGSTROM:.6f} {edge / ANGSTROM:.6f}",
    ]
    for number, molecule in enumerate(molecules):
        lines += [f"structure {number}.xyz", f"  number {molecule.count}", "end structure"]
    return "\n".join(lines) + "\n"


def _xyz(molecule: Molecule) -> str:
    rows = "".join(f"C {x:.6f} {y:.6f} {z:.6f}\n" for x, y, z in molecule.positions / ANGSTROM)
    return f"{len(molecule.positions)}\n{molecule.name}\n{rows}"


def _what(molecules: list[Molecule], edge: float) -> str:
    counts = ", ".join(f"{one.count} {one.name}" for one in molecules)
    return f"molecules: {counts} in a box of {edge:.4g} nm"
