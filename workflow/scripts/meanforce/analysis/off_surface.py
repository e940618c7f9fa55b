"""Frames of the reference outside the range of the surface that is validated."""

import numpy as np

from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import Axes
from meanforce.settings.validation import ValidationSettings

WORTH_A_WORD = 0.05
"""Share of the reference outside the surface from which a line is reported."""


def fitting_surface(
    validation: ValidationSettings, axes: Axes, reference: Sample
) -> tuple[ValidationSettings, str | None]:
    """Leave a surface out on which there are no data, so that all else can be judged.

    Args:
        validation: settings.
        axes: of the surface; none without one.
        reference: whose `variables` begin with those of the surface.

    Returns:
        the settings, without a surface where no frame of the reference is on it; and a sentence
        where much of it is not, or None.
    """
    off = np.zeros(len(reference.weights), dtype=bool)
    for number, edges in enumerate(axes.edges):
        values = reference.variables[:, number]
        off |= (values < edges[0]) | (values > edges[-1])
    share = float(reference.weights[off].sum() / reference.weights.sum())
    if share < WORTH_A_WORD:
        return validation, None
    ends = "; ".join(
        f"'{name}' is from {values.min():.4g} to {values.max():.4g}, but the surface from "
        f"{edges[0]:.4g} to {edges[-1]:.4g}"
        for name, edges, values in zip(axes.names, axes.edges, reference.variables.T, strict=False)
    )
    text = (
        f"{share:.1%} of the reference lies outside the surface; {ends}; change 'lower' and "
        "'upper' in the section 'validation'"
    )
    if not off.all():
        return validation, text
    left_out = {"surface": [], "lower": None, "upper": None}
    left_out |= {"basins": {}, "differences": {}, "barriers": {}}
    return validation.model_copy(update=left_out), f"{text}; it is left out"
