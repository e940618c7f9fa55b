"""An example or more of every registered kind of potential, for the tests that all kinds share.

A new kind adds its examples here; `test_potentials.py` fails when a registered kind has none.
"""

import dataclasses
import functools
import json
from collections.abc import Callable
from importlib.util import find_spec

import pytest
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.fitting.frames import Frames
from meanforce.fitting.linear import without_coefficients
from meanforce.potentials.cgnet import Cgnet
from meanforce.potentials.interface import EnsembleMean, Potential, Start
from meanforce.potentials.prior import Prior
from meanforce.potentials.registry import KINDS
from meanforce.potentials.with_prior import WithPrior
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential as Settings

NAMES = [f"B{i}" for i in range(5)]
TYPES = ("P", "Q", "P", "Q", "P")
BONDS = ((0, 1), (1, 2), (2, 3), (3, 4))
CHAIN = Topology.of_beads(tuple(NAMES), TYPES, BONDS)
"""Five beads in a row, the same read from either end."""

RING = ["B0", "B1", "B2", "B3"]
VARIABLES = {
    "coordinate": {"kind": "coordinate", "mapping": "m", "beads": ["B1"], "axis": "y"},
    "distance": {"kind": "distance", "mapping": "m", "beads": ["B0", "B2"]},
    "angle": {"kind": "angle", "mapping": "m", "beads": ["B0", "B1", "B2"]},
    "dihedral": {"kind": "dihedral", "mapping": "m", "beads": RING},
    "combination": {
        "kind": "combination", "mapping": "m", "coefficients": {"c": 1.0, "s": -0.5, "n": 0.5},
        "members": {
            "c": {"kind": "cos_dihedral", "mapping": "m", "beads": RING},
            "s": {"kind": "sin_dihedral", "mapping": "m", "beads": ["B1", "B2", "B3", "B4"]},
            "n": {
                "kind": "coordination", "mapping": "m", "beads": ["B0"],
                "other_beads": ["B3", "B4"], "radius": 1.5,
            },
        },
    },
}  # fmt: skip
RANGES = {
    "coordinate": (-4.0, 4.0), "distance": (0.2, 4.0), "angle": (0.0, 3.2),
    "dihedral": (-3.2, 3.2), "combination": (-1.5, 2.5),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Example:
    """A potential to be tested, and facts about it that the tests need.

    Attributes:
        kind: its registered kind; of an ensemble, that of its members.
        make: the potential, from a seed.
        molecule: its beads.
        depends_on_temperature: whether U changes with T.
        doubled: the same potential of two copies of the molecule, one after the other; needed
            where it declares to be extensive.
    """

    kind: str
    make: Callable[[int], Potential]
    molecule: Topology = CHAIN
    depends_on_temperature: bool = True
    doubled: Callable[[int], Potential] | None = None


def linear(kind: str, variable: str, seed: int = 1) -> Potential:
    """A linear potential of one variable with random coefficients."""
    low, high = RANGES[variable]
    values = {
        "collective_variable": VARIABLES[variable],
        "bead_names": NAMES,
        "lower": low,
        "upper": high,
        "functions": 12,
        "width": 1.5,
        "temperature": "linear",
        "reference_temperature": 350.0,
        "sampled": [low, high],
        "wall": 50.0,
    }
    generator = torch.Generator().manual_seed(seed)
    return KINDS[kind](values, torch.randn(24, generator=generator, dtype=torch.float64) * 5)


def terms(kind: str, seed: int = 1, molecule: Topology = CHAIN) -> Potential:
    """A linear potential of all terms of a molecule with random coefficients."""
    generator = torch.Generator().manual_seed(4)
    positions = torch.randn(500, molecule.size, 3, generator=generator)
    no_blocks = torch.zeros(500)
    frames = Frames(positions, positions, torch.full((500,), 350.0), no_blocks, no_blocks, molecule)
    settings = {"kind": kind, "terms": {"pairs": {"cutoff": 2.5}}}
    blank = without_coefficients(validated(Settings, settings, "potential"), frames, {})
    generator.manual_seed(seed)
    coefficients = torch.randn(len(blank.coefficients), generator=generator, dtype=torch.float64)
    return type(blank)(blank.values, 5 * coefficients)


def cgnet(seed: int = 1, molecule: Topology = CHAIN, **chosen: str) -> Potential:
    """A small network with random weights."""
    generator = torch.Generator().manual_seed(seed)
    values = {"kind": "cgnet", "hidden": [16, 16], "training": {"epochs": 1}} | chosen
    settings = validated(Settings, values, "potential")
    # The same standardisation for all seeds, as in an ensemble on one data set.
    positions = torch.randn(100, molecule.size, 3, generator=torch.Generator().manual_seed(7))
    made = Cgnet.initial(
        settings, Start(molecule, Configuration(positions, 300.0), [300.0, 400.0]), generator
    )
    # Untrained, parts of the output that belong to temperature are zero.
    last = made.tensors["weight_2"]
    last += torch.randn(last.shape, generator=generator) * (last == 0)
    return made


def local_cgnet(seed: int = 1, molecule: Topology = CHAIN, **chosen: object) -> Potential:
    """Small networks of single beads with random weights; pairs three bonds apart by densities."""
    generator = torch.Generator().manual_seed(seed)
    values = {
        "kind": "local_cgnet", "hidden": [8, 8], "near_bonds": 2, "cutoff": 3.0, "channels": 2,
        "training": {"epochs": 1},
    } | chosen  # fmt: skip
    settings = validated(Settings, values, "potential")
    # The same standardisation for all seeds, as in an ensemble on one data set.
    positions = torch.randn(100, molecule.size, 3, generator=torch.Generator().manual_seed(7))
    start = Start(molecule, Configuration(positions, 300.0), [300.0, 400.0])
    made = KINDS["local_cgnet"].initial(settings, start, generator)
    # Untrained, parts of the output that belong to temperature are zero.
    for tensor in made.trainable():
        tensor += 0.3 * torch.randn(tensor.shape, generator=generator)
    return made


@functools.cache
def mace(seed: int = 1, molecule: Topology = CHAIN) -> Potential:
    """A small equivariant network with random weights; the same ones for any molecule."""
    if find_spec("mace") is None:
        pytest.skip("needs envs/requirements-mace.txt")
    generator = torch.Generator().manual_seed(seed)
    settings = validated(
        Settings,
        {
            "kind": "mace", "channels": 4, "max_L": 1, "max_ell": 2, "radial_hidden": [8],
            "cutoff": 3.0, "temperature": "linear", "training": {"epochs": 1},
        },
        "potential",
    )  # fmt: skip
    positions = torch.randn(100, CHAIN.size, 3, generator=torch.Generator().manual_seed(7))
    start = Start(CHAIN, Configuration(positions, 300.0), [300.0, 400.0])
    # Untrained, its forces are small compared with the rounding of single precision.
    made = KINDS["mace"].initial(settings, start, generator).to(torch.float64)
    tensors, values = made.state()
    return type(made).from_state(tensors, values | molecule.parameters())


def with_prior(seed: int = 1) -> Potential:
    """A small network on a prior of all kinds of terms."""
    generator = torch.Generator().manual_seed(seed)
    beads = {
        "n_beads": 5, "bonds": BONDS, "angles": CHAIN.angles, "dihedrals": CHAIN.dihedrals,
        "excluded": [(0, 4), (0, 3)], "mixtures": CHAIN.angles[:2],
        "stereo": [(1, 0, 2, 4)],
    }  # fmt: skip
    shapes = {
        "bond_center": 4, "bond_stiffness": 4, "angle_center": 3, "angle_stiffness": 3,
        "dihedral_cosine": (2, 3), "dihedral_sine": (2, 3), "excluded_radius": 2,
        "excluded_energy": 2, "mixture_center": (2, 2), "mixture_stiffness": (2, 2),
        "mixture_energy": (2, 2), "mixture_kt": 2, "stereo_center": 1, "stereo_stiffness": 1,
    }  # fmt: skip
    tensors = {n: 1 + torch.rand(shape, generator=generator) for n, shape in shapes.items()}
    return WithPrior(Prior(json.loads(json.dumps(beads)), tensors), cgnet(seed))


TWICE = Topology.of_beads(
    (*NAMES, *(f"{name}'" for name in NAMES)),
    TYPES + TYPES,
    (*BONDS, *((i + 5, j + 5) for i, j in BONDS)),
)
TRIANGLE = Topology.of_beads(("A", "B", "C"), ("P", "P", "P"), ((0, 1), (1, 2)))
"""No dihedral, so that mirror images are not distinguished."""

EXAMPLES = {
    "spline on a distance": Example("spline", lambda seed: linear("spline", "distance", seed)),
    "spline on an angle": Example("spline", lambda seed: linear("spline", "angle", seed)),
    "spline on a dihedral": Example("spline", lambda seed: linear("spline", "dihedral", seed)),
    "spline on a combination": Example(
        "spline", lambda seed: linear("spline", "combination", seed)
    ),
    "spline on a coordinate": Example("spline", lambda seed: linear("spline", "coordinate", seed)),
    "rbf on a distance": Example("rbf", lambda seed: linear("rbf", "distance", seed)),
    "rbf on a dihedral": Example("rbf", lambda seed: linear("rbf", "dihedral", seed)),
    "spline of terms": Example("spline", lambda seed: terms("spline", seed)),
    "rbf of terms": Example("rbf", lambda seed: terms("rbf", seed)),
    "spline of terms without dihedrals": Example(
        "spline", lambda seed: terms("spline", seed, TRIANGLE), molecule=TRIANGLE
    ),
    "cgnet": Example("cgnet", cgnet),
    "cgnet without dihedrals": Example(
        "cgnet", lambda seed: cgnet(seed, TRIANGLE), molecule=TRIANGLE
    ),
    "local_cgnet": Example("local_cgnet", local_cgnet),
    "local_cgnet without dihedrals": Example(
        "local_cgnet", lambda seed: local_cgnet(seed, TRIANGLE, near_bonds=1), molecule=TRIANGLE
    ),
    "local_cgnet of inverse distances, T an input": Example(
        "local_cgnet", lambda seed: local_cgnet(seed, distances="inverse", temperature="feature")
    ),
    "mean of local_cgnets": Example(
        "local_cgnet", lambda seed: EnsembleMean([local_cgnet(seed + k) for k in range(3)])
    ),
    "mace": Example("mace", mace, doubled=lambda seed: mace(seed, TWICE)),
    "cgnet with a prior": Example("cgnet", with_prior),
    "mean of cgnets with priors": Example(
        "cgnet", lambda seed: EnsembleMean([with_prior(seed), with_prior(seed + 1)])
    ),
    "cgnet of both distances, linear in T": Example(
        "cgnet", lambda seed: cgnet(seed, distances="both", temperature="linear")
    ),
    "mean of cgnets": Example(
        "cgnet", lambda seed: EnsembleMean([cgnet(seed + k) for k in range(3)])
    ),
}
