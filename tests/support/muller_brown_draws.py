"""Exact, independent frames of the Müller–Brown system under a bias in x, drawn by quadrature."""

import functools

import numpy as np
import torch
from scipy.signal import lfilter
from scipy.special import ndtr

from meanforce.analysis.metrics.exact_pmf import features_of
from meanforce.core.topology import Topology
from meanforce.fitting.frames import BLOCKS_PER_FOLD, Frames
from meanforce.potentials.linear import LinearPotential
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential
from meanforce.systems.muller_brown_surface import energy, pmf
from meanforce.units import kt

TEMPERATURE = 300.0
THERMAL = kt(TEMPERATURE)
BEAD = Topology.of_beads(("X",), ("X",), ())
VARIABLES = {"x": CollectiveVariableSettings(kind="coordinate", mapping="x", beads=["X"], axis="x")}

X = np.linspace(5, 58, 2121)
Y = np.linspace(-20, 60, 1601)
WELLS = (23.05, 41.6)
"""The minima of the PMF, nm."""

PUBLISHED = THERMAL * -4.0 * np.exp(-((X - 32.0) ** 2) / (2 * 5.0**2))
"""The published bias on the grid X, kJ/mol."""

DESIGNED = 16 * np.exp(-((X - 23) ** 2) / (2 * 3.6**2)) + 0.06 * (X - 28) ** 2
"""The bias of config/muller_brown.yaml that puts frames between the wells, kJ/mol."""


_PMF = pmf(X, TEMPERATURE)


@functools.cache
def _tables() -> tuple[np.ndarray, np.ndarray]:
    """Cumulative p(y|x) and −∂V/∂x in kJ/mol/nm on the grid, each of shape (n_x, n_y)."""
    values = energy(X[:, None], Y) / THERMAL
    weights = np.exp(-(values - values.min(axis=1, keepdims=True)))
    forces = -(energy(X[:, None] + 1e-4, Y) - energy(X[:, None] - 1e-4, Y)) / 2e-4
    return np.cumsum(weights, axis=1) / weights.sum(axis=1, keepdims=True), forces


@functools.cache
def _rising() -> np.ndarray:
    """Cumulative p(y|x) + 2·(number of x), shape (n_x·n_y,)."""
    return (_tables()[0] + 2.0 * np.arange(len(X))[:, None]).ravel()


@functools.cache
def mean_force() -> np.ndarray:
    """Mean of −∂V/∂x on the grid X, kJ/mol/nm."""
    cumulative, forces = _tables()
    return (np.diff(cumulative, axis=1, prepend=0.0) * forces).sum(axis=1)


def density(bias: np.ndarray) -> np.ndarray:
    """Probability density of x under a bias on the grid X (kJ/mol), 1/nm."""
    exponent = -(_PMF + bias) / THERMAL
    weights = np.exp(exponent - exponent.max())
    return weights / (weights.sum() * (X[1] - X[0]))


def bound(bias: np.ndarray, n: int) -> float:
    """Standard error of the well difference, kT, from mean forces in narrow bins of n frames.

    √∫ σ²(x)/(n p(x)) dx between the wells, with the variance σ² of the force at fixed x.
    """
    cumulative, forces = _tables()
    weights = np.diff(cumulative, axis=1, prepend=0.0)
    variance = (weights * (forces - mean_force()[:, None]) ** 2).sum(axis=1) / THERMAL**2
    between = abs(X - np.mean(WELLS)) < np.ptp(WELLS) / 2
    step = X[1] - X[0]
    return float(np.sqrt((variance / density(bias))[between].sum() * step / n))


def influence(frames: Frames, bias: np.ndarray) -> np.ndarray:
    """What each frame adds to the well difference, kT: (⟨f⟩ − f)/p(x) between the wells.

    Its mean over frames is the error of binned mean forces in the limit of narrow bins and many
    frames, whose variance is the squared bound; its autocorrelation is the one that matters.
    """
    x, force = (a[:, 0, 0].double().numpy() for a in (frames.positions, frames.forces))
    between = abs(x - np.mean(WELLS)) < np.ptp(WELLS) / 2
    noise = np.interp(x, X, mean_force()) - force
    return np.where(between, noise / np.interp(x, X, density(bias)), 0.0) / THERMAL


def uniform(rng: np.random.Generator, n: int, memory: float) -> np.ndarray:
    """Uniform numbers, shape (n,), from a normal series with the correlation time `memory`."""
    if memory == 0:
        return rng.random(n)
    keep = np.exp(-1 / memory)
    kicks = rng.standard_normal(n)
    kicks[1:] *= np.sqrt(1 - keep**2)
    return ndtr(lfilter([1.0], [1.0, -keep], kicks))


def draw(bias: np.ndarray, n: int, seed: int, folds: int = 5, memory: float = 0.0) -> Frames:
    """Frames with the folds and blocks of one replica.

    Args:
        bias: on the grid X, kJ/mol.
        n: number of frames.
        seed: of the draw.
        folds: that blocks are dealt to.
        memory: autocorrelation time, in frames, of the normal variables behind x and y|x, whose
            distributions are exact for any; 0: frames are independent.
    """
    rng = np.random.default_rng(seed)
    _, forces = _tables()
    marginal = np.cumsum(density(bias))
    at_x = np.searchsorted(marginal / marginal[-1], uniform(rng, n, memory)).clip(max=len(X) - 1)
    # All rows one after the other ascend when each starts above the end of the one before.
    places = np.searchsorted(_rising(), 2.0 * at_x + uniform(rng, n, memory))
    at_y = (places - at_x * len(Y)).clip(max=len(Y) - 1)
    vectors = np.zeros((2, n, 1, 3), dtype=np.float32)
    vectors[0, :, 0, 0], vectors[1, :, 0, 0] = X[at_x], forces[at_x, at_y]
    block = torch.arange(n) * folds * BLOCKS_PER_FOLD // n
    return Frames(
        positions=torch.from_numpy(vectors[0]),
        forces=torch.from_numpy(vectors[1]),
        temperatures=torch.full((n,), TEMPERATURE),
        folds=block % folds,
        blocks=block,
        molecule=BEAD,
    )


def settings(kind: str, **changes) -> Potential:
    """A linear potential of x as in config/muller_brown.yaml."""
    values = {
        "kind": kind, "collective_variable": "x", "lower": 8.0, "upper": 58.0, "functions": 30,
        "temperature": "none",
    }  # fmt: skip
    return validated(Potential, values | changes, "potential")


GRID = np.linspace(10.0, 56.0, 2000)
EXACT_WELL = features_of(GRID, np.interp(GRID, X, _PMF) / THERMAL)[0]
"""Exact difference of the wells on this grid, kT."""


def curve(potential: LinearPotential) -> np.ndarray:
    """U on GRID in kT."""
    return potential.curve(torch.from_numpy(GRID), TEMPERATURE)[0].numpy() / THERMAL
