"""Potentials that share one evaluation of coordinates, or one search for pairs, are as if alone."""

import pytest
import torch
from liquid_boxes import box_of_chains, chain_forms, spline
from potential_examples import CHAIN, cgnet, with_prior

from meanforce.core.configuration import Configuration
from meanforce.core.neighbours import neighbours
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.interface import EnsembleMean
from meanforce.potentials.prior import Prior
from meanforce.potentials.spline import Spline
from meanforce.potentials.with_prior import WithPrior

POSITIONS = torch.randn(20, 5, 3, generator=torch.Generator().manual_seed(9)).double()

MOLECULE, PLACED = box_of_chains(30, 2.4)
BOX = Configuration(torch.from_numpy(PLACED)[None], 300.0, 2.4 * torch.eye(3, dtype=torch.float64))


def prior(**beads) -> Prior:
    """Bonds, angles and repulsion, in float64."""
    terms = {
        "n_beads": 5, "bonds": CHAIN.bonds, "angles": CHAIN.angles, "dihedrals": [],
        "excluded": [(0, 4), (0, 3)],
    } | beads  # fmt: skip
    generator = torch.Generator().manual_seed(2)
    counts = {"bond": len(terms["bonds"]), "angle": len(terms["angles"])}
    shapes = {f"{kind}_{of}": n for kind, n in counts.items() for of in ("center", "stiffness")}
    shapes |= {"excluded_radius": len(terms["excluded"]), "excluded_energy": len(terms["excluded"])}
    shapes |= {"dihedral_cosine": (0, 3), "dihedral_sine": (0, 3)}
    tensors = {
        name: 1 + torch.rand(shape, generator=generator, dtype=torch.float64)
        for name, shape in shapes.items()
    }
    return Prior(terms, tensors)


PRIORS = {
    "some of the network's coordinates": {},
    # The same coordinates from their other ends: the network does not list them like that.
    "other names of coordinates": {"angles": [(2, 1, 0), (1, 2, 3)], "excluded": [(4, 0), (3, 0)]},
    "bonds alone": {"angles": [], "excluded": []},
}


@pytest.mark.parametrize("name", PRIORS)
@pytest.mark.parametrize("distances", ["plain", "inverse"])
def test_it_is_the_sum_of_its_parts(name, distances):
    parts = [
        (prior(**PRIORS[name]), cgnet(seed, distances=distances).to(torch.float64))
        for seed in (1, 2)
    ]
    together = EnsembleMean([WithPrior(*part) for part in parts])
    alone = [
        [potential.energy_and_forces(Configuration(POSITIONS, 320.0)) for potential in part]
        for part in parts
    ]
    for number, ours in enumerate(together.energy_and_forces(Configuration(POSITIONS, 320.0))):
        theirs = sum(result[number] for pair in alone for result in pair) / 2
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-9)


def test_coordinates_are_evaluated_once(monkeypatch):
    evaluate, calls = InternalCoordinates.evaluate, []
    monkeypatch.setattr(
        InternalCoordinates, "evaluate", lambda *given: calls.append(1) or evaluate(*given)
    )
    members = [with_prior(1), with_prior(2)]
    calls.clear()
    EnsembleMean(members).energy_and_forces(Configuration(POSITIONS.float(), 320.0))
    assert len(calls) == 1


def splines(*scales: float) -> list[Spline]:
    """Splines of all terms of chains in a box, with the same curves and other coefficients."""
    first = spline(MOLECULE, chain_forms())
    return [Spline(first.values, scale * first.coefficients) for scale in scales]


@pytest.mark.parametrize("member", ["coefficients", "curves"])
def test_splines_in_a_box_are_the_mean_of_their_members(member):
    members = splines(0.8, 1.0)
    if member == "curves":
        members.append(spline(MOLECULE, chain_forms(), functions=24))
    alone = [one.energy_and_forces(BOX) for one in members]
    ensemble = EnsembleMean(members)
    for number, ours in enumerate(ensemble.energy_and_forces(BOX)):
        theirs = torch.stack([result[number] for result in alone])
        torch.testing.assert_close(ours, theirs.mean(0), rtol=1e-10, atol=1e-9)
        torch.testing.assert_close(ensemble.each(BOX)[number], theirs, rtol=1e-10, atol=1e-9)


def test_pairs_are_searched_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        "meanforce.potentials.pair_terms.neighbours",
        lambda *given: calls.append(1) or neighbours(*given),
    )
    ensemble = EnsembleMean(splines(0.8, 1.0, 1.1))
    ensemble.energy_and_forces(BOX)
    ensemble.each(BOX)
    assert len(calls) == 1
