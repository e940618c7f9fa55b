"""Where a fit that iterates is: all that its result depends on, for a restart bundle."""

import dataclasses
from typing import Any, Self

import numpy as np

from meanforce.fitting.iterative.histograms import Counts
from meanforce.fitting.iterative.moments import Moments
from meanforce.fitting.iterative.observer import Kept, Observed
from meanforce.restart.bundle import Bundle

Row = dict[str, float]
"""Numbers of one iteration, by the names of their columns."""


@dataclasses.dataclass(frozen=True)
class Best:
    """An iterate whose distributions were measured.

    Attributes:
        coefficients: kJ/mol, shape (K,).
        update: what would be added to them at full step.
        iteration: its number.
        floors: of its distributions, shape (n_terms,).
        score: distance of its distributions from their targets, in floors.
        total: the same with that of the pressure, if one is wanted.
    """

    coefficients: np.ndarray
    update: np.ndarray
    floors: np.ndarray
    iteration: int
    score: float
    total: float


@dataclasses.dataclass
class Iterate:
    """A fit at one instant.

    Attributes:
        coefficients: of the potential that is run now, kJ/mol, shape (K,).
        step: factor of updates.
        iteration: number of CG runs that were evaluated.
        halvings: how often the step was halved as the fit ran away.
        shortened: iterations after which the step was last halved, for that or as they came no
            closer.
        best: the best iterate so far.
        rows: of the iterations so far.
        ends: where the chains of the last run ended, by the number of the state point, nm.
        observed: at the state points whose run of this iteration is done.
        engine: name and device, from the first run on.
        memory: of the method.
        ended: why the fit ended; empty while it goes on.
    """

    coefficients: np.ndarray
    step: float
    iteration: int = 0
    halvings: int = 0
    shortened: int = 0
    best: Best | None = None
    rows: list[Row] = dataclasses.field(default_factory=list)
    ends: dict[int, np.ndarray] = dataclasses.field(default_factory=dict)
    observed: list[Observed] = dataclasses.field(default_factory=list)
    engine: list[str] | None = None
    memory: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    ended: str = ""

    def next(self, coefficients: np.ndarray) -> None:
        """Go on to the next iteration with these coefficients."""
        self.coefficients, self.observed = coefficients, []
        self.iteration += 1

    def packed(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Arrays and plain values of a restart bundle."""
        arrays = {"coefficients": self.coefficients}
        arrays |= {f"{ENDS}{n}": ends for n, ends in self.ends.items()}
        arrays |= {MEMORY + name: array for name, array in self.memory.items()}
        for n, one in enumerate(self.observed):
            arrays |= {f"sums/{n}": one.counts.sums, f"weights/{n}": one.counts.weights}
            arrays[f"effective/{n}"] = np.array(one.counts.effective)
            if one.moments is not None:
                arrays |= {f"features/{n}": one.moments.sums, f"squares/{n}": one.moments.squares}
            if one.frames is not None:
                arrays |= {f"kept/{n}/{name}": array for name, array in vars(one.frames).items()}
        plain = {name: getattr(self, name) for name in PLAIN}
        plain["pressures"] = [one.pressure for one in self.observed]
        if self.best is not None:
            arrays |= {f"best/{name}": getattr(self.best, name) for name in OF_BEST}
            plain["best"] = {name: getattr(self.best, name) for name in PLAIN_OF_BEST}
        return arrays, plain

    @classmethod
    def of(cls, bundle: Bundle) -> Self:
        """The inverse of `packed`."""
        arrays, info = bundle.arrays, bundle.info
        best = None
        if "best" in info:
            best = Best(**{name: arrays[f"best/{name}"] for name in OF_BEST}, **info["best"])
        observed = [_observed(arrays, n, pressure) for n, pressure in enumerate(info["pressures"])]
        ends = {int(number): array for number, array in part_of(arrays, ENDS).items()}
        memory = part_of(arrays, MEMORY)
        # Bundles of earlier versions have no `shortened`.
        plain = {name: info[name] for name in PLAIN if name in info}
        of_runs = {"ends": ends, "observed": observed, "memory": memory}
        return cls(arrays["coefficients"], best=best, **of_runs, **plain)


def _observed(arrays: dict[str, np.ndarray], number: int, pressure: list[float] | None) -> Observed:
    """What the run at a state point gave."""
    weights, moments = arrays[f"weights/{number}"], None
    effective = float(arrays.get(f"effective/{number}", 1.0))
    if f"features/{number}" in arrays:
        sums = arrays[f"features/{number}"], arrays[f"squares/{number}"]
        moments = Moments(*sums, weights, effective)
    counts = Counts(arrays[f"sums/{number}"], weights, effective)
    kept = part_of(arrays, f"kept/{number}/")
    return Observed(counts, pressure and tuple(pressure), moments, Kept(**kept) if kept else None)


def part_of(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Arrays whose names begin with a prefix, without it."""
    found = (name for name in arrays if name.startswith(prefix))
    return {name.removeprefix(prefix): arrays[name] for name in found}


ENDS, MEMORY = "ends/", "memory/"
"""Prefixes of arrays."""

PLAIN = ("step", "iteration", "halvings", "shortened", "rows", "engine", "ended")
"""Plain values of an `Iterate`."""

OF_BEST = ("coefficients", "update", "floors")
PLAIN_OF_BEST = ("iteration", "score", "total")
