"""Ranges of collective variables in a config against what the molecule has and can have."""

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence

import mdtraj
import numpy as np

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.sampling.check_grid import in_words, possible_range, start_values
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.settings.checks import Grid
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic
from meanforce.settings.config import Config

WIDEST = 4.0
"""Width of a grid in units of the range of values that are possible, from which most is empty."""

ROUNDED = 1e-6
"""rad; ends in degrees are not exact."""


@dataclasses.dataclass(frozen=True)
class Start:
    """The start structure of a system, along its collective variables.

    Attributes:
        variables: complete ones, by name.
        beads: by mapping.
        topology: of the atoms.
        positions: nm, shape (n_atoms, 3).
    """

    variables: Mapping[str, CollectiveVariableSettings]
    beads: Mapping[str, Beads]
    topology: mdtraj.Topology
    positions: np.ndarray

    def has(self, name: str) -> bool:
        """Whether a variable could be completed and has its beads."""
        variable = self.variables.get(name)
        return variable is not None and variable.mapping in self.beads

    def value(self, name: str) -> float:
        """Of a variable."""
        return float(start_values({name: self.variables[name]}, self.beads, self.positions)[0])

    def possible(self, name: str) -> tuple[float, float] | None:
        """Values that a variable can take in any structure; None where no bond bounds them."""
        variable = self.variables[name]
        if any(term.function is not None for term in (variable, *(t for _, t in variable.terms))):
            return None
        beads = self.beads[variable.mapping]
        return possible_range(variable, 0.0, beads, self.topology, self.positions)


def range_notices(config: Config, system: str, start: Start) -> list[str]:
    """Sentences on grids of CG biases and surfaces that do not contain the start structure.

    CG chains start in frames of the training data, which the start structure stands for here; the
    runs themselves are checked when they begin.

    Args:
        config: the whole config.
        system: its name.
        start: of the system.

    Raises:
        InputError: a grid of the surface, or a window of umbrella sampling, has no value that the
            molecule can take.
    """
    found = []
    for where, names, grid, effect in _grids(config, system):
        for index, name in enumerate(names):
            variable = start.variables.get(name)
            if not start.has(name):
                continue
            if is_periodic(variable.kind):
                found += _ends_of_a_circle(where, name, grid.lower[index], grid.upper[index])
                continue
            low, high, value = grid.lower[index], grid.upper[index], start.value(name)
            ends = f"the grid from {in_words(low, variable)} to {in_words(high, variable)}"
            _refuse_impossible(f"{where}.lower", name, ends, (low, high), start)
            found += _too_wide(where, name, (low, high), start)
            if not low <= value <= high:
                key = "lower" if value < low else "upper"
                found.append(
                    f"{where}.{key}: '{name}' is {in_words(value, variable)} in the structure, "
                    f"outside {ends}, {effect}"
                )
    _check_windows(config, system, start)
    return list(dict.fromkeys(found))


def _ends_of_a_circle(where: str, name: str, low: float, high: float) -> list[str]:
    """A sentence on ends of a grid that is a whole circle all the same."""
    if high - low > 2 * math.pi - ROUNDED:
        return []
    return [
        f"{where}.lower: '{name}' is periodic, so that its grid is the whole circle; "
        f"{math.degrees(low):g} to {math.degrees(high):g} deg is not used for it"
    ]


def _too_wide(where: str, name: str, ends: tuple[float, float], start: Start) -> list[str]:
    """A sentence on a grid of which the molecule can reach only a small part."""
    possible, variable = start.possible(name), start.variables[name]
    if possible is None or not all(map(math.isfinite, possible)):
        return []
    reached = min(ends[1], possible[1]) - max(ends[0], possible[0])
    if reached * WIDEST >= ends[1] - ends[0]:
        return []
    low, high, first, last = (in_words(end, variable) for end in (*ends, *possible))
    return [
        f"{where}.upper: the grid of '{name}' goes from {low} to {high}, but its values only from "
        f"{first} to {last}, so that they fall into few of its bins"
    ]


def _grids(config: Config, system: str) -> Iterator[tuple[str, Sequence[str], Grid, str]]:
    """Key, variables and grid of everything with ends, and what a value beyond them means."""
    validation = config.validation.get(system)
    if validation is not None and validation.lower is not None and validation.upper is not None:
        effect = "so that such frames are left out of the surface"
        yield f"validation.{system}", validation.surface, validation, effect
    for experiment in config.experiments.values():
        if experiment.system != system:
            continue
        fitting = getattr(config.potentials[experiment.potential].fitting, "simulation", None)
        for where, simulation in (
            (f"simulations.{experiment.simulation}", config.simulations[experiment.simulation]),
            (f"potentials.{experiment.potential}.fitting.simulation", fitting),
        ):
            bias = simulation and simulation.bias
            if bias and bias.lower is not None and bias.upper is not None:
                effect = (
                    "where the bias has no effect; CG chains start in frames of the training data"
                )
                yield f"{where}.bias", bias.collective_variables, bias, effect


def _check_windows(config: Config, system: str, start: Start) -> None:
    """Refuse windows at values that the molecule cannot take: it would be torn apart."""
    for name, campaign in config.campaigns.get(system, {}).items():
        if not isinstance(campaign, UmbrellaSettings):
            continue
        for index, variable in enumerate(campaign.biased_variables):
            if not start.has(variable) or is_periodic(start.variables[variable].kind):
                continue
            centers = [window[index] for window in campaign.windows()]
            for center in (min(centers), max(centers)):
                what = f"the window at {in_words(center, start.variables[variable])}"
                key = "rows" if campaign.rows is not None else "centers"
                where = f"campaigns.{system}.{name}.{key}"
                _refuse_impossible(where, variable, what, (center, center), start)


def _refuse_impossible(
    where: str, name: str, what: str, ends: tuple[float, float], start: Start
) -> None:
    possible = start.possible(name)
    if possible is not None and (ends[1] < possible[0] or ends[0] > possible[1]):
        variable = start.variables[name]
        low, high = (in_words(end, variable) for end in possible)
        raise InputError(
            f"{where}: {what} has no value that '{name}' can take, which is from {low} to {high}"
        )
