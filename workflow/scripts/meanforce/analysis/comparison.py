"""What a metric gets to see: a model and its reference at one state point."""

import dataclasses

import numpy as np
import torch

from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import Axes, block_histograms, resampled
from meanforce.potentials.interface import EnsembleMean
from meanforce.settings.collective_variables import CollectiveVariable, is_periodic
from meanforce.settings.validation import Validation
from meanforce.units import KCAL, kt

DRAWS = 200
"""Bootstrap samples behind each standard error."""

MEMBER_FRAMES = 20000
"""Frames of the CG run on which members of the ensemble are told apart."""


@dataclasses.dataclass
class Comparison:
    """Model and reference at one state point.

    Attributes:
        validation: settings.
        variables: collective variables, in the order of the samples' columns: those of the
            surface, then further ones that have a profile.
        temperature: K.
        model: frames of the CG run.
        reference: frames of the reference campaign, or None.
        exact: exact reference distribution on the bins of the surface, or None.
        reference_forces: mapped forces of the reference frames, kJ/mol/nm, or None.
        ensemble: the potential; None where the frames come from no model.
        jackknife_folds: number of folds where members are deterministic fits that leave out a
            fold each, so that their spread is a jackknife; else None.
        rng: source of random numbers.
        weighted_forces: whether forces are compared in the unbiased ensemble of the reference,
            and not on its frames as they are.
        effective_sample_size: of the training frames, or None where it is not known.
        held_out: whether no member was trained on frames of the reference.
    """

    validation: Validation
    variables: dict[str, CollectiveVariable]
    temperature: float
    model: Sample
    reference: Sample | None
    exact: np.ndarray | None
    reference_forces: np.ndarray | None
    ensemble: EnsembleMean | None
    jackknife_folds: int | None
    rng: np.random.Generator
    weighted_forces: bool = False
    effective_sample_size: float | None = None
    held_out: bool = False

    def __post_init__(self) -> None:
        self.axes = axes_of(self.validation, self.variables)
        self.model_blocks = block_histograms(self.model, self.axes)
        self.reference_blocks = block_histograms(self.truth, self.axes)
        self.model_draws = resampled(self.model_blocks, DRAWS, self.rng)
        self.reference_draws = resampled(self.reference_blocks, DRAWS, self.rng)
        self.member_weights = self._member_weights()

    @property
    def truth(self) -> Sample | None:
        """What free energies are judged by: the exact distribution, as one frame a bin, if known.

        It has the variables of the surface only.
        """
        if self.exact is None:
            return self.reference
        n, alike = len(self.exact), np.zeros(len(self.exact), dtype=int)
        centers = self.axes.centers[0][:, None]
        return Sample(
            np.zeros((n, 1, 3)), centers, self.exact, alike, alike, 1, self.model.molecule
        )

    @property
    def thermal(self) -> float:
        """kT in kcal/mol."""
        return kt(self.temperature) / KCAL

    def member_spread(self, values: list[float] | np.ndarray) -> np.ndarray:
        """Standard error of the mean over members; see `standard_error`."""
        return standard_error(values, self.jackknife_folds)

    def member_surfaces(self) -> list[np.ndarray]:
        """The surface's histogram in each member's ensemble; none where there is one member."""
        surfaces = [
            np.histogramdd(
                self.model.variables[frames, : len(self.axes.names)],
                self.axes.edges,
                weights=weights,
            )[0]
            for frames, weights in self.member_weights
        ]
        # Frames beyond the axes may weigh most in a member's ensemble.
        return [surface / surface.sum() for surface in surfaces]

    def _member_weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each member, some frames of the CG run and their weights in its ensemble."""
        members = [] if self.ensemble is None else self.ensemble.members
        if len(members) < 2:
            return []
        frames = np.arange(
            0, len(self.model.weights), max(1, len(self.model.weights) // MEMBER_FRAMES)
        )
        positions = torch.from_numpy(self.model.positions[frames]).to(self.ensemble.dtype)
        with torch.no_grad():
            energies = np.array(
                [m.energy_and_forces(positions, self.temperature)[0].numpy() for m in members]
            )
        shifts = -(energies - energies.mean(axis=0)) / kt(self.temperature)
        weights = self.model.weights[frames] * np.exp(shifts - shifts.max(axis=1, keepdims=True))
        return [(frames, row / row.sum()) for row in weights]


def mean_variance_factor(members: int, jackknife_folds: int | None) -> float:
    """What the variance over members (divisor n − 1) is multiplied by to give that of their mean.

    Fits that leave out one of K folds each give the delete-a-group jackknife,
    (K − 1)/K Σ(θ − θ̄)² over all K (Efron, Tibshirani, An Introduction to the Bootstrap,
    chapter 11), here scaled up from as many members as there are. Networks differ by their seed as
    well and are taken as independent.

    Args:
        members: how many there are.
        jackknife_folds: K; None where members are independent.
    """
    if jackknife_folds is None:
        return 1.0 / members
    return (jackknife_folds - 1) ** 2 / jackknife_folds


def standard_error(values: list[float] | np.ndarray, jackknife_folds: int | None) -> np.ndarray:
    """Standard error of the mean over members.

    Args:
        values: one entry a member, shape (n_members, ...).
        jackknife_folds: see `mean_variance_factor`.

    Returns:
        shape (...); 0 for a single member.
    """
    values = np.asarray(values, dtype=float)
    n = len(values)
    if n < 2:
        return np.zeros(values.shape[1:])
    return np.sqrt(mean_variance_factor(n, jackknife_folds) * values.var(axis=0, ddof=1))


def axes_of(validation: Validation, variables: dict[str, CollectiveVariable]) -> Axes:
    """Histogram axes of the surface that is validated."""
    edges, periodic = [], []
    for number, name in enumerate(validation.surface):
        wraps = is_periodic(variables[name].kind)
        low = -np.pi if wraps else validation.lower[number]
        high = np.pi if wraps else validation.upper[number]
        edges.append(np.linspace(low, high, validation.bins + 1))
        periodic.append(wraps)
    return Axes(tuple(validation.surface), tuple(edges), tuple(periodic))
