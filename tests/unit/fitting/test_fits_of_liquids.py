"""Force matching of liquids: known pair potentials are found again, with correct error bars."""

import dataclasses
import itertools

import liquids
import numpy as np
import pytest
import torch

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.neighbours import neighbours, pair_vectors
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.curve_ranges import nearest_pairs
from meanforce.fitting.frames import Frames
from meanforce.fitting.linear import without_coefficients
from meanforce.fitting.normal_equations import NormalEquations
from meanforce.fitting.registry import fit
from meanforce.fitting.streamed import StreamedEquations
from meanforce.potentials.pair_terms import PairTerms
from meanforce.potentials.terms import coordinates_of, pair_names, type_name
from meanforce.potentials.uncertainty import slope_with_error
from meanforce.settings.job import validated
from meanforce.settings.potentials.linear import PairTermSettings
from meanforce.settings.potentials.registry import Potential

CHAIN = MoleculeType(
    "CHN", tuple("ABCDE"), ("a", "b", "b", "b", "a"), ((0, 1), (1, 2), (2, 3), (3, 4))
)
ATOM = MoleculeType("ATM", ("X",), ("x",))


@pytest.fixture(params=["argon", "ethane"])
def liquid(request) -> liquids.Liquid:
    if request.param == "argon":
        pytest.importorskip("openmmtools", reason="openmmtools has the Lennard-Jones fluid")
    return getattr(liquids, request.param)()


def settings(kind: str = "spline", **terms):
    """All but the terms as weak as can be: nothing but the data decides."""
    values = {"kind": kind, "terms": terms, "temperature": "none"}
    weak = {"smoothness": [1e-12, 1e-9, 1e-6], "ridge": [1e-12, 1e-10]}
    return validated(Potential, values | weak, "potential")


def fitted(liquid: liquids.Liquid, functions: int, noise: float = 0.0):
    """Slope of the fitted pair curve, its errors and the true one, at places up to the cutoff.

    The last value is the largest deviation of the truth from its projection on the splines.
    """
    frames, places = liquid.frames, liquid.places()
    generator = torch.Generator().manual_seed(5)
    drawn = noise * torch.randn(frames.forces.shape, generator=generator)
    chosen = settings(pairs={"cutoff": liquid.pair.cutoff, "functions": functions})
    frames = dataclasses.replace(frames, forces=frames.forces + drawn)
    potential = fit(chosen, frames, {}, 5, 0, lambda line: None).potential
    number = [curve.kind for curve in potential.curves].index("pairs")
    slope, error = slope_with_error(
        potential, torch.from_numpy(places), liquid.temperature, number
    )  # fmt: skip
    truth = -liquid.pair.force(places)
    basis = potential.to(torch.float64).basis_of(torch.from_numpy(places), number)[1].numpy()
    missing = basis @ np.linalg.lstsq(basis, truth, rcond=None)[0] - truth
    return slope.numpy(), error.numpy(), truth, abs(missing).max()


def test_pair_forces_without_noise_are_those_of_the_liquid(liquid):
    """Splines of the energy have slopes whose error falls with the third power of their spacing."""
    worst = []
    for functions in (24, 48):
        slope, error, truth, missing = fitted(liquid, functions)
        worst.append(abs(slope - truth).max())
        # Where there are few pairs, least squares follow the truth less closely than elsewhere.
        assert (abs(slope - truth) < 3 * missing + 6 * error).all()
    assert worst[1] < 2e-3 * abs(truth).max()
    assert worst[1] < worst[0] / 4


def test_error_bars_cover_the_pair_force(liquid):
    """Independent noise on all forces, large against what splines cannot represent.

    Some 48 independent places: with 60 degrees of freedom, six standard errors are passed in less
    than 1 case in 10⁵; the mean square of so many standard scores is outside 0.3–2.5 less often
    than in 1 case in 10⁵ (χ², an effective number of 40).
    """
    slope, error, truth, missing = fitted(liquid, 48, noise=100.0)
    # At the cutoff both are zero.
    off, error = (slope - truth)[:-1], error[:-1]
    assert (abs(off) < 6 * error + missing).all()
    assert missing < 0.5 * np.median(error)
    assert 0.3 < np.mean((off / error) ** 2) < 2.5
    assert np.median(error) < 0.01 * abs(truth).max()


