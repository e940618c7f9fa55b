"""Data of known potentials, and settings, for fits that iterate."""

import functools
from pathlib import Path

import numpy as np
import torch
from interruptions import go_on_until_done
from liquid_boxes import ATOM, box_run, lattice, lennard_jones, spline

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.dynamics.sample import sample
from meanforce.fitting.frames import Frames
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential
from meanforce.units import kt

DIATOMIC = Topology(((MoleculeType("DIA", ("a", "b"), ("P", "Q"), ((0, 1),)), 1),))
LENGTH, STIFFNESS = 0.30, 8000.0
"""Of the diatomic's bond: nm and kJ/mol/nm²; at 300 K its standard deviation is 0.018 nm."""

BENT = Topology(((MoleculeType("BNT", ("a", "b", "c"), ("P", "Q", "P"), ((0, 1), (1, 2))), 1),))
ANGLE, BENDING = 1.9, 60.0
"""Of the bent molecule: rad and kJ/mol/rad²; at 300 K its standard deviation is 0.2 rad."""

EPSILON, SIGMA, CUTOFF, TEMPERATURE = 0.6, 0.34, 0.65, 120.0
"""Of the fluid: kJ/mol, nm, nm, K."""

RUN = {
    "chains": 16, "time_step": 0.01, "friction": 5.0, "equilibration": 1.0, "length": 10.0,
    "stride": 0.1, "engine": "torch", "device": "cpu",
}  # fmt: skip


def settings(
    terms: dict,
    temperature: str = "none",
    run: dict | None = None,
    kind: str = "boltzmann_inversion",
    **fitting,
):
    """A spline that is fitted by inversion; terms that are not given are left out."""
    none = dict.fromkeys(("bonds", "angles", "dihedrals", "pairs"))
    values = {
        "kind": "spline", "terms": none | terms, "temperature": temperature,
        "fitting": {"kind": kind, "simulation": RUN | (run or {})} | fitting,
    }  # fmt: skip
    return validated(Potential, values, "potential")


def bond(r: np.ndarray) -> np.ndarray:
    """Energy of the diatomic, kJ/mol."""
    return 0.5 * STIFFNESS * (r - LENGTH) ** 2


def diatomics(
    n: int,
    temperature: float = 300.0,
    energy=bond,
    seed: int = 1,
    forces: float = 1.0,
    ends: tuple[float, float] = (0.05, 0.6),
) -> Frames:
    """Independent frames of a diatomic from p(r) ∝ r² e^{−U/kT}; forces times a factor."""
    rng = np.random.default_rng(seed)
    grid = np.linspace(*ends, 20001)
    density = grid**2 * np.exp(-energy(grid) / kt(temperature))
    r = np.interp(rng.random(n), np.cumsum(density) / density.sum(), grid)
    vectors = rng.normal(size=(n, 3))
    vectors /= np.linalg.norm(vectors, axis=1)[:, None]
    positions = np.stack([np.zeros((n, 3)), r[:, None] * vectors], axis=1)
    slope = np.gradient(energy(grid), grid)
    pull = forces * np.interp(r, grid, slope)[:, None] * vectors
    block = torch.arange(n) * 20 // n
    return Frames(
        torch.tensor(positions, dtype=torch.float32),
        torch.tensor(np.stack([pull, -pull], axis=1), dtype=torch.float32),
        torch.full((n,), temperature), block % 5, block, DIATOMIC, masses=np.array([20.0, 20.0]),
    )  # fmt: skip


def bent(n: int, seed: int = 1, forces: float = 1.0) -> Frames:
    """Independent frames of a bent molecule of three beads at 300 K; forces times a factor."""
    rng, kT = np.random.default_rng(seed), kt(300.0)
    grid = np.linspace(0.15, 0.45, 20001)
    angles = np.linspace(0.01, np.pi - 0.01, 20001)
    densities = (
        grid**2 * np.exp(-bond(grid) / kT),
        np.sin(angles) * np.exp(-0.5 * BENDING * (angles - ANGLE) ** 2 / kT),
    )
    sums = [np.cumsum(density) / density.sum() for density in densities]
    a, b = (np.interp(rng.random(n), sums[0], grid) for _ in range(2))
    angle = np.interp(rng.random(n), sums[1], angles)
    zero = np.zeros(n)
    along, across = np.cos(angle), np.sin(angle)
    ends = np.stack([a, zero, zero], 1), np.stack([b * along, b * across, zero], 1)
    positions = np.stack([ends[0], np.zeros((n, 3)), ends[1]], axis=1)
    # Forces of bonds and angle, each along its gradient.
    first = np.stack([-STIFFNESS * (a - LENGTH), BENDING * (angle - ANGLE) / a, zero], 1)
    radial = np.stack([along, across, zero], 1) * (-STIFFNESS * (b - LENGTH))[:, None]
    turned = np.stack([-across, along, zero], 1) * (-BENDING * (angle - ANGLE) / b)[:, None]
    last = radial + turned
    pull = forces * np.stack([first, -first - last, last], axis=1)
    block = torch.arange(n) * 20 // n
    return Frames(
        torch.tensor(positions, dtype=torch.float32), torch.tensor(pull, dtype=torch.float32),
        torch.full((n,), 300.0), block % 5, block, BENT, masses=np.full(3, 20.0),
    )  # fmt: skip


COUPLING = 0.08
"""nm/rad by which the bonds of the coupled molecule are longer at wider angles."""


