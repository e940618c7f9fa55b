"""Histograms as tables of distributions give them."""

import numpy as np

from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.histograms import Counts, Histograms
from meanforce.fitting.target_tables import density_of_pairs, tables_at

WORTH = 1000.0
"""Frames that a table is worth. Its values have no noise; the number matters only where g is about
zero, as half a count more keeps logarithms finite."""


def tabulated_counts(
    frames: Frames, histograms: Histograms, temperature: float, volume: float | None
) -> Counts:
    """Mean counts of a frame by tables, as one unit without any noise.

    Args:
        frames: of the training, with tables as targets.
        histograms: whose bins are filled.
        temperature: K.
        volume: of the cell, nm³, or None.

    Raises:
        InputError: there are no tables at this temperature, or none of some curve, or g(r) has no
            density.
    """
    if volume is None and any(curve.kind == "pairs" for curve in histograms.curves):
        raise InputError(
            "targets: a table of pairs is a g(r), which needs a density, but the training data "
            "have no periodic box"
        )
    target = tables_at(frames.targets, temperature)
    means = np.zeros(histograms.size)
    for number, (curve, bins, part) in enumerate(
        zip(histograms.curves, histograms.bins, histograms.parts, strict=True)
    ):
        inner = bins.lower + bins.width * np.arange(bins.count + 1)
        edges = np.concatenate([[-np.inf], inner, [np.inf]])
        table = target.table(curve.kind, curve.name)
        pairs = curve.kind == "pairs"
        found = table.integrals(edges, shells=pairs)
        if pairs:
            found[-1] = 0.0
            found *= density_of_pairs(frames.molecule, curve.name, volume)
        else:
            found *= histograms.numbers[number] / found.sum()
        means[part] = found
    return Counts(means[None] * WORTH, np.array([WORTH]))
