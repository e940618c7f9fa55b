"""Ranges of coordinates in the training data, and the bases that cover them."""

import dataclasses
import math
from typing import Any

import torch

from meanforce.core.neighbours import require_width
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.terms import coordinates_of
from meanforce.potentials.variables import CollectiveVariables
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.linear import TermsSettings
from meanforce.units import kt

CHUNK = 4096

STANDARD_DEVIATIONS = 8.0
"""Range of a Gaussian sample of many frames, in standard deviations (approximate)."""

NARROWEST = {"bonds": 1e-3, "pairs": 1e-2, "angles": 1e-2}
"""Width given to ranges that are narrower (constraints), nm or rad."""


def _ranges(
    coordinates: InternalCoordinates | CollectiveVariables, frames: Frames, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Least and largest values over all frames, each of shape (n_coordinates,)."""
    low, high = torch.tensor(math.inf, dtype=dtype), torch.tensor(-math.inf, dtype=dtype)
    for part in frames.configurations.split(CHUNK):
        some = part.map(lambda tensor: tensor.to(dtype))
        values, _ = coordinates.evaluate(some.positions, some.cell)
        low = torch.minimum(low, values.amin(0))
        high = torch.maximum(high, values.amax(0))
    return low.double(), high.double()


def sampled_range(values: dict[str, Any], frames: Frames) -> tuple[float, float]:
    """Range of a collective variable.

    Args:
        values: plain values of a potential of it.
        frames: of the training.
    """
    variable = validated(CollectiveVariableSettings, values["collective_variable"], "potential")
    evaluator = CollectiveVariables([variable], values["bead_names"], torch.float64)
    low, high = _ranges(evaluator, frames, torch.float64)
    return low.item(), high.item()


def curves_of_terms(
    terms: TermsSettings, frames: Frames, temperature: float
) -> list[dict[str, Any]]:
    """Curves of a molecule's terms, as plain values, with bases over the ranges of the data.

    Args:
        terms: which, and with how many functions.
        frames: of the training.
        temperature: K, of the walls; those of bonds and angles are as stiff as the harmonic
            potential whose range at that temperature is that of the data.

    Raises:
        InputError: the molecule has no such terms, or a cell is too small for the cutoff.
    """
    settings = {
        kind: getattr(terms, kind)
        for kind in ("bonds", "pairs", "angles", "dihedrals")
        if getattr(terms, kind) is not None
    }
    exclude = terms.pairs.exclude if terms.pairs else 3
    listed, keys = coordinates_of(frames.molecule, list(settings), exclude)
    if not keys:
        raise InputError(
            f"potential: {frames.molecule.size} beads with {len(frames.molecule.bonds)} bonds have "
            f"none of the terms {', '.join(settings)}; use a collective variable instead"
        )
    if frames.cells is not None and terms.pairs:
        require_width(frames.cells, terms.pairs.cutoff, "'pairs.cutoff'")
    internal = InternalCoordinates(listed, frames.molecule.size)
    low, high = _ranges(internal, frames, torch.float32)
    places: dict[tuple[str, str], list[int]] = {}
    for number, key in enumerate(keys):
        places.setdefault(key, []).append(number)
    curves = []
    for (kind, name), columns in places.items():
        ends = low[columns].min().item(), high[columns].max().item()
        cutoff = terms.pairs.cutoff if kind == "pairs" else None
        if cutoff is not None and ends[0] >= cutoff:
            continue
        curve = _curve(kind, name, settings[kind].functions, ends, cutoff)
        wall = kt(temperature) / _softness(curve) ** 2
        curves.append(dataclasses.asdict(dataclasses.replace(curve, wall=wall)))
    return curves


def _softness(curve: EnergyCurve) -> float:
    """How far beyond the data a wall costs half a kT, in the coordinate's unit."""
    if curve.kind == "pairs":
        return curve.spacing
    # A wall stiffer than the term itself would make the time step of the dynamics too long.
    return (curve.sampled[1] - curve.sampled[0]) / STANDARD_DEVIATIONS


def _curve(
    kind: str, name: str, functions: int, ends: tuple[float, float], cutoff: float | None
) -> EnergyCurve:
    """A curve whose functions sum to one over the range of the data, or up to the cutoff."""
    if kind == "dihedrals":
        return EnergyCurve(name, kind, functions, -math.pi, 2 * math.pi / functions, ends, 0.0)
    low, high = ends
    missing = NARROWEST[kind] - (high - low)
    if missing > 0:
        low, high = low - missing / 2, high + missing / 2
    if cutoff is not None:
        # The last function ends at the cutoff, two spacings from its centre.
        spacing = (cutoff - low) / functions
        return EnergyCurve(name, kind, functions, low - spacing, spacing, (low, high), 0.0, cutoff)
    spacing = (high - low) / (functions - 3)
    return EnergyCurve(name, kind, functions, low - spacing, spacing, (low, high), 0.0)
