"""Ethanol with one force field, written as files of GROMACS, CHARMM and OpenMM.

Bond lengths, angles and charges are those of a molecule; the parameters are no published ones.
"""

import math
from pathlib import Path

import numpy as np

NAMES = ("C1", "C2", "O", "HA1", "HA2", "HA3", "HB1", "HB2", "HO")
TYPES = ("CT", "CS", "OH", "HC", "HC", "HC", "H1", "H1", "HO")
CHARGES = (-0.18, 0.145, -0.683, 0.06, 0.06, 0.06, 0.06, 0.06, 0.418)
ELEMENTS = {"C": (6, 12.011), "O": (8, 15.999), "H": (1, 1.008)}
LENNARD_JONES = {
    "CT": (0.35, 0.276), "CS": (0.34, 0.3), "OH": (0.312, 0.711), "HC": (0.25, 0.126),
    "H1": (0.24, 0.13), "HO": (0.05, 0.1),
}  # fmt: skip
"""σ in nm and ε in kJ/mol."""
BONDS = {(0, 1), (0, 3), (0, 4), (0, 5), (1, 2), (1, 6), (1, 7), (2, 8)}
BOND_TYPES = {
    ("CS", "CT"): (0.1529, 224262.4), ("CT", "HC"): (0.109, 284512.0),
    ("CS", "H1"): (0.109, 280000.0), ("CS", "OH"): (0.141, 267776.0),
    ("HO", "OH"): (0.0945, 462750.4),
}  # fmt: skip
"""Length in nm and force constant in kJ/mol/nm²."""
ANGLE, BEND, PERIOD, BARRIER = 109.5, 300.0, 3, 0.9
"""Of all angles (degrees, kJ/mol/rad²) and of all dihedrals (kJ/mol)."""
POSITIONS = 0.1 * np.array(
    [
        [-1.17, -0.40, 0.02], [0.0, 0.56, -0.03], [1.2, -0.19, 0.05], [-2.12, 0.14, -0.05],
        [-1.11, -1.12, -0.80], [-1.16, -0.95, 0.96], [-0.04, 1.14, -0.95], [-0.06, 1.26, 0.81],
        [1.95, 0.42, -0.03],
    ]
)  # fmt: skip
"""nm."""


def angles() -> list[tuple[int, int, int]]:
    """Triples of atoms."""
    near = neighbours()
    return [(i, j, k) for j in range(len(NAMES)) for i in near[j] for k in near[j] if i < k]


def dihedrals() -> list[tuple[int, int, int, int]]:
    """Quadruples of atoms."""
    near = neighbours()
    return [
        (i, j, k, m)
        for j, k in sorted(BONDS)
        for i in near[j] if i != k
        for m in near[k] if m != j
    ]  # fmt: skip


def neighbours() -> list[list[int]]:
    """Bonded atoms of each."""
    return [
        sorted({a + b - i for a, b in BONDS if i in (a, b)}) for i in range(len(NAMES))
    ]  # fmt: skip


def mass(name: str) -> float:
    return ELEMENTS[name[0]][1]


def bond_type(i: int, j: int) -> tuple[float, float]:
    return BOND_TYPES[tuple(sorted((TYPES[i], TYPES[j])))]


def gro(path: Path, copies: int = 1, box: float = 0.0, shift: float = 0.4) -> Path:
    """A structure, copies side by side along x."""
    rows = [
        f"{copy + 1:5d}{'EOH':<5s}{name:>5s}{9 * copy + i + 1:5d}"
        + "".join(f"{x:8.3f}" for x in POSITIONS[i] + [0.3 + copy * shift, 0.3, 0.3])
        for copy in range(copies)
        for i, name in enumerate(NAMES)
    ]
    edges = f"{box:10.5f}" * 3
    path.write_text("\n".join(["ethanol", f"{len(rows)}", *rows, edges, ""]))
    return path


