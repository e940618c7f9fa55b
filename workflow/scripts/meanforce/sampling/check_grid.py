"""Whether the grid of a metadynamics bias contains the start, and which ends would."""

import math
from collections.abc import Mapping

import mdtraj
import numpy as np
import openmm
from scipy.sparse import coo_array
from scipy.sparse.csgraph import dijkstra

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.sampling.collective_variables import as_variable, bias_force, values_in
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic
from meanforce.systems.described import Described

ROOM = 1.0
"""Suggested room on both sides of the start where a variable has no ends, nm."""

STEP = 0.05
"""Suggested ends of distances are multiples of this, nm."""

Range = tuple[float, float]


def check_grid(
    campaign: MetadynamicsSettings,
    variables: Mapping[str, CollectiveVariableSettings],
    beads: Mapping[str, Beads],
    topology: mdtraj.Topology,
    described: Described,
    where: str,
) -> None:
    """Refuse a grid without the values that the variables have at the start.

    Outside its grid the bias is constant, so that a run that starts there is never biased.

    Args:
        campaign: settings.
        variables: the biased ones by name, in order.
        beads: by mapping.
        topology: of the atoms.
        described: the system, with the start structure.
        where: the campaign in the config.

    Raises:
        InputError: ends are missing, or the start is outside; with ends that contain it.
    """
    if all(is_periodic(variable.kind) for variable in variables.values()):
        return
    values = start_values(variables, beads, described.positions)

    def suggested() -> str:
        ranges = [
            possible_range(variable, value, beads[variable.mapping], topology, described.positions)
            or (value - ROOM, value + ROOM)
            for variable, value in zip(variables.values(), values, strict=True)
        ]
        ends = {
            key: ", ".join(
                in_words(one[side], variable)
                for one, variable in zip(ranges, variables.values(), strict=True)
            )
            for side, key in enumerate(("lower", "upper"))
        }
        return f"for example, give 'lower: [{ends['lower']}]' and 'upper: [{ends['upper']}]'"

    for number, (name, variable) in enumerate(variables.items()):
        if is_periodic(variable.kind):
            continue
        at = f"{in_words(values[number], variable)} in the structure"
        if campaign.lower is None or campaign.upper is None:
            raise InputError(
                f"{where}: '{name}' is not periodic; give 'lower' and 'upper' for its grid; it is "
                f"{at}; {suggested()}"
            )
        low, high = campaign.lower[number], campaign.upper[number]
        if not low <= values[number] <= high:
            key = "lower" if values[number] < low else "upper"
            ends = f"{in_words(low, variable)} to {in_words(high, variable)}"
            raise InputError(
                f"{where}.{key}: '{name}' is {at}, outside the grid from {ends}, where the bias "
                f"has no effect; {suggested()}"
            )


def start_values(
    variables: Mapping[str, CollectiveVariableSettings],
    beads: Mapping[str, Beads],
    positions: np.ndarray,
) -> np.ndarray:
    """Values of variables at some positions in nm, shape (n_variables,)."""
    made = [
        as_variable(variable, beads[variable.mapping], f"collective_variables.{name}")
        for name, variable in variables.items()
    ]
    force = bias_force("0*s0", made)
    system = openmm.System()
    for _ in positions:
        system.addParticle(1.0)
    system.addForce(force)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions)
    return values_in(force, context, made)


def in_words(value: float, variable: CollectiveVariableSettings) -> str:
    """A value of a variable with its unit."""
    return f"{value:.4g} {variable.unit}".rstrip()


def possible_range(
    variable: CollectiveVariableSettings,
    value: float,
    beads: Beads,
    topology: mdtraj.Topology,
    positions: np.ndarray,
) -> Range | None:
    """Values that a variable can take, some beyond its value if these have no ends, or None."""
    if variable.kind == "combination":
        members = [
            (coefficient, possible_range(term, value, beads, topology, positions))
            for coefficient, term in variable.terms
        ]
        if any(ends is None for _, ends in members):
            return None
        products = [sorted(coefficient * end for end in ends) for coefficient, ends in members]
        return sum(low for low, _ in products), sum(high for _, high in products)
    if variable.function is not None:
        low, high = variable.function.ends
        room = {"length": ROOM, "area": ROOM / 4}.get(variable.dimension, 0.0)
        return (
            min(value - room, 0.0) if low is None else low,
            math.ceil((value + room) / STEP) * STEP if high is None else high,
        )
    if variable.kind == "distance":
        longest = _contour(variable, beads, topology, positions)
        return (0.0, math.ceil(longest / STEP) * STEP) if math.isfinite(longest) else None
    return {
        "coordinate": None,
        "angle": (0.0, 3.1416),
        "dihedral": (-3.1416, 3.1416),
        "cos_dihedral": (-1.0, 1.0),
        "sin_dihedral": (-1.0, 1.0),
        "coordination": (0.0, float(len(variable.bead_tuples))),
    }[variable.kind]


def _contour(
    variable: CollectiveVariableSettings,
    beads: Beads,
    topology: mdtraj.Topology,
    positions: np.ndarray,
) -> float:
    """Longest distance of two beads along the bonds between them, nm; infinite without bonds."""
    bonds = np.array([(one.index, other.index) for one, other in topology.bonds], dtype=int)
    first, second = (beads.atoms[beads.names.index(name)] for name in variable.beads)
    i, j = bonds.reshape(-1, 2).T
    lengths = np.linalg.norm(positions[i] - positions[j], axis=1)
    graph = coo_array((lengths, (i, j)), shape=(len(positions), len(positions)))
    paths = dijkstra(graph, directed=False, indices=list(first))
    return float(paths[:, list(second)].max())
