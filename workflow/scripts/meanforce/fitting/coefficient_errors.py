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
from meanforce.fitting.normal_equations import NormalEquations
from meanforce.fitting.regularisation import Choice
from meanforce.potentials.linear import LinearPotential


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
    scores = normal.scores(frames, folds, coefficients, passed)
    total = normal.total(folds)
    matrix, _ = normal.regularised(folds, choice.ridge, choice.smoothness)
    factor = cho_factor(matrix)
    shares = scores.counts / scores.counts.sum()
    apart = scores.values - scores.values.sum(1, keepdims=True) * shares
    n = len(shares)
    influences = cho_solve(factor, apart) * np.sqrt(n / max(n - 1, 1))
    shrunk = cho_solve(factor, matrix - total.matrix)
    prior = cho_solve(factor, shrunk.T)
    effective = len(coefficients) - float(np.trace(shrunk))
    variance = scores.square / max(normal.count(folds) - effective, 1.0)
    basis = normal.potential.of_curves
    coordinates = np.repeat(
        normal.potential.coordinates_of_curves(),
        [curve.functions for curve in normal.potential.curves],
    )
    activation = total.activation[: basis.size]
    return {
        "influences": torch.from_numpy(influences),
        "prior": torch.from_numpy(variance * blocks_of_curves(prior, normal.potential)),
        "mean_basis": torch.from_numpy(activation / (coordinates * total.count)),
    }


def blocks_of_curves(matrix: np.ndarray, potential: LinearPotential) -> np.ndarray:
    """Each curve's part of a matrix of all coefficients, shape (curves, widest, widest) or more.

    Args:
        matrix: shape (forms · K, forms · K).
        potential: whose coefficients they are.
    """
    basis = potential.of_curves
    size = basis.size
    n_forms = len(matrix) // size
    wide = n_forms * basis.widest
    result = np.zeros((len(potential.curves), wide, wide))
    for number, curve in enumerate(potential.curves):
        own = basis.index[number, : curve.functions].numpy()
        rows = np.concatenate([own + form * size for form in range(n_forms)])
        places = np.concatenate(
            [np.arange(curve.functions) + form * basis.widest for form in range(n_forms)]
        )
        result[np.ix_([number], places, places)] = matrix[np.ix_(rows, rows)]
    return result
