"""Newton steps of the relative entropy from finite samples of both ensembles."""

import dataclasses
import functools

import numpy as np

from meanforce.fitting.iterative.moments import Moments
from meanforce.fitting.iterative.projection import WEAKEST


@dataclasses.dataclass(frozen=True)
class Derivatives:
    """Derivatives of S in the coefficients at one state point.

    Attributes:
        target: moments of the atomistic frames.
        sampled: of the CG run.
        beta: 1/kT, mol/kJ.
    """

    target: Moments
    sampled: Moments
    beta: float

    @property
    def gradient(self) -> np.ndarray:
        """β(⟨Φ⟩_AA − ⟨Φ⟩_CG), shape (K,)."""
        return self.beta * (self.target.mean - self.sampled.mean)

    def hessian(self, share: float) -> np.ndarray:
        """β² Cov Φ of the CG run, or partly that of the atomistic frames, shape (K, K).

        Args:
            share: of the atomistic frames' covariance.
        """
        ours, theirs = self.sampled.covariance, self.target.covariance
        return self.beta**2 * (ours + share * (theirs - ours))

    @property
    def noise(self) -> float:
        """1/n = 1/n_AA + 1/n_CG, of independent frames: the noise of ∇S is about H/n."""
        return 1 / self.target.frames + 1 / self.sampled.frames

    @functools.cached_property
    def _of_gradient(self) -> np.ndarray:
        """Covariance of the noise of ∇S, shape (K, K)."""
        sides = self.target, self.sampled
        return self.beta**2 * sum(side.covariance / side.frames for side in sides)

    @functools.cached_property
    def _whitening(self) -> np.ndarray:
        size = len(self._of_gradient)
        least = WEAKEST * np.trace(self._of_gradient) / size
        return np.linalg.inv(self._of_gradient + least * np.eye(size))

    @property
    def square(self) -> float:
        """∇Sᵀ Σ⁻¹ ∇S."""
        return float(self.gradient @ self._whitening @ self.gradient)

    @property
    def directions(self) -> float:
        """Number of directions in which ∇S has noise; an empty function has none."""
        return float((self._whitening * self._of_gradient).sum())


GRADIENT = 2**0.5
"""Gradient at the minimum, at most, in units of its noise: the variance of what is correlated in
time is known to a factor of two. With exact variances and 20 functions, noise exceeds it in one of
200 cases."""


def gradient_in_noise(parts: list[Derivatives]) -> float:
    """√(∇Sᵀ Σ⁻¹ ∇S/K) of all state points; at the minimum it is 1 on average.

    Σ is the covariance of the noise of ∇S, and K the number of directions that it has.
    """
    square = sum(part.square for part in parts)
    directions = sum(part.directions for part in parts)
    return float(np.sqrt(square / max(directions, 1.0)))


class Newton:
    """Steps of the coefficients at all temperatures from derivatives at some state points.

    The noise of ∇S is that of n frames. So with H/n as its covariance, and differences of
    neighbouring coefficients of a step distributed with precision P a priori, the most probable
    step is −(H + β²P/n)⁻¹∇S. Where there are no frames, it continues by a constant.

    With β² Cov Φ of the CG run as H, the first steps are too long where the CG run is less often
    than the atomistic frames are. ∇S is the integral of β² Cov Φ along the way to the minimum,
    whose other end is the atomistic ensemble, if the basis holds its potential. So the first step
    has the mean of both covariances (the trapezoidal rule), and later ones ever less of the
    atomistic one, as it is not that of the minimum if the basis does not. The minimum does not
    depend on H.

    Args:
        forms: factors of the coefficients at each state point, shape (n_states, forms).
        prior: P, in 1/kT², shape (K, K).
    """

    def __init__(self, forms: np.ndarray, prior: np.ndarray) -> None:
        self._prior = prior
        # What no state point determines stays as it is: at one temperature, its change with it.
        _, scales, directions = np.linalg.svd(forms, full_matrices=False)
        self._kept = directions[scales > WEAKEST * scales.max()].T
        self._forms = forms @ self._kept

    def step(self, parts: list[Derivatives], iteration: int) -> np.ndarray:
        """−H⁻¹∇S with the prior, kJ/mol, shape (forms · K,).

        Args:
            parts: at each state point.
            iteration: number of CG runs before.
        """
        slopes = [part.gradient for part in parts]
        gradient = sum(np.kron(form, own) for form, own in zip(self._forms, slopes, strict=True))
        return self._whole(-np.linalg.solve(self._matrix(parts, 0.5 ** (iteration + 1)), gradient))

    def gain(self, part: Derivatives) -> float:
        """½ ∇Sᵀ H⁻¹ ∇S at one state point, less its mean from noise alone."""
        size = len(part.gradient)
        hessian = part.hessian(0.5)
        matrix = hessian + self._penalty(part) + WEAKEST * part.beta**2 * np.eye(size)
        found = part.gradient @ np.linalg.solve(matrix, part.gradient)
        return 0.5 * float(found - part.noise * np.trace(np.linalg.solve(matrix, hessian)))

    def errors(self, parts: list[Derivatives]) -> tuple[np.ndarray, np.ndarray]:
        """Errors of the coefficients at the minimum.

        Returns:
            H⁻¹ times what each unit adds to ∇S, shape (forms · K, n_units); and the covariance
            that is due to the prior, shape (forms · K, forms · K).
        """
        inverse = np.linalg.inv(self._matrix(parts, 0.0))
        influences, penalty = [], 0.0
        for form, part in zip(self._forms, parts, strict=True):
            for side in (part.target, part.sampled):
                columns = np.kron(form[:, None], part.beta * side.residuals.T)
                influences.append(inverse @ columns)
            penalty = penalty + np.kron(np.outer(form, form), part.noise * self._penalty(part))
        size = len(self._prior)
        back = np.kron(self._kept, np.eye(size))
        prior = back @ inverse @ penalty @ inverse @ back.T
        return back @ np.concatenate(influences, axis=1), prior

    def _penalty(self, part: Derivatives) -> np.ndarray:
        return part.beta**2 * part.noise * self._prior

    def _matrix(self, parts: list[Derivatives], share: float) -> np.ndarray:
        """Second derivatives with the prior; see `projection.WEAKEST` for its last part."""
        total = 0.0
        for form, part in zip(self._forms, parts, strict=True):
            own = part.hessian(share) + self._penalty(part)
            own = own + WEAKEST * part.beta**2 * np.eye(len(own))
            total = total + np.kron(np.outer(form, form), own)
        return total

    def _whole(self, reduced: np.ndarray) -> np.ndarray:
        return (self._kept @ reduced.reshape(len(self._kept.T), -1)).ravel()
