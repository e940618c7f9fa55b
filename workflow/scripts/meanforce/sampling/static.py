"""Campaign kind `static`: a bias that never changes."""

import re
from pathlib import Path

import h5py
import numpy as np
import openmm

from meanforce.errors import InputError
from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable, bias_force
from meanforce.sampling.grid import BiasGrid
from meanforce.sampling.network_bias import BeadEnergy, NetworkBias, read_model
from meanforce.sampling.task import Host, Task
from meanforce.sampling.walkers import Walkers
from meanforce.settings.campaigns.static import StaticSettings


class Formula(Bias):
    """A bias given as an expression.

    One in a single internal coordinate or axis is OpenMM's force for that, with this energy: steps
    of small systems take half as long as with a `CustomCVForce`, which then only gives the values.

    Args:
        expression: kJ/mol, in s0, s1, ..., the variables.
        variables: the biased collective variables, in order.
    """

    def __init__(self, expression: str, variables: tuple[Variable, ...]) -> None:
        self._expression, self.variables = expression, variables

    def force(self) -> openmm.Force:
        return self._direct() or bias_force(self._expression, self.variables)

    def watching(self) -> openmm.CustomCVForce | None:
        return bias_force("0", self.variables) if self._direct() else None

    def _direct(self) -> openmm.Force | None:
        one = len(self.variables) == 1
        return self.variables[0].with_energy(self._expression) if one else None


class Frozen(Bias):
    """The final bias of a metadynamics campaign.

    Args:
        grid: the bias.
        offset: its c(t) at the end, kJ/mol, with which replicas with different biases have
            log-weights with one constant.
    """

    def __init__(self, grid: BiasGrid, offset: float) -> None:
        self._grid, self.variables, self._offset = grid, grid.variables, offset

    def offset(self) -> float:
        return self._offset

    def force(self) -> openmm.CustomCVForce:
        return self._grid.force()

    def record(self):
        return self._grid.record()


def gaussians(campaign: StaticSettings, variables: tuple[Variable, ...]) -> str:
    """Σ_k h_k exp[−Σ_d (s_d − c_kd)²/(2 w_kd²)] as an expression in s0, s1, ..."""
    terms = []
    for gaussian in campaign.gaussians:
        exponents = []
        for number, (variable, center, width) in enumerate(
            zip(variables, gaussian.center, gaussian.width, strict=True)
        ):
            difference = f"s{number}-({center})"
            # The chord length keeps the bias smooth where a dihedral crosses ±π.
            distance = f"2*sin(({difference})/2)" if variable.periodic else f"({difference})"
            exponents.append(f"({distance})^2/(2*{width}^2)")
        terms.append(f"({gaussian.height})*exp(-({'+'.join(exponents)}))")
    return " + ".join(terms)


def numbered(formula: str, names: list[str]) -> str:
    """A formula in the names of the variables, rewritten in s0, s1, ..."""
    # All at once: a variable's name may be the number of another one, such as s0.
    numbers = {name: f"s{number}" for number, name in enumerate(names)}
    longest_first = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{longest_first})(?![\w(])", lambda m: numbers[m[0]], formula)


def check_formula(formula: str, names: list[str]) -> None:
    """Refuse a formula that OpenMM cannot read.

    Raises:
        InputError: OpenMM's own message.
    """
    parts = [openmm.CustomExternalForce("x") for _ in names]
    force = bias_force(numbered(formula, names), [Variable((part,), False) for part in parts])
    system = openmm.System()
    system.addForce(force)
    system.addParticle(1.0)
    platform = openmm.Platform.getPlatformByName("Reference")
    try:
        openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    except openmm.OpenMMException as error:
        said = str(error).rpartition('": ')[2]
        raise InputError(f"'{formula}' is not a formula ({said})") from error


def dynamics(task: Task, host: Host) -> Walkers:
    """Dynamics of a job.

    Raises:
        InputError: the trajectory that a frozen bias comes from is missing, or holds no bias; or a
            network is of other beads.
    """
    return Walkers(task, _bias(task, host), host)


def _bias(task: Task, host: Host) -> Bias:
    if task.campaign.models is not None:
        return _network(task, host)
    variables = tuple(task.variables.values())
    if task.campaign.bias_of is not None:
        return _frozen(task, variables)
    if task.campaign.formula is not None:
        return Formula(numbered(task.campaign.formula, list(task.variables)), variables)
    return Formula(gaussians(task.campaign, variables), variables)


def _network(task: Task, host: Host) -> NetworkBias:
    campaign, system = task.campaign, host.prepared.system
    model = read_model(
        [Path(name) for name in campaign.models], task.beads, task.temperature, "models"
    )
    periodic = system.usesPeriodicBoundaryConditions()
    energy = BeadEnergy.of(model, task.beads, system.getNumParticles(), periodic, "models")
    return NetworkBias(energy, campaign.scale)


def _frozen(task: Task, variables: tuple[Variable, ...]) -> Frozen:
    if task.bias_of is None:
        raise InputError("--bias-of: is missing; this campaign takes its bias from a trajectory")
    try:
        with h5py.File(task.bias_of, "r") as file:
            group = file["meanforce"]
            axes = [group[f"bias_axis_{number}"][:] for number in range(len(variables))]
            grid = BiasGrid.read(variables, group["bias_grid"][:], axes)
            # Hills of other jobs do not have this job's c(t).
            offsets = group["bias_hills"][:, -1]
            offsets = offsets[np.isfinite(offsets)]
            return Frozen(grid, float(offsets[-1]) if len(offsets) else 0.0)
    except (OSError, KeyError, RuntimeError, ValueError) as error:
        raise InputError(f"{task.bias_of}: holds no metadynamics bias ({error})") from error