def coupled(n: int, seed: int = 1) -> Frames:
    """Independent frames of a molecule of three beads whose bonds depend on its angle, at 300 K.

    U = ½ B (θ − θ₀)² + Σ ½ K (b − m(θ))², m = b₀ + c(θ − θ₀): no sum of functions of its three
    distances.
    """
    rng, kT = np.random.default_rng(seed), kt(300.0)
    spread = np.sqrt(kT / STIFFNESS)
    angles = np.linspace(0.9, 2.9, 20001)
    mean = LENGTH + COUPLING * (angles - ANGLE)
    bending = np.exp(-0.5 * BENDING * (angles - ANGLE) ** 2 / kT)
    density = np.sin(angles) * bending * (mean**2 + spread**2) ** 2
    angle = np.interp(rng.random(n), np.cumsum(density) / density.sum(), angles)
    bonds = np.zeros((2, n))
    missing = np.ones((2, n), dtype=bool)
    while missing.any():
        # A normal distribution, and b² by rejection.
        normal = LENGTH + COUPLING * (angle - ANGLE) + spread * rng.normal(size=(2, n))
        taken = missing & (rng.random((2, n)) < (normal / 0.6) ** 2)
        bonds[taken] = normal[taken]
        missing &= ~taken
    zero = np.zeros(n)
    first = np.stack([bonds[0], zero, zero], 1)
    last = np.stack([bonds[1] * np.cos(angle), bonds[1] * np.sin(angle), zero], 1)
    positions = torch.tensor(np.stack([first, np.zeros((n, 3)), last], 1), requires_grad=True)
    arms = positions[:, [0, 2]] - positions[:, [1]]
    lengths = arms.norm(dim=2)
    off = torch.acos((arms[:, 0] * arms[:, 1]).sum(1) / lengths.prod(1)) - ANGLE
    strain = lengths - LENGTH - COUPLING * off[:, None]
    energy = 0.5 * BENDING * off**2 + 0.5 * STIFFNESS * strain.square().sum(1)
    (gradient,) = torch.autograd.grad(energy.sum(), positions)
    block = torch.arange(n) * 20 // n
    return Frames(
        positions.detach().float(), -gradient.float(), torch.full((n,), 300.0), block % 5, block,
        BENT, masses=np.full(3, 20.0),
    )  # fmt: skip


def joined(*parts: Frames) -> Frames:
    """Frames of several state points."""
    fields = ("positions", "forces", "temperatures", "folds", "blocks")
    tensors = [torch.cat([getattr(part, name) for part in parts]) for name in fields]
    return Frames(*tensors, parts[0].molecule, masses=parts[0].masses)


form = lennard_jones(EPSILON, SIGMA, CUTOFF)


@functools.cache
def fluid(side: int = 4, density: float = 0.3, chains: int = 20, length: float = 12.8) -> Frames:
    """A Lennard-Jones fluid of side³ particles at a reduced density, sampled by the engine torch.

    Each chain is a time block.
    """
    n_beads = side**3
    edge = (n_beads / density) ** (1 / 3) * SIGMA
    molecule = Topology(((ATOM, n_beads),))
    potential = spline(molecule, {"pairs": form}, functions=40, ranges={"pairs": (0.27, CUTOFF)})
    run = box_run(
        potential.to(torch.float32), molecule, lattice(side, edge), edge * np.eye(3),
        chains=chains, time_step=0.008, equilibration=3.2, length=length, stride=0.16,
        engine="torch",
    )  # fmt: skip
    found = sample(potential.to(torch.float32), run.starts, run.simulation, run.generator,
                   run.system).positions  # fmt: skip
    positions = torch.from_numpy(found).transpose(0, 1).reshape(-1, n_beads, 3).contiguous()
    n = len(positions)
    block = torch.arange(n) * chains // n
    return Frames(
        positions, torch.zeros_like(positions), torch.full((n,), TEMPERATURE), block % 5, block,
        molecule, cells=torch.tensor(edge * np.eye(3), dtype=torch.float32).repeat(n, 1, 1),
        masses=np.full(n_beads, 20.0),
    )  # fmt: skip


def off(potential) -> float:
    """Largest deviation from the fluid's pair potential, in kT, from where it is 4 kT."""
    places = np.linspace(0.30, CUTOFF, 60)
    found = potential.curve(torch.from_numpy(places).float(), TEMPERATURE)[0].numpy()
    return float(abs(found - form(places)).max() / kt(TEMPERATURE))


def silent(line: str) -> None:
    """A report that goes nowhere."""


VARIABLES = {"length": CollectiveVariableSettings(kind="distance", mapping="own", beads=["a", "b"])}
BIAS = {
    "collective_variables": ["length"], "width": [0.015], "lower": [0.18], "upper": [0.42],
    "bias_factor": 4.0, "build": 2.0,
}  # fmt: skip
"""Of a run, along the diatomic's bond."""


def same_bits_when_killed(fit, chosen, frames: Frames, folder: Path) -> tuple:
    """A fit gives the same bits however often it is stopped; what both runs of it gave."""
    given = chosen, frames, VARIABLES, 0, 7, silent
    made = [fit(*given)]
    stops = go_on_until_done(folder, lambda job: made.append(fit(*given, job)), every=40)
    assert stops >= 4
    once, again = made
    assert once.curve.equals(again.curve)
    assert once.about == again.about
    tensors, others = once.potential.state()[0], again.potential.state()[0]
    assert tensors.keys() == others.keys()
    assert all(torch.equal(tensor, others[name]) for name, tensor in tensors.items())
    return once, again
