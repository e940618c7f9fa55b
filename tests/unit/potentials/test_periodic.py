"""Potentials in periodic cells: images, box vectors, gradients, and which kinds refuse."""

import dataclasses
import itertools
import re

import numpy as np
import potential_checks as checks
import pytest
import torch
from potential_examples import CHAIN, EXAMPLES, TWICE, cgnet, mace, terms

from meanforce.core.configuration import Configuration
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.registry import fit
from meanforce.potentials import linear as module
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.potentials.prior import Prior
from meanforce.potentials.registry import KINDS
from meanforce.potentials.with_prior import WithPrior
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential as Settings


def supports_periodic(name: str) -> bool:
    """What an example declares; its class, where what it needs is not installed."""
    try:
        return EXAMPLES[name].make(1).supports_periodic
    except pytest.skip.Exception:
        return KINDS[EXAMPLES[name].kind].supports_periodic


PERIODIC = [name for name in EXAMPLES if supports_periodic(name)]
OTHERS = [name for name in EXAMPLES if name not in PERIODIC]

CELLS = {
    "cuboid": torch.diag(torch.tensor([16.0, 17.0, 19.0], dtype=torch.float64)),
    "triclinic": torch.tensor(
        [[19.0, 0.0, 0.0], [6.0, 18.0, 0.0], [-5.0, 7.0, 17.0]], dtype=torch.float64
    ),
}
"""Wide enough for beads 1.5 nm apart with bonds of up to 6 nm."""
CELLS["one a frame"] = torch.stack(
    [CELLS["triclinic"] * scale for scale in torch.linspace(1.0, 1.2, 6, dtype=torch.float64)]
)


@pytest.fixture(params=PERIODIC)
def example(request):
    return EXAMPLES[request.param]


@pytest.fixture(params=CELLS)
def cell(request) -> torch.Tensor:
    return CELLS[request.param]


@pytest.fixture
def potential(example) -> Potential:
    return example.make(1).to(torch.float64)


@pytest.fixture
def positions(example, potential) -> torch.Tensor:
    return checks.frames(example.molecule, potential)


def scattered(positions: torch.Tensor, cell: torch.Tensor, seed: int = 1) -> torch.Tensor:
    """Every bead moved by box vectors of its own."""
    generator = torch.Generator().manual_seed(seed)
    turns = torch.randint(-3, 4, positions.shape, generator=generator).to(positions.dtype)
    return positions + turns @ cell


def test_kinds_declare_what_they_support():
    assert {"cgnet", "cgnet with a prior", "mace", "mean of cgnets", "rbf of terms"} <= {*PERIODIC}
    assert {"spline on a distance", "rbf on a dihedral"} <= {*OTHERS}


def test_a_wide_cell_changes_nothing(potential, positions, cell):
    energy, forces = checks.evaluate(potential, positions)
    found, its_forces = checks.in_cell(potential, positions, cell)
    checks.near(potential, found, energy)
    checks.near(potential, its_forces, forces, factor=10)


def test_box_vectors_and_shifts_of_all_beads_change_nothing(potential, positions, cell):
    energy, forces = checks.in_cell(potential, positions, cell)
    shift = torch.tensor([7.0, -11.0, 3.0], dtype=torch.float64)
    for moved in (
        scattered(positions, cell),
        positions + shift,
        scattered(positions, cell) - shift,
    ):
        found, its_forces = checks.in_cell(potential, moved, cell)
        checks.near(potential, found, energy)
        checks.near(potential, its_forces, forces, factor=10)


@pytest.mark.parametrize("name", ["triclinic", "one a frame"])
def test_forces_are_minus_the_gradient(potential, positions, name):
    cell, step = CELLS[name], 1e-6
    positions = scattered(positions, cell)[:2]
    cell = cell[:2] if cell.ndim == 3 else cell
    _, forces = checks.in_cell(potential, positions, cell)
    numeric = torch.zeros_like(positions)
    for bead, axis in itertools.product(range(positions.shape[1]), range(3)):
        moved = torch.zeros_like(positions)
        moved[:, bead, axis] = step
        plus, minus = (checks.in_cell(potential, positions + s * moved, cell)[0] for s in (1, -1))
        numeric[:, bead, axis] = -(plus - minus) / (2 * step)
    torch.testing.assert_close(forces, numeric, rtol=0, atol=2e-6 * forces.abs().max().item())


