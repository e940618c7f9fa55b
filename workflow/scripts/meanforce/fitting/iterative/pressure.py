"""Correction of the pressure: a linear ramp on all curves of pairs."""

import math

import numpy as np

from meanforce.core.pressure import BAR
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.projection import project
from meanforce.fitting.iterative.states import State
from meanforce.potentials.linear import LinearPotential
from meanforce.settings.fitting import PressureCorrectionSettings
from meanforce.units import kt

LARGEST = 0.1
"""Largest height of a ramp, in kT."""

PER_BAR = 0.0003
"""Height of a simple ramp in units of `LARGEST`, for each bar."""

SURE = 1e4
"""Weight of the ramp's values in its projection on the splines."""

STANDARD_ERRORS = 2.0
"""Difference up to which a pressure is the wanted one, in standard errors of the CG run."""


def standard_errors(wanted: float, observed: Observed) -> float:
    """How far the pressure is from the wanted one, bar, in standard errors of the CG run."""
    mean, stderr = observed.pressure
    return abs(mean - wanted) / max(stderr, 1e-12)


def height(
    settings: PressureCorrectionSettings, state: State, observed: Observed, histograms: Histograms
) -> float:
    """A of the ramp A(1 − r/r_c), kJ/mol.

    simple: −0.1 kT sgn(Δp) min(1, 0.0003 |Δp|/bar), with Δp = p − target. wang_junghans_kremer: the
    ramp's force A/r_c on each pair changes the pressure by A Σ r/(3 V r_c) over the pairs within
    the cutoff, which is −Δp; for one type of beads, A = −3 r_c Δp/(2π ρ² ∫₀^{r_c} r³ g dr). At most
    0.1 kT.
    """
    off = observed.pressure[0] - settings.target
    most = LARGEST * kt(state.temperature)
    if settings.method == "simple":
        return -settings.scale * most * math.copysign(min(1.0, PER_BAR * abs(off)), off)
    curves = [n for n, curve in enumerate(histograms.curves) if curve.kind == "pairs"]
    lever = sum(
        observed.counts.mean[histograms.parts[n]] @ histograms.bins[n].places
        / histograms.curves[n].cutoff
        for n in curves
    )  # fmt: skip
    ramp = -off * BAR * 3 * state.volume / max(lever, 1e-12)
    return settings.scale * math.copysign(min(abs(ramp), most), ramp)


def ramp(potential: LinearPotential, histograms: Histograms, height: float) -> np.ndarray:
    """Coefficients of the ramp on all curves of pairs, kJ/mol, shape (K,)."""
    parts = []
    for number, (curve, bins) in enumerate(zip(histograms.curves, histograms.bins, strict=True)):
        if curve.kind != "pairs":
            parts.append(np.zeros(curve.functions))
            continue
        values = 1.0 - bins.places / curve.cutoff
        weights = np.full(len(values), SURE)
        parts.append(height * project(potential, number, bins, values, weights, order=1))
    return np.concatenate(parts)
