"""Chains of five beads in known bonded terms, from their exact Boltzmann distribution."""

import numpy as np
import torch

from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.fitting.frames import Frames
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.prior import fourier
from meanforce.settings.job import validated
from meanforce.settings.potentials.priors import PriorSettings
from meanforce.units import kt

CHAIN = Topology.of_beads(
    tuple("ABCDE"), ("X", "X", "Y", "X", "X"), ((0, 1), (1, 2), (2, 3), (3, 4))
)
BOND, ANGLE = (0.15, 60000.0), (1.9, 350.0)
COSINE, SINE = [1.5, -2.0, 0.5], [0.8, 0.0, -0.6]


def prior_settings(**values) -> PriorSettings:
    return validated(PriorSettings, values, "prior")


def draw(rng, low: float, high: float, log_density, n: int) -> np.ndarray:
    """Independent draws from a density on an interval, by its inverse distribution function."""
    grid = np.linspace(low, high, 20001)
    density = np.exp(log_density(grid))
    cumulative = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2)])
    return np.interp(rng.uniform(0, cumulative[-1], n), cumulative, grid)


def torsion(phi: np.ndarray) -> np.ndarray:
    value, _ = fourier(torch.from_numpy(phi)[:, None], torch.tensor([COSINE]), torch.tensor([SINE]))
    return value[:, 0].numpy()


def chain_positions(n: int, seed: int, temperature: float = 300.0) -> torch.Tensor:
    """Chains of five beads from the exact Boltzmann distribution of known bonded terms."""
    rng, beta = np.random.default_rng(seed), 1 / kt(temperature)
    (r0, kr), (t0, kq) = BOND, ANGLE
    r = draw(rng, 0.1, 0.2, lambda q: 2 * np.log(q) - beta * kr * (q - r0) ** 2 / 2, (n, 4))
    theta = draw(rng, 1.0, 3.1, lambda q: np.log(np.sin(q)) - beta * kq * (q - t0) ** 2 / 2, (n, 3))
    phi = draw(rng, -np.pi, np.pi, lambda q: -beta * torsion(q), (n, 2))
    beads = np.zeros((n, 5, 3))
    beads[:, 1, 2] = r[:, 0]
    beads[:, 2, 0] = r[:, 1] * np.sin(theta[:, 0])
    beads[:, 2, 2] = r[:, 0] - r[:, 1] * np.cos(theta[:, 0])
    for new in (3, 4):
        a, b, c = (beads[:, new - k] for k in (3, 2, 1))
        along = (c - b) / np.linalg.norm(c - b, axis=1, keepdims=True)
        normal = np.cross(b - a, along)
        normal /= np.linalg.norm(normal, axis=1, keepdims=True)
        angle, turn = theta[:, new - 2, None], phi[:, new - 3, None]
        beads[:, new] = c + r[:, new - 1, None] * (
            -np.cos(angle) * along
            + np.sin(angle) * (np.cos(turn) * np.cross(normal, along) + np.sin(turn) * normal)
        )
    return torch.from_numpy(beads).float()


def frames_of(positions: torch.Tensor, temperatures, weights=None) -> Frames:
    """Frames whose forces are those of the bonded terms."""
    n = len(positions)
    internal = InternalCoordinates(
        CoordinateList((), CHAIN.bonds, CHAIN.angles, CHAIN.dihedrals),
        5,
        torch.float64,
    )
    q, vectors = internal.evaluate(positions.double())
    _, slope = fourier(q[:, 7:], torch.tensor([COSINE] * 2), torch.tensor([SINE] * 2))
    gradient = torch.cat(
        [BOND[1] * (q[:, :4] - BOND[0]), ANGLE[1] * (q[:, 4:7] - ANGLE[0]), slope], dim=1
    )
    block = torch.arange(n) * 20 // n
    forces = -internal.pull_back(gradient, vectors).float()
    return Frames(
        positions, forces, torch.as_tensor(temperatures).expand(n).float(), block % 5, block,
        CHAIN, weights,
    )  # fmt: skip
