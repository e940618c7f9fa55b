"""Metric `density`: mass density of a CG run at constant pressure.

ρ = Σ_I m_I / ⟨V⟩ with the masses of the beads on both sides, so that molecules and atoms that are
mapped to no bead do not count on either. N⟨1/V⟩ differs from N/⟨V⟩ by a fraction of the order of
1/N; ⟨V⟩ is what thermodynamics has at constant pressure.

The reference mostly ran at constant volume, in the mean density that its equilibration found at its
pressure. That density is then exact, without an error bar of its own; how well equilibration
determined it is not in the datasets. If the volume of the reference changes, its mean has an error
like the model's.
"""

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group
from meanforce.analysis.molecules import in_boxes, volumes
from meanforce.analysis.rows import Estimate, Quantity, Row, compared
from meanforce.analysis.samples import Sample
from meanforce.statistics.errors import NONE
from meanforce.statistics.resampling import DRAWS, resampled_means

GRAMS_PER_CM3 = 1.66053907e-3
"""g/cm³ in one u/nm³."""


def rows(comparison: Comparison) -> list[Row]:
    """ρ of model and reference, g/cm³, and the error; none for a CG run at constant volume.

    The error of the draw of the training data is not known, as for the pressure.
    """
    model = comparison.model
    if not in_boxes(*comparison.samples.values()) or model.box.ndim == 2:
        return []
    quantity = Quantity("density", Group.THERMODYNAMICS, "g/cm^3")
    found = _estimate(comparison, model, "model")
    reference = comparison.reference
    if reference is None:
        return compared(quantity, found, None)
    return compared(quantity, found, _estimate(comparison, reference, "reference"))


def _estimate(comparison: Comparison, sample: Sample, name: str) -> Estimate:
    mass = GRAMS_PER_CM3 * float(sample.masses.sum())
    training = comparison.training_error([]) if name == "model" else NONE
    if sample.box.ndim == 2:
        return Estimate(mass / float(volumes(sample, np.arange(1))[0]), NONE, training)
    frames = np.arange(len(sample.weights))
    sums = sample.sums_by_unit(frames, volumes(sample, frames)[:, None])
    draws = resampled_means(sums, DRAWS, comparison.stream("density", name))[:, 0]
    total = sums.sum(axis=0)
    noise = Comparison.noise_of(sample, mass / draws)
    return Estimate(mass * float(total[1] / total[0]), noise, training)
