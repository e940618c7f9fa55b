"""Ranges of coordinates in the training data, and the bases that cover them."""

import dataclasses
import math
from typing import Any

import numpy as np
import torch

from meanforce.core.neighbours import pair_vectors, require_width
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.pair_terms import PairTerms
from meanforce.potentials.terms import KINDS, coordinates_of, pair_names
from meanforce.potentials.variables import CollectiveVariables
from meanforce.potentials.whole import is_one
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.linear import PairTermSettings, TermsSettings
from meanforce.units import kt

BEADS = 2**13
"""Beads in all frames that are searched for pairs at once."""

CHUNK = 4096
"""Frames of few beads at once."""

ELEMENTS = 2**19
"""Beads in all of these frames, at most."""

STANDARD_DEVIATIONS = 8.0
"""Range of a Gaussian sample of many frames, in standard deviations (approximate)."""

NARROWEST = {"bonds": 1e-3, "pairs": 1e-2, "angles": 1e-2}
"""Width given to ranges that are narrower (constraints), nm or rad."""


def _ranges(
    coordinates: InternalCoordinates | CollectiveVariables, frames: Frames, dtype: torch.dtype
) -> tuple[torch.Tensor, torch.Tensor]:
    """Least and largest values over all frames, each of shape (n_coordinates,)."""
    low, high = torch.tensor(math.inf, dtype=dtype), torch.tensor(-math.inf, dtype=dtype)
    size = max(1, min(CHUNK, ELEMENTS // frames.molecule.size))
    for part in frames.chunks(size):
        some = part.configurations.map(lambda tensor: tensor.to(dtype))
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
    if frames.cells is not None and terms.pairs:
        require_width(frames.cells, terms.pairs.cutoff, "'pairs.cutoff'")
    if frames.targets:
        ranges = _ranges_of_tables(terms, frames)
    elif frames.by_neighbours:
        ranges = _ranges_of_bonded(frames, [kind for kind in settings if kind != "pairs"], 3)
        if terms.pairs:
            ranges = _with_pairs(ranges, nearest_pairs(frames, terms.pairs), terms.pairs.cutoff)
    else:
        ranges = _ranges_of_bonded(
            frames, list(settings), terms.pairs.exclude if terms.pairs else 3
        )
    if not ranges:
        raise InputError(
            f"potential: {frames.molecule.size} beads with {len(frames.molecule.bonds)} bonds have "
            f"none of the terms {', '.join(settings)}; use a collective variable instead"
        )
    curves = []
    for (kind, name), ends in ranges.items():
        cutoff = terms.pairs.cutoff if kind == "pairs" else None
        if cutoff is not None and ends[0] >= cutoff:
            _refuse_unseen(name, cutoff, frames)
            continue
        curve = _curve(kind, name, settings[kind].functions, ends, cutoff)
        wall = kt(temperature) / _softness(curve) ** 2
        curves.append(dataclasses.asdict(dataclasses.replace(curve, wall=wall)))
    return curves


Ranges = dict[tuple[str, str], tuple[float, float]]
"""Least and largest value of the coordinates of each curve, by its kind and name."""


def _ranges_of_bonded(frames: Frames, kinds: list[str], exclude: int) -> Ranges:
    """Ranges of coordinates that are all listed, in the order of the coordinates."""
    listed, keys = coordinates_of(frames.molecule, kinds, exclude)
    if not keys:
        return {}
    internal = InternalCoordinates(listed, frames.molecule.size)
    low, high = _ranges(internal, frames, torch.float32)
    places: dict[tuple[str, str], list[int]] = {}
    for number, key in enumerate(keys):
        places.setdefault(key, []).append(number)
    return {
        key: (low[columns].min().item(), high[columns].max().item())
        for key, columns in places.items()
    }


def _ranges_of_tables(terms: TermsSettings, frames: Frames) -> Ranges:
    """Where the distributions in tables are resolved, at any of their temperatures."""
    ranges: Ranges = {}
    for target in frames.targets:
        for key, table in target.of_curves(frames.molecule, terms).items():
            pairs = key[0] == "pairs"
            low, high = table.range(1.0 if pairs else None)
            before = ranges.get(key, (low, high))
            high = terms.pairs.cutoff if pairs else max(high, before[1])
            ranges[key] = min(low, before[0]), high
    return ranges


def _with_pairs(ranges: Ranges, nearest: dict[str, float], cutoff: float) -> Ranges:
    """Ranges of all curves in the order of kinds of terms; pairs are sampled up to the cutoff."""
    pairs = {("pairs", name): (low, cutoff) for name, low in nearest.items()}
    return {key: (ranges | pairs)[key] for kind in KINDS for key in (*ranges, *pairs)
            if key[0] == kind}  # fmt: skip


def nearest_pairs(frames: Frames, settings: PairTermSettings) -> dict[str, float]:
    """Shortest distance within the cutoff of each pair of types, nm, by `type_name`.

    Once all pairs of types were found, only pairs nearer than the largest of these distances are
    looked for, which is fast.

    Args:
        frames: of the training.
        settings: cutoff and excluded pairs.
    """
    names = pair_names(frames.molecule, settings.exclude)
    terms = PairTerms(frames.molecule, settings.exclude, names, settings.cutoff)
    nearest = np.full(len(names), settings.cutoff)
    for part in frames.chunks(max(1, BEADS // frames.molecule.size)):
        cells = None if part.cells is None else part.cells.numpy()
        found = pair_vectors(part.positions.numpy(), cells, float(nearest.max()))
        curves = terms.curves_of(found.first, found.second)
        own = curves >= 0
        np.minimum.at(nearest, curves[own], found.distances[own])
    return {name: float(nearest[number]) for name, number in names.items()}


def _refuse_unseen(name: str, cutoff: float, frames: Frames) -> None:
    """Refuse molecules in a box that never come close: their beads would not repel each other."""
    if frames.cells is not None and not is_one(frames.molecule):
        raise InputError(
            f"potential: no frame has beads of the types {name} within 'pairs.cutoff' ({cutoff:g} "
            "nm), so that their curve cannot be fitted; use a longer cutoff, or sample longer"
        )


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