def test_single_precision_is_enough_where_beads_have_drifted(potential, positions, cell):
    """Positions of some ten box lengths have lost a digit or two."""
    moved = scattered(positions, cell).float()
    energy, forces = checks.in_cell(potential, moved.double(), cell)
    found, its_forces = checks.in_cell(potential.to(torch.float32), moved, cell)
    assert (found - energy).abs().max() < 1e-3 * energy.abs().max()
    assert (its_forces - forces).abs().max() < 1e-3 * forces.abs().max()


def test_temperatures_of_frames_are_theirs(potential, positions, cell):
    several = torch.linspace(310.0, 390.0, len(positions), dtype=torch.float64)
    together, forces = potential.energy_and_forces(Configuration(positions, several, cell))
    for number, one in enumerate(Configuration(positions, several, cell).split(1)):
        single = dataclasses.replace(one, temperature=float(several[number]))
        energy, its_forces = potential.energy_and_forces(single)
        checks.near(potential, energy, together[number : number + 1])
        checks.near(potential, its_forces, forces[number : number + 1], factor=10)


@pytest.mark.parametrize("name", OTHERS)
def test_other_kinds_refuse_a_cell(name):
    potential = EXAMPLES[name].make(1)
    positions = checks.frames(CHAIN, potential)
    assert "; allowed are configurations without" in potential.needs_no_cell
    expected = (
        rf"potential of kind '{EXAMPLES[name].kind}': was given configurations with a periodic "
        rf"cell, but {re.escape(potential.needs_no_cell)}"
    )
    for one in (potential, EnsembleMean([potential])):
        with pytest.raises(InputError, match=expected):
            checks.in_cell(one, positions, CELLS["cuboid"])


def test_a_network_of_several_molecules_refuses_a_cell():
    apart = Topology.of_beads(CHAIN.names, CHAIN.types, CHAIN.bonds[:2])
    potential = cgnet(1, apart)
    prior = Prior({"n_beads": 5, "bonds": [(0, 1)], "angles": [], "dihedrals": [], "excluded": []},
                  {"bond_center": torch.ones(1), "bond_stiffness": torch.ones(1)})  # fmt: skip
    positions = checks.frames(apart, potential)
    for one in (potential, WithPrior(prior, potential), EnsembleMean([cgnet(2), potential])):
        assert not one.supports_periodic
        with pytest.raises(InputError, match=r"kind 'cgnet'.* several molecules.* bonds connect"):
            checks.in_cell(one, positions, CELLS["cuboid"])


def of_two(kind: str) -> tuple[Potential, Potential]:
    """The same potential of one chain and of two."""
    if kind == "mace":
        return mace(1), mace(1, TWICE)
    single = terms(kind)
    tensors, values = single.state()
    return single, type(single).from_state(tensors, values | TWICE.parameters())


@pytest.mark.parametrize("kind", ["spline", "rbf", "mace"])
@pytest.mark.parametrize("name", CELLS)
def test_two_far_copies_are_twice_a_single_one(kind, name):
    single, double = of_two(kind)
    cell = CELLS[name]
    positions = 0.4 * checks.frames(CHAIN, single)
    copy = (positions.flip(0) @ checks.rotation().T + 0.5 * cell.sum(-2, keepdim=True)).double()
    both = scattered(torch.cat([positions, copy], dim=1), cell)
    energy, forces = checks.in_cell(double, both, cell)
    parts = [checks.evaluate(single, part) for part in (positions, positions.flip(0))]
    checks.near(double, energy, parts[0][0] + parts[1][0])
    wanted = torch.cat([parts[0][1], parts[1][1] @ checks.rotation().T], dim=1)
    checks.near(double, forces, wanted, factor=10)


@pytest.mark.parametrize("kind", ["spline", "mace"])
def test_copies_feel_each_other_across_the_boundary(kind):
    """As near each other through the faces of the cell as they are without a cell."""
    single, double = of_two(kind)
    cell = CELLS["triclinic"]
    positions = 0.4 * checks.frames(CHAIN, single)
    copy = positions.flip(0) + torch.tensor([1.6, 0.3, -0.2], dtype=torch.float64)
    energy, forces = checks.evaluate(double, torch.cat([positions, copy], dim=1))
    apart = sum(checks.evaluate(single, part)[0] for part in (positions, copy))
    assert ((energy - apart).abs() > 1e-3 * energy.abs().max()).all()
    across = torch.cat([positions, copy - cell[0] + 2 * cell[2]], dim=1)
    found, its_forces = checks.in_cell(double, across, cell)
    checks.near(double, found, energy)
    checks.near(double, its_forces, forces, factor=10)