def top(folder: Path, copies: int = 1, extra: str = "") -> Path:
    """A topology that includes atom types, from another folder, and the molecule."""
    (folder / "types").mkdir(parents=True, exist_ok=True)
    (folder / "parts").mkdir(exist_ok=True)
    kinds = [
        f"{kind} {ELEMENTS[kind[0]][0]} {mass(kind)} 0.0 A {sigma} {epsilon}"
        for kind, (sigma, epsilon) in LENNARD_JONES.items()
    ]
    (folder / "types" / "kinds.itp").write_text("\n".join(["[ atomtypes ]", *kinds, ""]))
    (folder / "types" / "all.itp").write_text('; nested\n#include "kinds.itp"\n')
    lines = ["[ moleculetype ]", "EOH 3", "[ atoms ]"]
    lines += [
        f"{i + 1} {TYPES[i]} 1 EOH {name} 1 {CHARGES[i]} {mass(name)}"
        for i, name in enumerate(NAMES)
    ]
    lines += ["[ bonds ]"]
    lines += [f"{i + 1} {j + 1} 1 {' '.join(map(str, bond_type(i, j)))}" for i, j in sorted(BONDS)]
    lines += ["[ pairs ]", *(f"{i + 1} {m + 1} 1" for i, _, _, m in dihedrals())]
    lines += ["[ angles ]"]
    lines += [f"{i + 1} {j + 1} {k + 1} 1 bend_of_all" for i, j, k in angles()]
    lines += ["[ dihedrals ]"]
    lines += [
        f"{i + 1} {j + 1} {k + 1} {m + 1} 9 0.0 {BARRIER} {PERIOD}" for i, j, k, m in dihedrals()
    ]
    (folder / "parts" / "ethanol.itp").write_text("\n".join([*lines, extra, ""]))
    path = folder / "ethanol.top"
    path.write_text(
        f"#define bend_of_all {ANGLE} {BEND}\n[ defaults ]\n1 2 yes 1.0 1.0\n"
        '#include "all.itp"\n#ifdef MISSING\n#include "nowhere.itp"\n#endif\n'
        f'#include "parts/ethanol.itp"\n[ system ]\nethanol\n[ molecules ]\nEOH {copies}\n'
    )
    return path


def psf(path: Path) -> Path:
    """A protein structure file."""
    atoms = [
        f"{i + 1:8d} {'LIG':<4s} {'1':<4s} {'EOH':<4s} {name:<4s} {TYPES[i]:<4s} "
        f"{CHARGES[i]:10.6f} {mass(name):13.4f} {0:11d}"
        for i, name in enumerate(NAMES)
    ]
    sections = [
        ("NATOM", atoms),
        ("NBOND: bonds", _numbers(sorted(BONDS), 8)),
        ("NTHETA: angles", _numbers(angles(), 9)),
        ("NPHI: dihedrals", _numbers(dihedrals(), 8)),
        ("NIMPHI: impropers", []),
        ("NDON: donors", []),
        ("NACC: acceptors", []),
        ("NNB", ["", f"{0:8d}" * len(NAMES)]),
    ]
    counts = [len(atoms), len(BONDS), len(angles()), len(dihedrals()), 0, 0, 0, 0]
    lines = ["PSF", "", f"{1:8d} !NTITLE", " ethanol", ""]
    for (title, rows), count in zip(sections, counts, strict=True):
        lines += [f"{count:8d} !{title}", *rows, ""]
    lines += [f"{1:8d} {0:7d} !NGRP NST2", f"{0:8d}{0:8d}{0:8d}", ""]
    path.write_text("\n".join(lines))
    return path


def _numbers(groups: list[tuple[int, ...]], in_a_line: int) -> list[str]:
    flat = [index + 1 for group in groups for index in group]
    return [
        "".join(f"{index:8d}" for index in flat[start : start + in_a_line])
        for start in range(0, len(flat), in_a_line)
    ]


