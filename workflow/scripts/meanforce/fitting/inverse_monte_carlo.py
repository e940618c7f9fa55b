"""Fitting method `inverse_monte_carlo`: CG runs and joint linear-response steps of all curves."""

import functools

import numpy as np
import torch

from meanforce.dynamics.schedule import Schedule
from meanforce.errors import InputError
from meanforce.fitting.boltzmann_inversion import BoltzmannInversion
from meanforce.fitting.iterative.direct import HALF
from meanforce.fitting.iterative.fit import fit_with
from meanforce.fitting.iterative.iterate import Row
from meanforce.fitting.iterative.linear_response import BinCounts, Response
from meanforce.fitting.iterative.newton import GRADIENT, Derivatives, gradient_in_noise
from meanforce.fitting.iterative.observer import FEWEST_OF_MOMENTS, SEGMENTS, Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.projection import project
from meanforce.fitting.iterative.states import State
from meanforce.fitting.iterative.turn import Turn
from meanforce.units import kt


class InverseMonteCarlo:
    """U ← U + ΔU with β Cov(S) ΔU = ⟨S⟩ − S_target, S the counts in all bins of all curves.

    Lyubartsev, Laaksonen, Phys. Rev. E 52, 3730 (1995). ΔU of the bins is regularised
    (`Response`), then projected on the basis of each curve. Its first steps are those of Boltzmann
    inversion.

    ⟨S⟩ − S_target is −1/β times the gradient of the relative entropy in the energies of the bins,
    and β² Cov(S) its second derivative, so that without regularisation ΔU is a Newton step of the
    relative entropy of bins. A projection with the weights Cov(S) would make it that of splines;
    here each bin has the weight of its counts, as in Boltzmann inversion.

    Args:
        problem: what does not change from iteration to iteration.

    Raises:
        InputError: a CG run has fewer frames than there are bins.
    """

    features = BinCounts

    def __init__(self, problem: Problem) -> None:
        self._problem, self._potential = problem, problem.blank.to(torch.float64)
        self._bins: BinCounts = problem.features
        self._inversion = BoltzmannInversion(problem)
        self._check_frames()

    def columns(self, observed: list[Observed]) -> Row:
        """`gradient`: ⟨S⟩ − S_target of all bins together, in its noise (`gradient_in_noise`).

        Targets without moments, as of tables, have none.
        """
        parts = [
            Derivatives(state.moments, one.moments, 1 / kt(state.temperature))
            for state, one in zip(self._problem.states, observed, strict=True)
            if state.moments is not None
        ]
        return {"gradient": gradient_in_noise(parts)} if parts else {}

    def off(self, row: Row) -> float:
        """The gradient in its noise."""
        return row.get("gradient", 0.0) / GRADIENT

    def errors(self, observed: list[Observed]) -> dict[str, torch.Tensor]:
        """None."""
        return {}

    def update(self, observed: list[Observed], turn: Turn) -> np.ndarray:
        """See `Method`; the first ones are of Boltzmann inversion."""
        problem = self._problem
        if turn.iteration < problem.settings.inversion_steps:
            return self._inversion.update(observed, turn)
        return problem.combined(
            [self._of_state(*pair) for pair in zip(problem.states, observed, strict=True)]
        )

    def _of_state(self, state: State, observed: Observed) -> np.ndarray:
        """kJ/mol, shape (K,)."""
        target = self._bins.merged(state.target.mean)
        response = Response.of(observed.moments, target, self._problem.settings.regularisation)
        return self._projected(state, observed, response.solve())

    def _projected(self, state: State, observed: Observed, values: np.ndarray) -> np.ndarray:
        """From ΔU/kT in the bins to coefficients, kJ/mol, shape (K,)."""
        n = self._bins.merged(observed.counts.number)
        m = self._bins.merged(state.target.number)
        weights = np.where(n > 0, 1 / (1 / (n + HALF) + 1 / (m + HALF)), 0.0)
        parts = [
            project(self._potential, number, bins, values[part], weights[part], order=1)
            for number, (bins, part) in enumerate(
                zip(self._bins.bins, self._bins.parts, strict=True)
            )
        ]
        return kt(state.temperature) * np.concatenate(parts)

    def _check_frames(self) -> None:
        """Refuse runs that cannot give a covariance."""
        run = self._problem.settings.simulation
        frames = Schedule.of(run.as_simulation()).frames
        fewest = run.chains * (frames * FEWEST_OF_MOMENTS // SEGMENTS)
        if fewest < self._bins.size:
            raise InputError(
                f"fitting.simulation: {run.chains} chains of {frames} frames are too few for the "
                f"covariance of {self._bins.size} bins, as a run may end after {fewest} frames; "
                "use more chains, a longer 'length' or a shorter 'stride'"
            )


fit = functools.partial(fit_with, InverseMonteCarlo)