def repeated(molecule: Topology, number: int) -> Topology:
    size = molecule.size
    return Topology.of_beads(
        tuple(f"{name}.{copy}" for copy in range(number) for name in molecule.names),
        molecule.types * number,
        tuple((i + size * copy, j + size * copy) for copy in range(number)
              for i, j in molecule.bonds),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        # Mace reaches 3 nm: every bead sees images of itself.
        ("mace", torch.tensor([[2.8, 0, 0], [0.6, 3.4, 0], [-0.5, 0.4, 3.1]]).double()),
        # Splines reach 2.5 nm, in a cell that is barely wide enough.
        ("spline", torch.tensor([[5.2, 0, 0], [0.6, 5.3, 0], [-0.5, 0.4, 5.4]]).double()),
    ],
)
def test_a_cell_is_an_eighth_of_eight_cells(kind, cell):
    single, _ = of_two(kind)
    positions = 0.5 * checks.frames(CHAIN, single, n=2)
    tensors, values = single.state()
    eight = type(single).from_state(tensors, values | repeated(CHAIN, 8).parameters())
    shifts = torch.tensor(list(itertools.product((0.0, 1.0), repeat=3)), dtype=torch.float64) @ cell
    all_ = torch.cat([positions + shift for shift in shifts], dim=1)
    energy, forces = checks.in_cell(single, positions, cell)
    found, its_forces = checks.in_cell(eight, all_, 2 * cell)
    checks.near(single, found, 8 * energy)
    checks.near(single, its_forces, forces.repeat(1, 8, 1), factor=10)


def test_pairs_by_neighbour_search_are_all_pairs(monkeypatch):
    """Also without a cell, where that is done for many beads."""
    listed = terms("spline")
    positions = checks.frames(CHAIN, listed)
    several = torch.linspace(310.0, 390.0, len(positions), dtype=torch.float64)
    wanted = [listed.energy_and_forces(Configuration(positions, t)) for t in (340.0, several)]
    monkeypatch.setattr(module, "MANY", 4)
    tensors, values = listed.state()
    searched = type(listed).from_state(tensors, values)
    for temperature, (energy, forces) in zip((340.0, several), wanted, strict=True):
        found, its_forces = searched.energy_and_forces(Configuration(positions, temperature))
        checks.near(listed, found, energy)
        checks.near(listed, its_forces, forces)
    # Pairs that fits and error bars need are listed on request.
    assert searched.coordinates.coordinates == listed.coordinates.coordinates
    assert searched.basis_functions.size == listed.basis_functions.size


def test_narrow_cells_are_refused():
    positions = checks.frames(CHAIN, terms("spline"))
    with pytest.raises(
        InputError, match=r"2\.4 nm, but the longest curve of pairs reaches 2\.5 nm; .* 5 nm"
    ):
        checks.in_cell(terms("spline"), positions, 4.8 * torch.eye(3))
    chain = EXAMPLES["cgnet with a prior"].make(1).prior
    with pytest.raises(InputError, match="but the prior's repulsion reaches"):
        checks.in_cell(chain, positions.float(), 3.0 * torch.eye(3))


def test_a_curve_without_pairs_of_types_within_its_cutoff_is_not_missed():
    """Types that never meet in the training data have no curve, and no energy."""
    made = terms("spline")
    tensors, values = made.state()
    kept = [curve for curve in values["curves"] if curve["name"] != "P – Q"
            or curve["kind"] != "pairs"]  # fmt: skip
    assert len(kept) == len(values["curves"]) - 1
    width = sum(curve["functions"] for curve in kept)
    coefficients = tensors["coefficients"].reshape(-1)[:width]
    potential = type(made)(values | {"curves": kept, "temperature": "none"}, coefficients)
    positions = checks.frames(CHAIN, potential)
    energy, forces = checks.evaluate(potential, positions)
    found, its_forces = checks.in_cell(potential, positions, CELLS["triclinic"])
    checks.near(potential, found, energy)
    checks.near(potential, its_forces, forces, factor=10)