def charmm_parameters(path: Path) -> Path:
    """Parameters in kcal/mol and Å."""
    kcal = 1 / 4.184
    lines = ["* ethanol", "*", "ATOMS"]
    lines += [f"MASS {n} {kind} {mass(kind)}" for n, kind in enumerate(LENNARD_JONES, 1)]
    lines += ["", "BONDS"]
    lines += [
        f"{one} {other} {0.5 * k * kcal / 100:.9f} {10 * length:.6f}"
        for (one, other), (length, k) in BOND_TYPES.items()
    ]
    lines += ["", "ANGLES"]
    triples = {tuple(TYPES[i] for i in triple) for triple in angles()}
    lines += [f"{' '.join(t)} {0.5 * BEND * kcal:.9f} {ANGLE}" for t in sorted(triples)]
    lines += ["", "DIHEDRALS"]
    quadruples = {tuple(TYPES[i] for i in four) for four in dihedrals()}
    lines += [f"{' '.join(q)} {BARRIER * kcal:.9f} {PERIOD} 0.0" for q in sorted(quadruples)]
    lines += ["", "NONBONDED nbxmod 5 atom cdiel switch vatom vdistance vswitch -", "cutnb 14.0"]
    lines += [
        f"{kind} 0.0 {-epsilon * kcal:.9f} {10 * sigma * 2 ** (1 / 6) / 2:.9f}"
        for kind, (sigma, epsilon) in LENNARD_JONES.items()
    ]
    path.write_text("\n".join([*lines, "", "END", ""]))
    return path


def crd(path: Path) -> Path:
    """A CHARMM structure."""
    rows = [
        f"{i + 1:5d}{1:5d} EOH  {name:<4s}"
        + "".join(f"{10 * x:10.5f}" for x in POSITIONS[i] + 0.3)
        + f" LIG  1   {0.0:10.5f}"
        for i, name in enumerate(NAMES)
    ]
    path.write_text("\n".join(["* ethanol", "*", f"{len(rows):5d}", *rows, ""]))
    return path


def ffxml(path: Path) -> Path:
    """A force field file of OpenMM with a template of the residue."""
    kinds = [
        f'<Type name="{kind}" class="{kind}" element="{kind[0]}" mass="{mass(kind)}"/>'
        for kind in LENNARD_JONES
    ]
    atoms = [
        f'<Atom name="{name}" type="{TYPES[i]}" charge="{CHARGES[i]}"/>'
        for i, name in enumerate(NAMES)
    ]
    bonds = [f'<Bond atomName1="{NAMES[i]}" atomName2="{NAMES[j]}"/>' for i, j in sorted(BONDS)]
    lengths = [
        f'<Bond class1="{a}" class2="{b}" length="{length}" k="{k}"/>'
        for (a, b), (length, k) in BOND_TYPES.items()
    ]
    lj = [
        f'<Atom class="{kind}" sigma="{sigma}" epsilon="{epsilon}"/>'
        for kind, (sigma, epsilon) in LENNARD_JONES.items()
    ]
    every = " ".join(f'class{n}=""' for n in (1, 2, 3))
    path.write_text(
        f"<ForceField><AtomTypes>{''.join(kinds)}</AtomTypes>"
        f'<Residues><Residue name="EOH">{"".join(atoms)}{"".join(bonds)}</Residue></Residues>'
        f"<HarmonicBondForce>{''.join(lengths)}</HarmonicBondForce>"
        f'<HarmonicAngleForce><Angle {every} angle="{math.radians(ANGLE)}" k="{BEND}"/>'
        f'</HarmonicAngleForce><PeriodicTorsionForce><Proper {every} class4="" '
        f'periodicity1="{PERIOD}" phase1="0" k1="{BARRIER}"/></PeriodicTorsionForce>'
        '<NonbondedForce coulomb14scale="1" lj14scale="1">'
        f'<UseAttributeFromResidue name="charge"/>{"".join(lj)}</NonbondedForce></ForceField>'
    )
    return path


def pdb(path: Path, bonded: bool = True) -> Path:
    """A structure whose bonds are CONECT records."""
    rows = [
        f"HETATM{i + 1:5d} {name:^4s} EOH A   1    "
        + "".join(f"{10 * x:8.3f}" for x in POSITIONS[i] + 0.3)
        + f"  1.00  0.00          {name[0]:>2s}"
        for i, name in enumerate(NAMES)
    ]
    near = neighbours()
    if bonded:
        rows += [
            f"CONECT{i + 1:5d}" + "".join(f"{j + 1:5d}" for j in near[i])
            for i in range(len(NAMES))
        ]  # fmt: skip
    path.write_text("\n".join([*rows, "END", ""]))
    return path
