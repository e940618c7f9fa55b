"""Fitting method `relative_entropy`: CG runs and Newton steps until S_rel is at its minimum."""

import functools

import numpy as np
from scipy.linalg import block_diag

from meanforce.fitting.iterative.fit import fit_with
from meanforce.fitting.iterative.iterate import Row
from meanforce.fitting.iterative.moments import Features, Moments
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.projection import SPREAD, WEAKEST, differences
from meanforce.fitting.iterative.states import State
from meanforce.units import kt


GRADIENT = 2**0.5
"""Gradient at the minimum, at most, in units of its noise: the variance of what is correlated in
time is known to a factor of two. With exact variances and 20 functions, noise exceeds it in one of
200 cases."""


class RelativeEntropy:
    """c ← c − H⁻¹∇S, with ∇S = β(⟨Φ⟩_AA − ⟨Φ⟩_CG) and H = β² Cov Φ; S is convex in c.

    Shell, J. Chem. Phys. 129, 144108 (2008); Chaimovich, Shell, J. Chem. Phys. 134, 094112 (2011).
    With Cov Φ of the CG run alone, Newton steps diverge where the atomistic frames are and the CG
    run is not. ∇S is the integral of the Hessian along the way to the minimum, whose ends are the
    two ensembles where the basis holds the exact potential; so the mean of their covariances (the
    trapezoidal rule) takes the place of the one at the start. The minimum is the same.

    Args:
        problem: what does not change from iteration to iteration.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        rows = [
            differences(curve.functions, 1, curve.periodic) / SPREAD[1]
            for curve in problem.blank.curves
        ]
        self._prior = block_diag(*(own.T @ own for own in rows))
        # Directions in the forms of temperature that some state point determines.
        _, scales, directions = np.linalg.svd(problem.forms, full_matrices=False)
        self._directions = directions[scales > 1e-6 * scales.max()].T

    features = Features

    def columns(self, observed: list[Observed]) -> Row:
        """`gradient`, in units of its noise, and `relative_entropy`, S above its minimum.

        gradient: √(∇Sᵀ Σ⁻¹ ∇S / K) with the covariance Σ of the noise of ∇S and K directions that
        it has; at the minimum it is 1 on average. It sees what distances of g(r) hardly do, as the
        tail of a potential, whose small changes of g are alike at all distances.

        relative_entropy: ½ ∇Sᵀ H⁻¹ ∇S less what noise alone would give, without a unit, of all
        beads, summed over the state points; an estimate when it is large.
        """
        square = directions = entropy = 0.0
        for state, one in zip(self._problem.states, observed, strict=True):
            slope = one.moments.mean - state.moments.mean
            sides = state.moments, one.moments
            noise = sum(side.covariance / side.frames for side in sides)
            small = WEAKEST * np.trace(noise) / len(slope) * np.eye(len(slope))
            square += slope @ np.linalg.solve(noise + small, slope)
            directions += np.trace(np.linalg.solve(noise + small, noise))
            gradient, hessian = self._derivatives(state, one.moments)
            bare = gradient @ np.linalg.solve(hessian, gradient)
            beta = 1 / kt(state.temperature)
            entropy += bare - beta**2 * np.trace(np.linalg.solve(hessian, noise))
        return {
            "gradient": float(np.sqrt(square / max(directions, 1.0))),
            "relative_entropy": float(max(0.0, entropy / 2)),
        }

    def off(self, row: Row) -> float:
        """The gradient in its noise, of which twice the variance is allowed."""
        return row["gradient"] / GRADIENT

    def update(self, observed: list[Observed], iteration: int) -> np.ndarray:
        """See `Method`; S is summed over the state points."""
        states, forms = self._problem.states, self._problem.forms @ self._directions
        hessian = gradient = 0.0
        for state, one, form in zip(states, observed, forms, strict=True):
            slope, curvature = self._derivatives(state, one.moments)
            gradient = gradient + np.kron(form, slope)
            hessian = hessian + np.kron(np.outer(form, form), curvature)
        solved = np.linalg.solve(hessian, -gradient)
        return (self._directions @ solved.reshape(len(self._directions.T), -1)).ravel()

    def _derivatives(self, state: State, sampled: Moments) -> tuple[np.ndarray, np.ndarray]:
        """∇S, shape (K,), and H at one state point, shape (K, K), in mol/kJ and its square.

        The noise of ∇S is that of n frames, 1/n = 1/n_AA + 1/n_CG. So with H/n as its covariance,
        and differences of neighbouring coefficients as large as `SPREAD` a priori, the most
        probable step is that of H + P/n; and where there are no frames it is a constant.
        """
        target, beta = state.moments, 1 / kt(state.temperature)
        slope = beta * (target.mean - sampled.mean)
        noise = 1 / target.frames + 1 / sampled.frames
        curvature = 0.5 * (target.covariance + sampled.covariance) + noise * self._prior
        return slope, beta**2 * (curvature + WEAKEST * np.eye(len(slope)))


fit = functools.partial(fit_with, RelativeEntropy)