def test_the_bond_of_ethane_is_found_beside_its_pairs():
    liquid = liquids.ethane()
    chosen = settings(pairs={"cutoff": liquid.pair.cutoff, "functions": 48})
    potential = fit(chosen, liquid.frames, {}, 5, 0, lambda line: None).potential
    assert [(c.kind, c.name) for c in potential.curves] == [
        ("bonds", "CH3 – CH3"), ("pairs", "CH3 – CH3")
    ]  # fmt: skip
    low, high = potential.curves[0].sampled
    # Not at the ends, which a few bonds reach.
    margin = 0.15 * (high - low)
    places = torch.linspace(low + margin, high - margin, 50, dtype=torch.float64)
    slope, _ = slope_with_error(potential, places, liquid.temperature, 0)
    truth = liquids.STIFFNESS * (places - liquids.BOND)
    assert (slope - truth).abs().max() < 1e-3 * truth.abs().max()


def boxes(n: int, seed: int = 1, molecules: int = 4) -> Frames:
    """Chains and single atoms anywhere in a triclinic box, scattered over its images."""
    rng = np.random.default_rng(seed)
    topology = Topology(((CHAIN, molecules), (ATOM, 3)))
    cell = np.array([[2.6, 0, 0], [0.4, 2.5, 0], [-0.3, 0.5, 2.4]])
    line = np.stack([0.12 * np.arange(5), 0.09 * (np.arange(5) % 2), np.zeros(5)], 1)
    start = rng.random((n, molecules, 1, 3)) @ cell
    chains = (start + line + 0.02 * rng.normal(size=(n, molecules, 5, 3))).reshape(n, -1, 3)
    positions = np.concatenate([chains, rng.random((n, 3, 3)) @ cell], axis=1)
    positions += rng.integers(-1, 2, positions.shape) @ cell
    forces = 100 * rng.normal(size=positions.shape)
    block = torch.arange(n) * 20 // n
    return Frames(
        torch.tensor(positions, dtype=torch.float32), torch.tensor(forces, dtype=torch.float32),
        torch.where(block % 2 == 0, 300.0, 350.0), block % 5, block, topology,
        weights=torch.tensor(rng.uniform(0.5, 1.5, n), dtype=torch.float32),
        cells=torch.tensor(cell, dtype=torch.float32).repeat(n, 1, 1),
    )  # fmt: skip


@pytest.mark.parametrize("exclude", [2, 3, 4])
@pytest.mark.parametrize("kind", ["spline", "rbf"])
def test_streamed_sums_are_those_of_all_listed_pairs(kind, exclude):
    """The other way of adding them up computes in single precision."""
    frames = boxes(80)
    pairs = {"cutoff": 1.1, "functions": 11, "exclude": exclude}
    blank = without_coefficients(settings(kind, pairs=pairs), frames, {})
    assert {curve.kind for curve in blank.curves} == {"bonds", "angles", "dihedrals", "pairs"}
    listed, streamed = NormalEquations(blank, frames), StreamedEquations(blank, frames)
    folds = [0, 2, 3]
    ours, theirs = streamed.total(folds), listed.total(folds)
    for key in ("matrix", "vector", "activation"):
        mine, other = getattr(ours, key), getattr(theirs, key)
        assert abs(mine - other).max() < 1e-3 * abs(other).max(), key
    assert ours.square == pytest.approx(theirs.square, rel=1e-6)
    assert streamed.count(folds) == pytest.approx(listed.count(folds), rel=1e-6)
    coefficients = np.random.default_rng(1).normal(size=len(ours.vector))
    scores, known = (one.scores(frames, folds, coefficients) for one in (streamed, listed))
    assert scores.square == pytest.approx(known.square, rel=1e-3)
    assert scores.counts.sum() == pytest.approx(known.counts.sum(), rel=1e-6)
    for mine, other in zip(
        (scores.values.sum(1), np.sort(np.linalg.norm(scores.values, axis=0))),
        (known.values.sum(1), np.sort(np.linalg.norm(known.values, axis=0))),
        strict=True,
    ):
        assert abs(mine - other).max() < 2e-3 * abs(other).max()