FITS = {
    "spline": {"kind": "spline", "terms": {"pairs": {"cutoff": 1.2}}, "temperature": "none"},
    "cgnet": {
        "kind": "cgnet", "hidden": [8], "temperature": "none",
        "training": {"weight_decay": 0.0, "epochs": 2, "batch_size": 50},
        "prior": {"bonds": "harmonic", "angles": "harmonic"},
    },
    "mace": {
        "kind": "mace", "channels": 4, "max_L": 1, "max_ell": 2, "radial_hidden": [8],
        "cutoff": 1.2, "training": {"weight_decay": 0.0, "epochs": 1, "batch_size": 100},
    },
}  # fmt: skip


@pytest.mark.parametrize("kind", FITS)
def test_fits_to_beads_scattered_over_images_are_fits_to_whole_molecules(kind):
    generator = torch.Generator().manual_seed(1)
    n = 600
    line = torch.stack([0.35 * torch.arange(5.0), 0.2 * (torch.arange(5.0) % 2),
                        torch.zeros(5)], 1)  # fmt: skip
    positions = line + 0.08 * torch.randn(n, 5, 3, generator=generator)
    forces = -500.0 * (positions - line)
    cells = torch.tensor([[4.0, 0, 0], [1.0, 3.75, 0], [-0.5, 0.5, 3.5]]).repeat(n, 1, 1)
    blocks = torch.arange(n) * 20 // n
    whole = Frames(positions, forces, torch.full((n,), 300.0), blocks % 5, blocks, CHAIN)
    if kind == "spline":
        # Fits in a box have inner walls, others have none.
        whole = dataclasses.replace(whole, cells=cells)
    # Whole numbers of box vectors that binary fractions hold, so that no digit is lost.
    turns = torch.randint(-1, 2, positions.shape, generator=generator).float()
    moved = dataclasses.replace(whole, positions=positions + turns @ cells, cells=cells)
    if kind == "mace":
        mace(1)
    settings = validated(Settings, FITS[kind], "potential")
    found = [fit(settings, one, {}, 0, 1, lambda line: None).potential for one in (whole, moved)]
    some = Configuration(positions[:50].to(found[0].dtype), 300.0)
    a, b = (potential.energy_and_forces(some)[1] for potential in found)
    assert (a - b).abs().max() < 2e-3 * a.abs().max()


def test_frames_with_cells_need_a_potential_that_supports_them():
    positions = torch.randn(200, 5, 3, generator=torch.Generator().manual_seed(1))
    blocks = torch.arange(200) * 20 // 200
    frames = Frames(positions, positions, torch.full((200,), 300.0), blocks % 5, blocks, CHAIN,
                    cells=torch.eye(3).repeat(200, 1, 1) * 9)  # fmt: skip
    apart = dataclasses.replace(frames, molecule=Topology.of_beads(CHAIN.names, CHAIN.types, ()))
    settings = validated(Settings, FITS["cgnet"] | {"prior": None}, "potential")
    with pytest.raises(InputError, match=r"kind 'cgnet': was given .* periodic cell"):
        fit(settings, apart, {}, 0, 1, lambda line: None)
    narrow = dataclasses.replace(frames, cells=frames.cells / 9)
    with pytest.raises(InputError, match=r"half .* is 0\.5 nm, but 'pairs.cutoff' reaches 1\.2"):
        fit(validated(Settings, FITS["spline"], "p"), narrow, {}, 0, 1, lambda line: None)


def test_a_large_periodic_liquid_is_evaluated_without_listing_all_pairs():
    """3,000 beads have 4.5 million pairs."""
    dimer = MoleculeType("AB", ("A", "B"), ("P", "Q"), ((0, 1),))
    liquid = Topology(((dimer, 1500),))
    tensors, values = terms("spline").state()
    made = type(terms("spline")).from_state(tensors, values | liquid.parameters())
    assert made._listed is None
    rng = np.random.default_rng(1)
    first = rng.random((1, 1500, 1, 3)) * 30.0
    beads = np.concatenate([first, first + 0.2 * rng.normal(size=first.shape)], axis=2)
    positions = torch.from_numpy(beads.reshape(1, 3000, 3))
    energy, forces = checks.in_cell(made, positions, 30.0 * torch.eye(3))
    assert torch.isfinite(energy).all() and made._listed is None
    assert forces.sum(1).abs().max() < 1e-9 * forces.abs().max() * 3000
