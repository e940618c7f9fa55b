"""Inner ends of fitted pair curves: walls where few frames have beads that close.

The nearest pairs of all frames set where a curve's splines begin, but only a handful of pairs are
there. Their noise, or the penalties alone, decide the last coefficients, and a curve may turn over
inwards: beads of a CG run that come so close fall into one another. So below the first well-sampled
function K coefficients rise inwards at least as the force, extrapolated linearly, asks for:

    s_k = c_k − c_{k+1} ≥ |s_{k+1}| + q    for k < K,

with q ≥ 0 the mean change of s from knot to knot over the `PART` functions above K. Coefficients
that rise by less are replaced by that; others, as in long runs, stay as they were fitted. B-splines
whose coefficients rise inwards do so themselves (de Boor, A Practical Guide to Splines (1978), ch.
XI): the curve rises monotonically from the centre of K inwards, and nowhere less steeply than the
last well-sampled coefficients. Linear extrapolation of the force is the practice of VOTCA as well
(Rühle et al., J. Chem. Theory Comput. 5, 3211 (2009)). Between that centre and one spacing above
it, a curve changes by at most a sixth of the change of one coefficient; farther out not at all.

A function is well sampled if it and the two above it have `FEWEST` independent samples. Where the
noise of the forces is large, these still leave the slope at K open; then K is the next function
whose slope is negative by `SURE` of its standard errors, as long as no slope before it is positive
by as much, which would be a finding of the data.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.uncertainty import slope_with_error

FEWEST = 50.0
"""Independent samples of a well-sampled function: pairs of beads near its centre."""

SURE = 2.0
"""Standard errors by which a slope differs from zero."""

PART = 4
"""Functions above the first well-sampled one from which the force is extrapolated."""

SQUARED = 0.479
"""Mean of φ over that of φ² within its support is 1/SQUARED, for cubic B-splines."""


@dataclasses.dataclass(frozen=True)
class Continuation:
    """Coefficients of a curve below function K = `first`, those above as they were fitted.

    Attributes:
        parts: by temperature form, kJ/mol, shape (forms, functions).
        matrix: their derivatives with respect to the fitted ones, shape (functions, functions).
        changed: whether any differ.
    """

    parts: np.ndarray
    matrix: np.ndarray
    changed: bool


def independent_samples(
    activations: np.ndarray, counts: np.ndarray, temperatures: np.ndarray
) -> np.ndarray:
    """Number of independent samples of each basis function.

    Pairs that stay close from frame to frame are not independent, so that their number in pieces of
    the time scatters more than by Poisson's law: the variance over pieces divides the sum. Pieces
    are compared with those of their temperature, because the temperature changes how many pairs are
    close.

    Args:
        activations: Σ φ over the pairs of each piece, shape (pieces, K).
        counts: weighted frames of each piece, shape (pieces,).
        temperatures: of each piece, K, shape (pieces,).
    """
    total, scatter, free = activations.sum(0), np.zeros(activations.shape[1]), 0
    for temperature in np.unique(temperatures):
        own = temperatures == temperature
        expected = np.outer(counts[own] / counts[own].sum(), activations[own].sum(0))
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = (activations[own] - expected) ** 2 / expected
        scatter += np.where(expected > 0, ratios, 0.0).sum(0)
        free += own.sum() - 1
    return total / np.maximum(scatter / max(free, 1) / SQUARED, 1.0)


def with_inner_walls(
    potential: LinearPotential,
    samples: np.ndarray,
    temperatures: list[float],
    report: Callable[[str], None],
) -> tuple[LinearPotential, dict[str, Any]]:
    """A fitted potential whose pair curves rise inwards from where their data end.

    Args:
        potential: splines of terms, with the errors of their coefficients.
        samples: independent ones of each basis function, shape (K,).
        temperatures: of the training, K.
        report: called with lines for the log.

    Returns:
        the potential, and for each changed curve where its wall begins, nm.
    """
    coefficients = potential.coefficients.double().numpy().copy()
    n_forms = 2 if potential.values["temperature"] == "linear" else 1
    parts = coefficients.reshape(n_forms, -1)
    form = potential.temperature_form(torch.tensor(temperatures, dtype=torch.float64)).numpy()
    size = parts.shape[1]
    whole = np.eye(len(coefficients))
    begins: dict[str, float] = {}
    blocks = {name: tensor.double().numpy().copy() for name, tensor in potential.errors.items()}
    for number, curve in enumerate(potential.curves):
        if curve.kind != "pairs":
            continue
        own = potential.of_curves.index[number, : curve.functions].numpy()
        first = _first_sampled(samples[own])
        if first is None:
            report(
                f"warning: pairs {curve.name} have fewer than {FEWEST:g} independent samples at "
                "any distance; their curve is not to be trusted, and has no wall"
            )
            continue
        first = _first_sure(potential, number, first, temperatures)
        if not first:
            continue
        found = _continued(parts[:, own], first, form)
        if not found.changed:
            continue
        parts[:, own] = found.parts
        for start in range(0, n_forms * size, size):
            whole[np.ix_(start + own, start + own)] = found.matrix
        if "prior" in blocks:
            widest, places = potential.of_curves.widest, np.arange(curve.functions)
            along = np.eye(n_forms * widest)
            for start in range(0, n_forms * widest, widest):
                along[np.ix_(start + places, start + places)] = found.matrix
            blocks["prior"][number] = along @ blocks["prior"][number] @ along.T
        begins[curve.name] = round(curve.lower + curve.spacing * first, 6)
    if not begins:
        return potential, {}
    for name, place in begins.items():
        report(f"pairs {name}: a wall takes the place of the splines below {place:.4g} nm")
    if "influences" in blocks:
        blocks["influences"] = whole @ blocks["influences"]
    errors = {name: torch.from_numpy(array).to(potential.dtype) for name, array in blocks.items()}
    changed = torch.from_numpy(coefficients).to(potential.dtype)
    return type(potential)(potential.values, changed, errors), begins


def _first_sampled(samples: np.ndarray) -> int | None:
    """The first function that is well sampled together with the two above it."""
    enough = samples >= FEWEST
    threes = np.flatnonzero(enough[:-2] & enough[1:-1] & enough[2:])
    return int(threes[0]) if len(threes) else None


def _first_sure(
    potential: LinearPotential, number: int, first: int, temperatures: list[float]
) -> int:
    """The first function from `first` on at which the curve is known to fall outwards."""
    curve = potential.curves[number]
    if "influences" not in potential.errors:
        return first
    centres = curve.lower + curve.spacing * np.arange(first, curve.functions - 2)
    places = torch.from_numpy(np.maximum(centres, curve.sampled[0]))
    slope, error = slope_with_error(potential, places, float(np.mean(temperatures)), number)
    score = (slope / error).numpy()
    open_ended = ~(abs(score) >= SURE)
    settled = int(np.argmin(open_ended)) if not open_ended.all() else 0
    return first + settled if score[settled] <= -SURE else first


def _continued(fitted: np.ndarray, first: int, form: np.ndarray) -> Continuation:
    """Coefficients that rise inwards at all temperatures of the training.

    Args:
        fitted: by temperature form, kJ/mol, shape (forms, functions).
        first: K.
        form: factors of the forms at each temperature, shape (n, forms).
    """
    functions = fitted.shape[1]
    parts, matrix, changed = fitted.copy(), np.eye(functions), False
    steps = fitted[:, :-1] - fitted[:, 1:]
    part = min(PART, functions - 2 - first)
    bend, bend_row = np.zeros(len(fitted)), np.zeros(functions)
    if (
        part > 0
        and (form @ (change := (steps[:, first] - steps[:, first + part]) / part) > 0).all()
    ):
        bend = change
        bend_row[[first, first + 1, first + part, first + part + 1]] += (
            np.array([1, -1, -1, 1]) / part
        )
    for k in range(first - 1, -1, -1):
        least = abs(form @ steps[:, k + 1]) + form @ bend
        if (form @ steps[:, k] >= least).all():
            row = np.eye(functions)[k] - np.eye(functions)[k + 1]
        else:
            changed = True
            steps[:, k] = steps[:, k + 1] + bend
            row = matrix[k + 1] - matrix[k + 2] + bend_row
            # A curve that falls inwards at K, at any temperature, turns there.
            steps[0, k] += max(0.0, float((least - form @ steps[:, k]).max()))
        parts[:, k] = parts[:, k + 1] + steps[:, k]
        matrix[k] = matrix[k + 1] + row
    return Continuation(parts, matrix, changed)
