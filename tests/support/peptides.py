"""Capped alanine as heavy beads, built from internal coordinates that tests choose."""

import dataclasses

import numpy as np
from comparisons import compare, sample_of

from meanforce.analysis.samples import Sample
from meanforce.core.topology import Topology
from meanforce.settings.collective_variables import CollectiveVariableSettings

NAMES = (
    "ACE1-CH3", "ACE1-C", "ACE1-O", "ALA2-N", "ALA2-CA", "ALA2-CB", "ALA2-C", "ALA2-O", "NME3-N",
    "NME3-C",
)  # fmt: skip
BONDS = ((0, 1), (1, 2), (1, 3), (3, 4), (4, 5), (4, 6), (6, 7), (6, 8), (8, 9))
PEPTIDE = Topology.of_beads(NAMES, NAMES, BONDS)
TORSIONS = {
    name: CollectiveVariableSettings(kind="dihedral", mapping="m", beads=[NAMES[i] for i in beads])
    for name, beads in {"phi": (1, 3, 4, 6), "psi": (3, 4, 6, 8)}.items()
}
BOND, ANGLE = 0.15, 2.0


def peptide(phi, psi, omega, improper) -> np.ndarray:
    """Positions in nm, shape (n, 10, 3).

    Args:
        phi, psi: shape (n,).
        omega: of both peptide bonds, shape (n, 2).
        improper: how far both O and CB are turned out of their places, rad, shape (n, 3).
    """
    n = len(phi)
    r = np.zeros((n, len(NAMES), 3))
    r[:, 1, 0] = BOND
    r[:, 3] = r[:, 1] + BOND * np.array([-np.cos(ANGLE), np.sin(ANGLE), 0.0])
    r[:, 2] = _placed(r[:, 3], r[:, 0], r[:, 1], np.pi + improper[:, 0])
    r[:, 4] = _placed(r[:, 0], r[:, 1], r[:, 3], omega[:, 0])
    r[:, 6] = _placed(r[:, 1], r[:, 3], r[:, 4], phi)
    r[:, 5] = _placed(r[:, 1], r[:, 3], r[:, 4], phi - 2.1 + improper[:, 1])
    r[:, 8] = _placed(r[:, 3], r[:, 4], r[:, 6], psi)
    r[:, 7] = _placed(r[:, 3], r[:, 4], r[:, 6], psi + np.pi + improper[:, 2])
    r[:, 9] = _placed(r[:, 4], r[:, 6], r[:, 8], omega[:, 1])
    return r.astype(np.float32)


def _placed(a, b, c, torsion) -> np.ndarray:
    """The fourth bead, at a bond, an angle and a dihedral from three; Parsons et al., J. Comput.
    Chem. 26, 1063 (2005)."""
    along = (c - b) / np.linalg.norm(c - b, axis=1, keepdims=True)
    normal = np.cross(b - a, along)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    beside = np.cross(normal, along)
    across = np.cos(torsion)[:, None] * beside + np.sin(torsion)[:, None] * normal
    return c + BOND * (-np.cos(ANGLE) * along + np.sin(ANGLE) * across)


def switching(n: int, rate: float, share: float, rng: np.random.Generator) -> np.ndarray:
    """A two-state process; the second state has this share, and the state is redrawn at a rate."""
    new = rng.random(n) < rate
    new[0] = True
    draws = rng.random(n) < share
    return draws[np.maximum.accumulate(np.where(new, np.arange(n), 0))]


def peptide_sample(
    seed: int,
    n: int = 20000,
    cis: float = 0.0,
    omega_width: float = 0.12,
    improper_width: float = 0.1,
    mirror: float = 0.0,
    psi_share: float = 0.3,
    rate: float = 0.05,
    phi_rate: float = 1.0,
    **fields,
) -> Sample:
    """φ and ψ that switch between two basins each, φ without memory, and stiff ω and impropers."""
    rng = np.random.default_rng(seed)
    phi = np.where(switching(n, phi_rate, 0.2, rng), 1.0, -1.5) + 0.3 * rng.standard_normal(n)
    psi = np.where(switching(n, rate, psi_share, rng), -0.5, 2.4) + 0.3 * rng.standard_normal(n)
    omega = np.pi + omega_width * rng.standard_normal((n, 2))
    omega[:, 0] += np.pi * (rng.random(n) < cis)
    improper = improper_width * rng.standard_normal((n, 3))
    improper[:, 1] += 4.2 * (rng.random(n) < mirror)
    variables = np.stack([(x + np.pi) % (2 * np.pi) - np.pi for x in (phi, psi)], axis=1)
    return sample_of(
        peptide(phi, psi, omega, improper), PEPTIDE, **{"variables": variables} | fields
    )


def judged(model: Sample, reference: Sample, surface=("phi", "psi")):
    """A comparison with a surface along these variables, and profiles of no others."""
    columns = [list(TORSIONS).index(name) for name in surface]
    sides = [
        dataclasses.replace(one, variables=one.variables[:, columns]) for one in (model, reference)
    ]
    ends = {"lower": [-4.0] * len(surface), "upper": [4.0] * len(surface)}
    return compare(
        *sides, {name: TORSIONS[name] for name in surface}, surface=list(surface), **ends
    )
