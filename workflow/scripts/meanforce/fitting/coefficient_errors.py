"""Errors of fitted coefficients.

The covariance is H⁻¹(S + σ²P)H⁻¹, H = G + P the normal matrix with penalties P:

- S is the sum over time blocks m of s_m s_mᵀ with the scores s_m = Σ Aᵀ(f − Ac), minus their share
  of the sum: the sandwich with clusters; Liang, Zeger, Biometrika 73, 13 (1986). It includes
  correlation in time and noise that differs from place to place.
- σ²P is the contribution of the penalties, read as a prior, as in the Bayesian covariance σ²H⁻¹ =
  H⁻¹(σ²G + σ²P)H⁻¹; Wahba, J. R. Stat. Soc. B 45, 133 (1983). It is the error where there are no
  frames, and it represents the bias of the penalties elsewhere.

Both parts are stored with the model; `potentials.uncertainty` makes error bars from them.
"""

from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import cho_factor, cho_solve

from meanforce.fitting.frames import Frames
from meanforce.fitting.normal_equations import Accumulator, NormalEquations
from meanforce.fitting.projection import Projection, Run
from meanforce.fitting.regularisation import Choice

BLOCKS = 60
"""Least number of pieces; time blocks are cut further until there are this many."""


def coefficient_errors(
    normal: NormalEquations,
    frames: Frames,
    folds: list[int],
    choice: Choice,
    coefficients: np.ndarray,
    passed: Callable[[int], None] = lambda frames: None,
) -> dict[str, torch.Tensor]:
    """Tensors from which error bars are made.

    Args:
        normal: normal equations.
        frames: of the training.
        folds: that were fitted.
        choice: of the penalties.
        coefficients: fitted, shape (K,).
        passed: called with the number of frames processed so far.

    Returns:
        float64: `influences`, H⁻¹s_m, shape (K, blocks); `prior`, the part of σ²H⁻¹PH⁻¹ of each
        curve, shape (curves, forms·widest, forms·widest), padded with zeros; `mean_basis`, mean of
        each basis function over the frames and the coordinates of its curve, shape (K / forms,).
    """
    runs = [run for run in normal.runs if run.fold in folds]
    pieces = [part for run in runs for part in run.split(-(-BLOCKS // len(runs)))]
    scores, counts, square = _scores(normal, frames, pieces, coefficients, passed)
    total = normal.total(folds)
    matrix, _ = normal.regularised(folds, choice.ridge, choice.smoothness)
    factor = cho_factor(matrix)
    scores -= scores.sum(1, keepdims=True) * counts / counts.sum()
    n = len(pieces)
    influences = cho_solve(factor, scores) * np.sqrt(n / max(n - 1, 1))
    shrunk = cho_solve(factor, matrix - total.matrix)
    prior = cho_solve(factor, shrunk.T)
    effective = len(coefficients) - float(np.trace(shrunk))
    variance = square / max(normal.count(folds) - effective, 1.0)
    basis, n_forms = normal.potential.basis_functions, len(coefficients) // total_size(normal)
    shares = np.bincount(basis.owners.numpy(), minlength=len(normal.potential.curves))
    coordinates = np.repeat(shares, [curve.functions for curve in normal.potential.curves])
    activation = total.activation[: basis.size]
    return {
        "influences": torch.from_numpy(influences),
        "prior": torch.from_numpy(variance * _blocks(prior, normal, n_forms)),
        "mean_basis": torch.from_numpy(activation / (coordinates * total.count)),
    }


def total_size(normal: NormalEquations) -> int:
    """Number of coefficients of one temperature form."""
    return normal.potential.basis_functions.size


def _scores(
    normal: NormalEquations,
    frames: Frames,
    pieces: list[Run],
    coefficients: np.ndarray,
    passed: Callable[[int], None],
) -> tuple[np.ndarray, np.ndarray, float]:
    """Scores, shape (K, pieces); weight of each piece; weighted sum of squared residuals."""
    potential, basis = normal.potential, normal.potential.basis_functions
    projection, chunk = Projection(potential, frames), Accumulator(potential).chunk
    parts = torch.from_numpy(coefficients).reshape(-1, basis.size)
    scores, counts, square, done = [], [], 0.0, 0
    for piece in pieces:
        form = potential.temperature_form(torch.tensor([piece.temperature], dtype=torch.float64))
        own = basis.padded((form @ parts)[0].to(potential.dtype))[basis.owners]
        score = torch.zeros(len(potential.curves), basis.widest, dtype=torch.float64)
        count = 0.0
        for part in piece.chunks(chunk):
            block = projection.block(part)
            _, slope = basis.evaluate(block.coordinates)
            change = (own[:, None] @ slope)[:, 0]
            residual = block.forces + torch.einsum("mbxn,mn->bxn", block.gradients, change)
            along = block.along(residual)
            score.index_add_(0, basis.owners, (slope @ along[..., None])[..., 0].double())
            squares = residual.square().sum((0, 1)).double()
            square += float((squares if block.weights is None else squares * block.weights).sum())
            count += block.count
            done += part.stop - part.start
            passed(done)
        flat = torch.zeros(basis.size + 1, dtype=torch.float64)
        flat[basis.index] = score
        scores.append((form.T * flat[:-1]).flatten())
        counts.append(count)
    return torch.stack(scores, dim=1).numpy(), np.array(counts), square


def _blocks(matrix: np.ndarray, normal: NormalEquations, n_forms: int) -> np.ndarray:
    """Each curve's part of a matrix of all coefficients."""
    basis, size = normal.potential.basis_functions, total_size(normal)
    wide = n_forms * basis.widest
    result = np.zeros((len(normal.potential.curves), wide, wide))
    for number, curve in enumerate(normal.potential.curves):
        own = basis.index[number, : curve.functions].numpy()
        rows = np.concatenate([own + form * size for form in range(n_forms)])
        places = np.concatenate(
            [np.arange(curve.functions) + form * basis.widest for form in range(n_forms)]
        )
        result[np.ix_([number], places, places)] = matrix[np.ix_(rows, rows)]
    return result
