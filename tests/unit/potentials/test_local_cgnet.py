"""Potential kind `local_cgnet`: what its networks see, and that they learn."""

import itertools

import pytest
import torch
from potential_examples import CHAIN, local_cgnet

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.frames import Frames
from meanforce.fitting.loss import validation_loss
from meanforce.fitting.registry import fit
from meanforce.potentials.interface import EnsembleMean
from meanforce.potentials.temperature import OUTPUTS
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential as Settings


def chain(size: int) -> Topology:
    names = [f"B{number}" for number in range(size)]
    return Topology.of_beads(names, ["P", "Q"] * (size // 2), [*itertools.pairwise(range(size))])


def curled(n: int, size: int, seed: int = 1) -> torch.Tensor:
    """Frames about a helix of bond length near 0.35 nm, shape (n, size, 3)."""
    turn = 1.1 * torch.arange(size)
    helix = torch.stack([0.3 * turn.cos(), 0.3 * turn.sin(), 0.15 * torch.arange(size)], 1)
    noise = torch.randn(n, size, 3, generator=torch.Generator().manual_seed(seed))
    return helix + 0.03 * noise


def values(potential, positions, temperature=340.0):
    return potential.energy_and_forces(Configuration(positions, temperature))


@pytest.mark.parametrize("form", OUTPUTS)
def test_forces_are_minus_the_gradient_in_all_forms(form):
    made = local_cgnet(2, chain(8), temperature=form, cutoff=1.0).to(torch.float64)
    positions = curled(5, 8).double().requires_grad_(True)
    for temperature in (340.0, torch.linspace(300, 420, 5)):
        energy, forces = values(made, positions, temperature)
        (gradient,) = torch.autograd.grad(energy.sum(), positions)
        torch.testing.assert_close(forces, -gradient, rtol=1e-9, atol=1e-9)


def test_what_is_compiled_computes_the_same():
    """Compiled code sums over pairs in loops, other code by matrix products."""
    members = [local_cgnet(seed, chain(8), cutoff=1.0).to(torch.float64) for seed in (1, 2)]
    positions = curled(5, 8).double()
    with torch.no_grad():
        wanted = values(EnsembleMean(members), positions)
        traced = torch.compile(lambda x: values(EnsembleMean(members), x), backend="eager")
        found = traced(positions)
    for one, other in zip(found, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_parts_that_fit_the_cache_give_the_same(monkeypatch):
    made = local_cgnet(1, chain(8), cutoff=1.0).to(torch.float64)
    whole = values(made, curled(7, 8).double())
    monkeypatch.setattr("meanforce.potentials.local_cgnet.ELEMENTS", {"cpu": 2 * 64})
    for one, other in zip(values(made, curled(7, 8).double()), whole, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_beads_beyond_the_cutoff_feel_nothing_of_each_other():
    """Two halves of a chain, stretched apart at its middle: each half's end is alone."""
    made = local_cgnet(1, chain(12), cutoff=0.8).to(torch.float64)
    positions = curled(3, 12).double()
    positions[:, 6:, 2] += 3.0
    energy, forces = values(made, positions)
    moved = positions.clone()
    moved[:, 11] += 0.05
    other, after = values(made, moved)
    assert (other - energy).abs().min() > 1e-3
    # The networks of beads from 6 on see bead 11, and they see beads from 3 on.
    torch.testing.assert_close(after[:, :3], forces[:, :3], rtol=1e-12, atol=1e-12)
    assert (after[:, 8:] - forces[:, 8:]).abs().amin(0).max() > 1e-3


def test_it_learns_bonded_and_non_bonded_forces():
    """Noiseless forces of springs along bonds, of a dihedral's sign and of a pair attraction."""
    molecule, n = chain(8), 2000
    positions = curled(n, 8).double().requires_grad_(True)
    bonds = (positions[:, 1:] - positions[:, :-1]).norm(dim=2)
    first, last = positions[:, 1] - positions[:, 0], positions[:, 3] - positions[:, 2]
    handed = (torch.linalg.cross(first, positions[:, 2] - positions[:, 1]) * last).sum(1)
    far = (positions[:, 7] - positions[:, 0]).norm(dim=1)
    energy = 2000.0 * (bonds - 0.35).square().sum(1) + 3000.0 * handed - 20.0 * torch.exp(-far)
    energy = energy - 1500.0 * torch.exp(-2.0 * far**2)
    (gradient,) = torch.autograd.grad(energy.sum(), positions)
    block = torch.arange(n) * 20 // n
    frames = Frames(
        positions.detach().float(), -gradient.float(), torch.full((n,), 300.0), block % 5, block,
        molecule,
    )  # fmt: skip
    training = {"weight_decay": 0.0, "epochs": 40, "batch_size": 50, "learning_rate": 5e-3}
    losses = {}
    for cutoff in (2.0, 0.3):
        given = {
            "kind": "local_cgnet", "temperature": "none", "cutoff": cutoff, "training": training
        }  # fmt: skip
        made = fit(validated(Settings, given, "p"), frames, {}, 0, 7, lambda line: None).potential
        losses[cutoff] = validation_loss(made, frames.select(frames.folds == 0))
    assert losses[2.0] < 0.01 * frames.forces.square().mean().item()
    # Within 0.3 nm there is no bead that is not near along the bonds.
    assert losses[0.3] > 5 * losses[2.0]


def test_several_molecules_have_no_cell():
    apart = Topology.of_beads(CHAIN.names, CHAIN.types, CHAIN.bonds[:2])
    made = local_cgnet(1, apart)
    assert not made.supports_periodic
    with pytest.raises(InputError, match=r"kind 'local_cgnet'.* several molecules.* bonds connect"):
        made.energy_and_forces(Configuration(curled(2, 5), 300.0, torch.eye(3)))


def test_beads_without_bonds_are_refused():
    free = Topology.of_beads(("A", "B", "C"), ("P", "P", "Q"), ())
    with pytest.raises(InputError, match=r"kind 'local_cgnet': needs bonds .* use 'cgnet'"):
        local_cgnet(1, free)
