"""Linear potentials as OpenMM's own forces, with tabulated functions.

A `Continuous1DFunction` is a natural cubic spline. With its points on the centres of cubic
B-splines, and two more at each end, where they and their second derivative vanish, it is not an
approximation to a sum of such B-splines but the same function. Gaussians need finer points. Models
of a molecule's bonds, angles, dihedrals and pairs are made as `tables` makes them.
"""

import copy

import numpy as np
import openmm
import torch

from meanforce.core.beads import Beads
from meanforce.potentials.interface import Potential
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.rbf import Rbf
from meanforce.potentials.spline import Spline
from meanforce.sampling.collective_variables import as_variable, bias_force
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.tables.curve_tables import tables_of
from meanforce.tables.openmm_system import build_system

POINTS = {Spline: 1, Rbf: 32}
"""Points of the table for each distance between centres."""

BEYOND = 2
"""Distances between centres by which the table goes beyond the first and the last."""

# Inside the range of the training data s_ is s0, beyond it the end of the range. Numbers stand in
# the expression, since members of an ensemble would share global parameters.
ENERGY = (
    "({share!r})*(table(s_) + select(step(s0-({high!r})), {slope_high!r}, {slope_low!r})*beyond"
    " + 0.5*({wall!r})*beyond^2); beyond=s0-s_; s_=min(max(s0, {low!r}), {high!r})"
)


def native_forces(
    potential: Potential, masses: np.ndarray, temperature: float, share: float
) -> list[openmm.Force] | None:
    """A share of a model's energy as forces of OpenMM's, or None where it has no such form.

    Args:
        potential: one member of an ensemble.
        masses: of the beads, u, shape (n_beads,).
        temperature: of U(R; T), K.
        share: factor of the energy, such as one over the number of members.
    """
    if type(potential) not in POINTS:
        return None
    if "collective_variable" in potential.values:
        beads = _beads(potential.values["bead_names"], masses)
        return [_tabulated(potential, beads, temperature, share)]
    # The System owns its forces and has to outlive them.
    whole = build_system(*tables_of(potential, temperature), masses)
    scaled = [copy.deepcopy(force) for force in whole.getForces()]
    for force in scaled:
        energy, definitions = force.getEnergyFunction().split(";", 1)
        force.setEnergyFunction(f"{share!r}*({energy});{definitions}")
    return scaled


def _tabulated(
    potential: LinearPotential, beads: Beads, temperature: float, share: float
) -> openmm.CustomCVForce:
    values = potential.values
    spacing = (values["upper"] - values["lower"]) / (values["functions"] - 1)
    low, high = values["lower"] - BEYOND * spacing, values["upper"] + BEYOND * spacing
    intervals = (values["functions"] - 1 + 2 * BEYOND) * POINTS[type(potential)]
    points = torch.linspace(low, high, intervals + 1, dtype=torch.float64)
    tensors, _ = potential.to(torch.float64).state()
    series = type(potential).from_state(tensors, values | {"sampled": [low, high]})
    table = series.curve(points, temperature)[0].numpy()
    ends = torch.tensor(values["sampled"], dtype=torch.float64)
    slopes = series.curve(ends, temperature)[1].tolist()
    settings = validated(CollectiveVariableSettings, values["collective_variable"], "model")
    energy = ENERGY.format(
        share=share,
        low=float(values["sampled"][0]),
        high=float(values["sampled"][1]),
        slope_low=slopes[0],
        slope_high=slopes[1],
        wall=float(values["wall"]),
    )
    force = bias_force(energy, [as_variable(settings, beads, "model")])
    force.addTabulatedFunction("table", openmm.Continuous1DFunction(table, low, high))
    return force


def _beads(names: list[str], masses: np.ndarray) -> Beads:
    """Beads that are single particles."""
    return Beads.of_beads(
        names=tuple(names),
        atoms=tuple((number,) for number in range(len(names))),
        weights=((1.0,),) * len(names),
        bonds=(),
        masses=masses,
    )
