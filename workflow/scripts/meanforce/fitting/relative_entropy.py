"""Fitting method `relative_entropy`: CG runs and Newton steps until S_rel is at its minimum."""

import functools
from collections.abc import Callable

import numpy as np
import torch
from scipy.linalg import block_diag

from meanforce.fitting.coefficient_errors import blocks_of_curves
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.fit import fit_with
from meanforce.fitting.iterative.iterate import Row
from meanforce.fitting.iterative.moments import BasisSums
from meanforce.fitting.iterative.newton import (
    GRADIENT,
    Derivatives,
    Newton,
    gradient_in_noise,
)
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.projection import SPREAD, differences
from meanforce.fitting.iterative.turn import Turn
from meanforce.fitting.network_entropy import fit_network
from meanforce.fitting.result import Fit
from meanforce.restart.job import Job
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.registry import Potential
from meanforce.units import kt


class RelativeEntropy:
    """c ← c − H⁻¹∇S, with ∇S = β(⟨Φ⟩_AA − ⟨Φ⟩_CG) and H = β² Cov Φ; S is convex in c.

    Shell, J. Chem. Phys. 129, 144108 (2008); Chaimovich, Shell, J. Chem. Phys. 134, 094112 (2011).
    Of several state points, S is the sum. How H is made from finite data: see `Newton`.

    Args:
        problem: what does not change from iteration to iteration.
    """

    features = BasisSums

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        curves = problem.blank.curves
        rows = [differences(curve.functions, 1, curve.periodic) / SPREAD[1] for curve in curves]
        prior = block_diag(*(own.T @ own for own in rows))
        self._newton = Newton(problem.forms, prior)

    def columns(self, observed: list[Observed]) -> Row:
        """`gradient` in units of its noise, and `relative_entropy`, S above its minimum.

        gradient: see `gradient_in_noise`. It finds differences that distances of g(r) hide: the
        tail of a potential changes g a little at all distances alike.

        relative_entropy: ½ ∇Sᵀ H⁻¹ ∇S, less what noise alone gives, of all beads, without a unit;
        summed over the state points. An estimate where it is large.
        """
        parts = self._derivatives(observed)
        return {
            "gradient": gradient_in_noise(parts),
            "relative_entropy": float(max(0.0, sum(self._newton.gain(part) for part in parts))),
        }

    def off(self, row: Row) -> float:
        """The gradient in its noise."""
        return row["gradient"] / GRADIENT

    def update(self, observed: list[Observed], turn: Turn) -> np.ndarray:
        """See `Method`."""
        return self._newton.step(self._derivatives(observed), turn.iteration)

    def errors(self, observed: list[Observed]) -> dict[str, torch.Tensor]:
        """As of force matching (`fitting.coefficient_errors`), of both sides' finite data.

        The covariance of the coefficients is H⁻¹(Σ + β²P/n²)H⁻¹, with H and the prior P of
        `Newton`, and the covariance Σ of the noise of ∇S from the units of both sides.
        """
        potential, states = self._problem.blank, self._problem.states
        influences, prior = self._newton.errors(self._derivatives(observed))
        coordinates = np.repeat(
            potential.coordinates_of_curves(), [curve.functions for curve in potential.curves]
        )
        mean = np.mean([state.moments.mean for state in states], axis=0)
        return {
            "influences": torch.from_numpy(influences),
            "prior": torch.from_numpy(blocks_of_curves(prior, potential)),
            "mean_basis": torch.from_numpy(mean / coordinates),
        }

    def _derivatives(self, observed: list[Observed]) -> list[Derivatives]:
        return [
            Derivatives(state.moments, one.moments, 1 / kt(state.temperature))
            for state, one in zip(self._problem.states, observed, strict=True)
        ]


def fit(
    settings: Potential,
    frames: Frames,
    variables: dict[str, CollectiveVariableSettings],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit a potential of any kind; see `fit_with` and `fit_network`."""
    method = functools.partial(fit_with, RelativeEntropy) if settings.linear else fit_network
    return method(settings, frames, variables, member, seed, report, job)