def test_pieces_of_very_many_functions_are_fewer(monkeypatch):
    frames = boxes(80)
    blank = without_coefficients(settings(pairs={"cutoff": 1.1, "functions": 11}), frames, {})
    many = StreamedEquations(blank, frames)
    size = blank.of_curves.size
    monkeypatch.setattr("meanforce.fitting.streamed.MEMORY", 12 * 8 * size**2)
    few = StreamedEquations(blank, frames)
    coefficients = np.zeros(2 * size if blank.values["temperature"] == "linear" else size)
    folds = [1, 2, 3, 4]
    scores = [one.scores(frames, folds, coefficients) for one in (many, few)]
    assert scores[0].values.shape[1] >= 60 and scores[1].values.shape[1] <= 12
    np.testing.assert_allclose(*(one.values.sum(1) for one in scores), rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(many.total(folds).matrix, few.total(folds).matrix, rtol=1e-9)


@pytest.mark.parametrize("molecules", [4, 30])
def test_pairs_in_any_order_are_the_ordered_pairs(molecules):
    """Few beads: all pairs; many: a cell list."""
    frames = boxes(3, molecules=molecules)
    positions, cells = frames.positions.double().numpy(), frames.cells.double().numpy()
    for cell in (cells, None):
        found, known = pair_vectors(positions, cell, 1.1), neighbours(positions, cell, 1.1)
        apart = positions[found.frame, found.second] - positions[found.frame, found.first]
        shift = found.vectors.T - apart
        if cell is not None:
            shift = shift @ np.linalg.inv(cells[0])
        np.testing.assert_allclose(shift, np.rint(shift), atol=1e-9)
        np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=0), found.distances)
        assert (found.distances < 1.1).all()
        keys = [
            sorted(zip(one.frame, np.minimum(one.first, one.second),
                       np.maximum(one.first, one.second), strict=True))
            for one in (found, known)
        ]  # fmt: skip
        assert keys[0] == keys[1]


@pytest.mark.parametrize("exclude", [2, 3, 4])
def test_curves_of_pairs_their_numbers_and_nearest_distances(exclude):
    frames = boxes(40, seed=3)
    chosen = PairTermSettings(cutoff="1.1 nm", exclude=exclude)
    names = pair_names(frames.molecule, exclude)
    listed, keys = coordinates_of(frames.molecule, ["pairs"], exclude)
    assert set(names) == {name for _, name in keys}
    terms = PairTerms(frames.molecule, exclude, names, 1.1)
    of_name = [name for _, name in keys]
    assert terms.counts() == {number: of_name.count(name) for name, number in names.items()}
    nearest = dict.fromkeys(names, 1.1)
    images = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
    inverse = np.linalg.inv(frames.cells[0].double().numpy())
    for (i, j), name in zip(listed.distances, of_name, strict=True):
        apart = (frames.positions[:, j] - frames.positions[:, i]).double().numpy()
        apart -= np.rint(apart @ inverse) @ np.linalg.inv(inverse)
        every = apart[:, None] + images @ np.linalg.inv(inverse)
        nearest[name] = min(nearest[name], np.linalg.norm(every, axis=2).min())
    found = nearest_pairs(frames, chosen)
    assert found == pytest.approx(nearest, abs=1e-5)
    assert type_name(["x", "x"]) in found


def test_types_that_never_come_close_are_refused():
    frames = boxes(80)
    apart = frames.positions.clone()
    # Three atoms, each beyond the cutoff of the others.
    apart[:, -3:] = torch.tensor([[0.0, 0.0, 0.0], [1.3, 0.1, 0.0], [0.0, 1.3, 0.2]])
    frames = dataclasses.replace(frames, positions=apart)
    with pytest.raises(InputError, match=r"no frame has beads of the types x – x within 'pairs.cu"):
        fit(settings(pairs={"cutoff": 0.9}), frames, {}, 0, 0, lambda line: None)
