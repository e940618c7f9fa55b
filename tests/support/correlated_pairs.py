"""Perfect models and references of a known surface, correlated and biased as in real runs.

The surface is (φ, ψ) of capped alanine (tests/data). References are walkers that diffuse under the
bias of a converged well-tempered metadynamics (bias factor 6), reweighted; models are many short
chains under the same bias, started evenly over the surface. Both are Markov chains on the bins,
with Metropolis' rule, whose steps give φ and ψ a correlation time of 5 to 10 ps, as in the real
runs. Four beads carry them: φ is their dihedral, and bonds and angles are slow noise.
"""

import dataclasses

import numpy as np
from comparisons import compare
from scipy.ndimage import gaussian_filter
from scipy.signal import lfilter

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.samples import Sample
from meanforce.core.topology import Topology
from meanforce.settings.collective_variables import CollectiveVariableSettings

BEADS = Topology.of_beads(("A", "B", "C", "D"), ("A", "B", "C", "D"), ((0, 1), (1, 2), (2, 3)))
VARIABLES = {
    name: CollectiveVariableSettings(kind="dihedral", mapping="m", beads=list(BEADS.names))
    for name in ("phi", "psi")
}
PI = float(np.pi)
VALIDATION = {
    "surface": ["phi", "psi"],
    "bins": 60,
    "lower": None,
    "upper": None,
    "basins": {
        "alphaR": [{"phi": [-PI, 0.0], "psi": [-2.0, 0.9]}],
        "beta": [{"phi": [-PI, 0.0], "psi": [-PI, -2.0]}, {"phi": [-PI, 0.0], "psi": [0.9, PI]}],
        "phi_negative": [{"phi": [-PI, 0.0]}],
        "phi_positive": [{"phi": [0.0, PI]}],
    },
    "differences": {
        "alphaR_beta": ["alphaR", "beta"],
        "phi_positive": ["phi_positive", "phi_negative"],
    },
    "barriers": {"phi": ["phi_negative", "phi_positive"]},
}
"""As in config/config.yaml."""

REACH = 3
"""Largest step in bins, each way."""

MEMORY = 20.0
"""Correlation time of bonds and angles in frames."""

LEAST = 2e-7
"""Population that is added to each bin, so that none is out of reach."""


@dataclasses.dataclass(frozen=True)
class Surface:
    """Populations of the bins, and those under the bias; both of shape (n, n)."""

    populations: np.ndarray
    biased: np.ndarray

    @classmethod
    def of(cls, density: np.ndarray, bias_factor: float = 6.0) -> "Surface":
        smooth = gaussian_filter(density.astype(float), 0.7, mode="wrap") / density.sum() + LEAST
        populations = smooth / smooth.sum()
        biased = populations ** (1 / bias_factor)
        return cls(populations, biased / biased.sum())

    def walk(
        self,
        walkers: int,
        frames: int,
        rng: np.random.Generator,
        steps: int = 1,
        before: int = 300,
        spread: bool = False,
    ) -> np.ndarray:
        """Bins of walkers, shape (frames, walkers).

        Args:
            walkers: number of walkers.
            frames: of each.
            rng: source of random numbers.
            steps: between frames.
            before: steps before the first frame.
            spread: start evenly over the bins that matter, and not from equilibrium.
        """
        n, flat = len(self.biased), self.biased.ravel().astype(np.float32)
        if spread:
            place = rng.choice(np.flatnonzero(flat > 0.02 * flat.max()), walkers)
        else:
            place = rng.choice(flat.size, walkers, p=self.biased.ravel())
        i, j, here = place // n, place % n, flat[place]
        found = np.empty((frames, walkers), dtype=np.int16)
        total = before + frames * steps
        for number in range(total):
            if number % 1000 == 0:
                size = (min(1000, total - number), walkers)
                moves = rng.integers(-REACH, REACH + 1, (2, *size), dtype=np.int8)
                chances = rng.random(size, dtype=np.float32)
            k = number % 1000
            a, b = (i + moves[0, k]) % n, (j + moves[1, k]) % n
            there = flat[a * n + b]
            taken = chances[k] * here < there
            i, j = np.where(taken, a, i), np.where(taken, b, j)
            here = np.where(taken, there, here)
            done = number + 1 - before
            if done > 0 and done % steps == 0:
                found[done // steps - 1] = i * n + j
        return found

    def sample(
        self,
        bins: np.ndarray,
        rng: np.random.Generator,
        blocks: int,
        replicas: bool = False,
        tilt: np.ndarray | None = None,
    ) -> Sample:
        """A sample of walkers' bins, shape (frames, walkers).

        Args:
            bins: from `walk`.
            rng: for places within the bins, bonds and angles.
            blocks: of a walker with `replicas`, or groups of walkers.
            replicas: whether walkers are replicas of a reference, and not chains of a model.
            tilt: free energy in kT that is added to the surface's, by bins: a wrong model.
        """
        n, (frames, walkers) = len(self.biased), bins.shape
        log_weights = np.log(self.populations / self.biased).ravel()
        if tilt is not None:
            log_weights = log_weights - tilt.ravel()
        angles = [
            (part + rng.random(part.shape)) / n * 2 * PI - PI for part in (bins // n, bins % n)
        ]
        weights = np.exp(log_weights[bins] - log_weights.max())
        time, walker = np.meshgrid(np.arange(frames), np.arange(walkers), indexing="ij")

        def flat(values: np.ndarray) -> np.ndarray:
            """One walker after the other, each in order of time."""
            return values.T.reshape(-1)

        if replicas:
            block, n_blocks = walker * blocks + time * blocks // frames, walkers * blocks
        else:
            block, n_blocks = walker * blocks // walkers, blocks
        phi, psi = map(flat, angles)
        several = replicas and walkers >= 4
        return Sample(
            positions=_positions(phi, walkers, rng),
            variables=np.stack([phi, psi], axis=1),
            weights=flat(weights) / weights.sum(),
            blocks=flat(block),
            chains=flat(walker),
            n_blocks=n_blocks,
            molecule=BEADS,
            masses=np.ones(4),
            times=flat(time).astype(float),
            replicas=flat(walker) if several else None,
        )


def _positions(phi: np.ndarray, walkers: int, rng: np.random.Generator) -> np.ndarray:
    """Beads with a dihedral φ and slowly fluctuating bonds and angles, nm, shape (n, 4, 3)."""
    keep = np.exp(-1 / MEMORY)
    noise = rng.standard_normal((5, walkers, len(phi) // walkers))
    noise[:, :, 1:] *= np.sqrt(1 - keep**2)
    noise = lfilter([1.0], [1.0, -keep], noise, axis=2).reshape(5, -1)
    first, middle, last = 0.15 + 0.004 * noise[:3]
    before, after = 1.95 + 0.06 * noise[3:]
    zero = np.zeros_like(phi)
    a = np.stack([first * np.cos(PI - before), first * np.sin(PI - before), zero], axis=1)
    turned = last * np.sin(PI - after)
    d = np.stack(
        [middle + last * np.cos(PI - after), turned * np.cos(phi), turned * np.sin(phi)], axis=1
    )
    c = np.stack([middle, zero, zero], axis=1)
    a[:, 0] *= -1
    return np.stack([a, np.zeros_like(a), c, d], axis=1).astype(np.float32)


def comparison(model: Sample, reference: Sample, seed: int) -> Comparison:
    """Comparison of a model without an ensemble."""
    made = compare(model, reference, variables=VARIABLES, **VALIDATION)
    return dataclasses.replace(made, seed=seed)
