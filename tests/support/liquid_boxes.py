"""Tabulated potentials of known form, and boxes of molecules, for the engines of CG dynamics."""

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np
import pytest
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.lammps_mover import installed
from meanforce.dynamics.system import CgSystem
from meanforce.potentials.curves import EnergyCurve
from meanforce.potentials.registry import KINDS
from meanforce.potentials.terms import coordinates_of
from meanforce.settings.simulations import SimulationSettings

ENGINES = ("torch", "openmm", "lammps")
needs_lammps = pytest.mark.skipif(not installed(), reason="needs envs/requirements-lammps.txt")
EACH_ENGINE = [
    pytest.param(name, marks=needs_lammps if name == "lammps" else ()) for name in ENGINES
]

CHAIN = MoleculeType("CHN", tuple("abcd"), ("P", "Q", "Q", "P"), ((0, 1), (1, 2), (2, 3)))
ATOM = MoleculeType("ATM", ("a",), ("P",))
PAIR = MoleculeType("PAR", ("a", "b"), ("P", "P"), ((0, 1),))

RANGES = {"bonds": (0.10, 0.22), "angles": (1.2, 2.9), "pairs": (0.25, 1.0)}
"""Sampled ranges of curves that a form does not set."""


def spline(
    molecule: Topology,
    forms: dict[str, Callable[[np.ndarray], np.ndarray]],
    exclude: int = 3,
    kinds: str = "spline",
    functions: int = 30,
    ranges: dict[str, tuple[float, float]] | None = None,
):
    """A potential whose curves of each kind are the given functions, in the basis' least squares.

    Args:
        molecule: the beads.
        forms: kind of term: energy, kJ/mol, of an array of coordinates, nm or rad.
        exclude: least number of bonds between the beads of a pair.
        kinds: of the potential.
        functions: of each curve.
        ranges: kind of term: range of the data; of pairs, up to the cutoff.
    """
    small = Topology(tuple((kind, min(count, 2)) for kind, count in molecule.composition))
    _, keys = coordinates_of(small, list(forms), exclude)
    curves = []
    for term, name in dict.fromkeys(keys):
        if term == "dihedrals":
            step = 2 * np.pi / functions
            curve = EnergyCurve(name, term, functions, -np.pi, step, (-3.0, 3.0), 0.0)
        else:
            low, high = (RANGES | (ranges or {}))[term]
            pair = term == "pairs"
            # The support of the last function of a pair ends at the cutoff.
            h = (high - low) / (functions if pair else functions - 3)
            curve = EnergyCurve(
                name, term, functions, low - h, h, (low, high), 2.5 / h**2, high if pair else None
            )
        curves.append(curve)
    values = molecule.parameters() | {
        "curves": [dataclasses.asdict(curve) for curve in curves], "exclude": exclude,
        "width": 1.5, "temperature": "none", "reference_temperature": 300.0,
    }  # fmt: skip
    blank = KINDS[kinds](values, torch.zeros(functions * len(curves), dtype=torch.float64))
    found = []
    for number, curve in enumerate(curves):
        low, high = (-np.pi, np.pi) if curve.periodic else (curve.sampled[0], curve.range[1])
        x = np.linspace(low, high, 20 * functions)
        basis = blank.basis_of(torch.from_numpy(x), number)[0].numpy()
        found.append(np.linalg.lstsq(basis, forms[curve.kind](x), rcond=None)[0])
    return KINDS[kinds](values, torch.from_numpy(np.concatenate(found)))


def lennard_jones(epsilon: float = 1.0, sigma: float = 0.34, cutoff: float = 0.85):
    """Energy, switched so that it and its slope vanish at the cutoff."""

    def energy(r: np.ndarray) -> np.ndarray:
        x = (sigma / r) ** 6
        return 4 * epsilon * (x * x - x) * (1 - (r / cutoff) ** 2) ** 2 * (r < cutoff)

    return energy


def chain_forms(sigma: float = 0.32) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """All kinds of terms; σ of the pairs in nm."""
    return {
        "bonds": lambda r: 4000 * (r - 0.16) ** 2,
        "pairs": lennard_jones(0.6, sigma, 1.0),
        "angles": lambda a: 30 * (a - 2.0) ** 2,
        "dihedrals": lambda d: 3 * (1 + np.cos(3 * d)) + 1.5 * np.sin(d),
    }


def box_of_chains(count: int, edge: float, seed: int = 1) -> tuple[Topology, np.ndarray]:
    """Zigzag chains on a lattice, turned at random and shaken; nm, shape (4·count, 3)."""
    rng = np.random.default_rng(seed)
    shape = np.array([[0.13 * i, 0.09 * (i % 2), 0.05 * (i // 2)] for i in range(4)])
    shape -= shape.mean(0)
    side = int(np.ceil(count ** (1 / 3)))
    centers = np.array(list(itertools.product(range(side), repeat=3)))[:count] * edge / side
    placed = []
    for center in centers:
        axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        placed.append(shape @ axes + center)
    positions = np.concatenate(placed)
    return Topology(((CHAIN, count),)), positions + rng.normal(0, 0.004, positions.shape)


def lattice(side: int, edge: float, seed: int = 1) -> np.ndarray:
    """Beads near the places of a cubic lattice, nm, shape (side³, 3)."""
    places = np.array(list(itertools.product(range(side), repeat=3))) * edge / side
    return places + np.random.default_rng(seed).normal(0, 0.02, places.shape)


def box_run(
    potential, molecule: Topology, positions: np.ndarray, cell: np.ndarray, seed: int = 1, **changes
) -> CgRun:
    """A run of chains that all start from the same positions; masses of all beads are 20 u."""
    settings = {
        "chains": 2, "time_step": 0.004, "friction": 2.0, "equilibration": 0.4, "length": 2.0,
        "stride": 0.2, "until": None, "device": "cpu", "compile": "never",
    }  # fmt: skip
    simulation = SimulationSettings.model_validate(settings | changes, context={"internal": True})
    return CgRun(
        potential,
        Configuration(np.tile(positions, (simulation.chains, 1, 1)), 120.0, cell),
        simulation,
        torch.Generator().manual_seed(seed),
        CgSystem(molecule, np.full(molecule.size, 20.0)),
    )
