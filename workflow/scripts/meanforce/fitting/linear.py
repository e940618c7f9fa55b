"""Force matching of potentials that are linear in their coefficients, by normal equations."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from meanforce.fitting.coefficient_errors import coefficient_errors
from meanforce.fitting.curve_ranges import curves_of_terms, sampled_range
from meanforce.fitting.frames import Frames
from meanforce.fitting.inner_walls import with_inner_walls
from meanforce.fitting.normal_equations import NormalEquations
from meanforce.fitting.regularisation import choose
from meanforce.fitting.result import Fit
from meanforce.fitting.streamed import StreamedEquations
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.registry import KINDS
from meanforce.progress import Progress, Rate
from meanforce.restart.job import Job
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.linear import LinearSettings
from meanforce.units import kt

TOUCHED = 1e-2
"""A basis function whose sum over all frames is below this is empty (one frame adds about 1)."""


def fit_linear(
    settings: LinearSettings,
    frames: Frames,
    variables: dict[str, CollectiveVariableSettings],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit all frames but those of fold `member`, regularised as cross-validation prefers.

    Args:
        settings: of the potential.
        frames: training data.
        variables: name: collective variable.
        member: fold that is left out; with one member for each fold, means over members are
            jackknife estimates.
        seed: not used; the fit is deterministic.
        report: called with lines of progress.
        job: not used; the fit is short.

    Raises:
        InputError: frames have cells, which the potential does not support.
    """
    equations = _equations(settings, frames)
    # All frames once, and maybe the fitted ones once more for the errors.
    n, again = len(frames), int((frames.folds != member).sum()) * equations.reads_twice
    progress = Progress(report, n + again, rate=Rate("frames/s"))
    with progress.during("ranges of the curves"):
        blank = without_coefficients(settings, frames, variables)
        if frames.cells is not None:
            blank.require_periodic()
    progress.advance(0, "normal equations")
    normal = equations(blank, frames, lambda done: progress.advance(done, "normal equations"))
    kept = [fold for fold in normal.folds if fold != member]
    with progress.during("choosing the regularisation"):
        choice = choose(
            lambda ridge, smoothness: normal.cross_validate(kept, ridge, smoothness),
            settings.ridge,
            settings.smoothness,
        )
    coefficients = normal.solve(kept, choice.ridge, choice.smoothness)
    held = normal.loss([member], coefficients) if member in normal.folds else float("nan")
    report(
        f"{len(coefficients)} coefficients, ridge {choice.ridge:g}, smoothness "
        f"{choice.smoothness:g}: block-validated loss {choice.loss:.5g}, left-out fold {held:.5g}"
    )
    empty = _empty(blank, normal.total(kept).activation)
    for name, places in empty.items():
        report(
            f"warning: there are no frames at {len(places)} basis functions of {name}, centred at "
            f"{', '.join(f'{place:.3g}' for place in places)}; the smoothness penalty alone "
            "determines the curve there"
        )
    errors = coefficient_errors(
        normal, frames, kept, choice, coefficients,
        lambda done: progress.advance(n + done, "errors of the coefficients"),
    )  # fmt: skip
    progress.finish()
    dtype = blank.dtype
    fitted = type(blank)(
        blank.values,
        torch.from_numpy(coefficients).to(dtype),
        {name: tensor.to(dtype) for name, tensor in errors.items()},
    )
    walls: dict[str, float] = {}
    samples = normal.independent_samples(kept)
    if samples is not None and blank.pieces is not None:
        levels = sorted(set(frames.temperatures.tolist()))
        fitted, walls = with_inner_walls(fitted, samples, levels, report)
    about = {
        "ridge": choice.ridge,
        "smoothness": choice.smoothness,
        "validation_loss": held,
        "cross_validation_loss": choice.loss,
        "empty_functions": empty,
        "components": normal.count(kept),
    } | ({"walls": walls} if walls else {})
    return Fit(fitted, choice.table, about)


def _equations(settings: LinearSettings, frames: Frames) -> type[NormalEquations]:
    """How the sums over these frames are made."""
    streamed = settings.terms is not None and frames.by_neighbours
    return StreamedEquations if streamed else NormalEquations


def without_coefficients(
    settings: LinearSettings, frames: Frames, variables: dict[str, CollectiveVariableSettings]
) -> LinearPotential:
    """The potential before the fit: ranges and bases are set, coefficients are zero."""
    kind = KINDS[settings.kind]
    reference = float(np.mean(sorted(set(frames.temperatures.tolist()))))
    values: dict[str, Any] = {
        "width": settings.relative_width,
        "temperature": settings.temperature,
        "reference_temperature": reference,
    }
    if settings.terms is None:
        values |= {
            "collective_variable": variables[settings.collective_variable].model_dump(),
            "bead_names": list(frames.molecule.names),
            "lower": settings.lower,
            "upper": settings.upper,
            "functions": settings.functions,
        }
        low, high = sampled_range(values, frames)
        values["sampled"] = [max(low, settings.lower), min(high, settings.upper)]
        # A wall that costs kT one basis function beyond the data.
        spacing = (settings.upper - settings.lower) / (settings.functions - 1)
        values["wall"] = kt(reference) / spacing**2
        size, dtype = settings.functions, torch.float64
    else:
        curves = curves_of_terms(settings.terms, frames, reference)
        pairs = settings.terms.pairs
        values |= frames.molecule.parameters() | {
            "curves": curves,
            "exclude": pairs.exclude if pairs else 3,
        }
        # With many functions, single precision halves the bytes in dynamics and fits; sums are in
        # double precision in any case.
        size, dtype = sum(curve["functions"] for curve in curves), torch.float32
    n_forms = 2 if settings.temperature == "linear" else 1
    return kind(values, torch.zeros(n_forms * size, dtype=dtype))


def _empty(potential: LinearPotential, activation: np.ndarray) -> dict[str, list[float]]:
    """Centres of functions without frames, by curve; curves without any are left out."""
    result, first = {}, 0
    peak = float(potential.shape(torch.zeros(1), potential.values["width"])[0])
    for curve in potential.curves:
        own = activation[first : first + curve.functions] / peak
        first += curve.functions
        places = [curve.lower + curve.spacing * number for number in np.flatnonzero(own < TOUCHED)]
        if places:
            result[f"{curve.kind} {curve.name}"] = [round(float(place), 6) for place in places]
    return result
