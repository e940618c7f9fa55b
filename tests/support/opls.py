"""OPLS-AA energies of alkanes summed by hand, from the published numbers in kcal/mol and Å.

Independent of our force field file and of OpenMM. Jorgensen, Maxwell, Tirado-Rives, J. Am. Chem.
Soc. 118, 11225 (1996); torsions as in BOSS and TINKER (2008).
"""

import itertools
import math

import numpy as np

COULOMB = 332.063713  # kcal/mol Å / e², from 138.935458 kJ/mol nm
BONDS = {"CC": (268.0, 1.529), "CH": (340.0, 1.090)}
ANGLES = {"CCC": (58.35, 112.7), "CCH": (37.5, 110.7), "HCH": (33.0, 107.8)}
V3 = 0.300
LENNARD_JONES = {"C": (3.50, 0.066), "H": (2.50, 0.030)}
DIELECTRIC = 78.3
"""Of the reaction field, as OpenMM's default."""


def alkane(hydrogens: list[int]) -> tuple[list[str], list[tuple[int, int]], list[float]]:
    """Elements, bonds and charges of a chain of carbons with these numbers of hydrogens."""
    elements, bonds, charges, before = [], [], [], None
    for number in hydrogens:
        carbon = len(elements)
        elements += ["C", *["H"] * number]
        charges += [{3: -0.18, 2: -0.12}[number], *[0.06] * number]
        bonds += [(carbon, carbon + k) for k in range(1, number + 1)]
        bonds += [] if before is None else [(before, carbon)]
        before = carbon
    return elements, bonds, charges


def energy(molecules: list[list[int]], positions: np.ndarray, cutoff: float) -> float:
    """Energy of alkanes, kJ/mol, with a reaction field and plainly cut off Lennard-Jones.

    Args:
        molecules: hydrogens on each carbon, for each molecule.
        positions: nm, shape (n_atoms, 3), without periodic images.
        cutoff: nm.
    """
    x, cut = positions * 10.0, cutoff * 10.0
    elements, bonds, charges, owner = [], [], [], []
    for number, hydrogens in enumerate(molecules):
        some, pairs, q = alkane(hydrogens)
        bonds += [(i + len(elements), j + len(elements)) for i, j in pairs]
        elements, charges = elements + some, charges + q
        owner += [number] * len(some)
    near = [
        {j for pair in bonds if i in pair for j in pair if j != i} for i in range(len(elements))
    ]
    total = 0.0
    for i, j in bonds:
        k, r0 = BONDS["".join(sorted(elements[i] + elements[j]))]
        total += k * (np.linalg.norm(x[i] - x[j]) - r0) ** 2
    for center, around in enumerate(near):
        for i, j in itertools.combinations(sorted(around), 2):
            ends = sorted(elements[i] + elements[j])
            k, t0 = ANGLES[ends[0] + elements[center] + ends[1]]
            one, other = x[i] - x[center], x[j] - x[center]
            cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            total += k * (math.acos(cosine) - math.radians(t0)) ** 2
    apart: dict[tuple[int, int], int] = {}
    for b, c in bonds:
        for a, d in itertools.product(near[b] - {c}, near[c] - {b}):
            # Only bonds of two carbons have ends on both sides.
            first, axis, last = x[b] - x[a], x[c] - x[b], x[d] - x[c]
            one, other = np.cross(first, axis), np.cross(axis, last)
            cosine = one @ other / np.linalg.norm(one) / np.linalg.norm(other)
            total += V3 / 2 * (1 + math.cos(3 * math.acos(np.clip(cosine, -1, 1))))
            apart[min(a, d), max(a, d)] = 3
    for i, around in enumerate(near):
        for j in around:
            apart[min(i, j), max(i, j)] = 1
        for j, k in itertools.combinations(sorted(around), 2):
            apart[j, k] = 2
    krf = (DIELECTRIC - 1) / (2 * DIELECTRIC + 1) / cut**3
    crf = 3 * DIELECTRIC / (2 * DIELECTRIC + 1) / cut
    for i, j in itertools.combinations(range(len(elements)), 2):
        bonded = apart.get((i, j), 4)
        r = float(np.linalg.norm(x[i] - x[j]))
        if bonded < 3 or (bonded > 3 and r > cut):
            continue
        (s1, e1), (s2, e2) = LENNARD_JONES[elements[i]], LENNARD_JONES[elements[j]]
        sixth = (math.sqrt(s1 * s2) / r) ** 6
        dispersion = 4 * math.sqrt(e1 * e2) * (sixth**2 - sixth)
        q = COULOMB * charges[i] * charges[j]
        if bonded == 3:
            total += 0.5 * (dispersion + q / r)
        else:
            total += dispersion + q * (1 / r + krf * r**2 - crf)
    return 4.184 * total
