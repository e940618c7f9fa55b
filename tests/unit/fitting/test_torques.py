"""Torques about bonds: derivatives in turns about them, and what their errors bring to a fit."""

import dataclasses

import numpy as np
import pytest
import torch
from chains import CGNET, CHAIN, chain_frames

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.fitting.loss import counts, mean_squared_errors, noise_variances
from meanforce.fitting.registry import fit
from meanforce.fitting.torques import Torques
from meanforce.potentials.interface import Start
from meanforce.potentials.registry import KINDS
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential


def beads(n: int, bonds) -> Topology:
    return Topology.of_beads([f"B{i}" for i in range(n)], ["b"] * n, bonds)


# A branched molecule with a ring of three: 0-1-2(-3)-4-5-6, 4-6 close a ring with 5; 7 on 0.
BONDS = [(0, 1), (0, 7), (1, 2), (2, 3), (2, 4), (4, 5), (4, 6), (5, 6)]


def test_bonds_that_turn_and_their_smaller_sides():
    torques = Torques(beads(8, BONDS), torch.float64)
    found = dict(zip(torques.axes, torques.sides, strict=True))
    assert found == {(1, 0): (0, 7), (2, 1): (0, 1, 7), (2, 4): (4, 5, 6)}
    # Nothing turns about the only or the last bonds of a chain, in a ring, or of two molecules.
    for n, bonds in ((1, []), (2, [(0, 1)]), (3, [(0, 1), (1, 2)])):
        assert not len(Torques(beads(n, bonds), torch.float64))
    ring = [(i, (i + 1) % 6) for i in range(6)]
    assert not len(Torques(beads(6, [tuple(sorted(pair)) for pair in ring]), torch.float64))
    two = [*CHAIN.bonds, *((i + 4, j + 4) for i, j in CHAIN.bonds)]
    assert not len(Torques(beads(8, two), torch.float64))
    nothing = Torques.none().of(torch.zeros(5, 4, 3), torch.zeros(5, 4, 3))
    assert nothing.shape == (5, 0)


def turned(positions, axis, side, angle):
    """All beads of a side turned about a bond (Rodrigues)."""
    i, j = axis
    origin = positions[:, j : j + 1]
    u = origin[:, 0] - positions[:, i]
    u = (u / u.norm(dim=1, keepdim=True))[:, None].expand(-1, len(side), -1)
    r = positions[:, list(side)] - origin
    cos, sin = np.cos(angle), np.sin(angle)
    new = r * cos + torch.linalg.cross(u, r) * sin + u * (u * r).sum(2, keepdim=True) * (1 - cos)
    moved = positions.clone()
    moved[:, list(side)] = new + origin
    return moved


def random_model(molecule: Topology, positions: torch.Tensor):
    start = Start(molecule, Configuration(positions, 300.0), [300.0])
    settings = validated(Potential, CGNET, "potential")
    return KINDS["cgnet"].initial(settings, start, torch.Generator().manual_seed(3))


@pytest.mark.parametrize("periodic", [False, True])
def test_torques_are_derivatives_of_the_energy(periodic):
    generator = torch.Generator().manual_seed(1)
    molecule = beads(8, BONDS)
    base = torch.randn(8, 3, generator=generator, dtype=torch.float64)
    positions = 0.15 * base + 0.02 * torch.randn(6, 8, 3, generator=generator, dtype=torch.float64)
    model = random_model(molecule, positions)
    torques = Torques(molecule, torch.float64)
    _, forces = model.energy_and_forces(Configuration(positions, 300.0))
    cells = None
    given = positions
    if periodic:
        cells = (3.0 * torch.eye(3, dtype=torch.float64)).expand(6, 3, 3)
        shifts = torch.randint(-2, 3, (6, 8, 3), generator=generator)
        given = positions + 3.0 * shifts
    found = torques.of(given, forces, cells)
    for k, (axis, side) in enumerate(zip(torques.axes, torques.sides, strict=True)):
        step = 1e-5
        ahead, behind = (
            model.energy_and_forces(Configuration(turned(positions, axis, side, angle), 300.0))[0]
            for angle in (step, -step)
        )
        slope = -(ahead - behind) / (2 * step)
        np.testing.assert_allclose(found[:, k], slope, rtol=1e-6, atol=1e-6)


def noisy(n: int, seed: int, noise: float = 300.0):
    """Noise along bonds and angles, as that of fast motions: it cancels in the torque."""
    frames = chain_frames(n, seed)
    generator = torch.Generator().manual_seed(seed + 100)
    force = frames.forces.clone()
    for i, j in ((0, 1), (1, 2), (2, 3), (0, 2), (1, 3)):
        along = frames.positions[:, j] - frames.positions[:, i]
        size = noise * torch.randn(n, 1, generator=generator)
        pull = size * along / along.norm(dim=1, keepdim=True)
        force[:, i] += pull
        force[:, j] -= pull
    return dataclasses.replace(frames, forces=force)


def settings(**training):
    values = CGNET | {"training": CGNET["training"] | training}
    return validated(Potential, values, "potential")


def test_torques_are_free_of_noise_between_neighbours():
    torques = Torques(CHAIN, torch.float32)
    frames, exact = noisy(1000, 1), chain_frames(1000, 1)
    assert (frames.forces - exact.forces).square().mean().sqrt() > 200
    difference = torques.of(frames.positions, frames.forces - exact.forces)
    assert difference.abs().max() < 0.01 * torques.of(exact.positions, exact.forces).std()


def test_counts_make_torques_count_as_their_noise_says():
    frames, torques = chain_frames(5000, 1), Torques(CHAIN, torch.float32)
    error = 30 * torch.randn(5000, 4, 3, generator=torch.Generator().manual_seed(2))
    frames = dataclasses.replace(frames, forces=frames.forces + error)
    each = counts(frames, torques, False, 2.0)
    assert each[:4].tolist() == [1, 1, 1, 1]
    noise = noise_variances(frames, torques)
    # The sum over components is 12 (1 for each with the error of its noise) and 2 for the torque.
    assert 3 * each[4].item() * noise[4] / noise[:4].mean() == pytest.approx(2.0, rel=1e-5)
    exact = torques.of(frames.positions, error).square().mean().item()
    assert noise[4].item() == pytest.approx(exact, rel=0.1)
    # The mean torque has no part in it.
    assert torques.of(frames.positions, frames.forces).square().mean().item() > 2 * exact
    assert counts(frames, torques, False, 0.0).tolist() == [1, 1, 1, 1, 0]
    assert len(counts(frames, Torques.none(), False, 2.0)) == 4
    # A torque that is zero up to rounding does not take over the loss.
    frames = noisy(5000, 1)
    plain = dataclasses.replace(frames, forces=frames.forces - chain_frames(5000, 1).forces)
    lever = 3 * counts(plain, torques, False, 2.0)[4].item() / 2
    assert lever == pytest.approx(1 / 0.05**2)
    still = dataclasses.replace(frames, forces=torch.zeros_like(frames.forces))
    assert counts(still, torques, True, 2.0).tolist() == [1, 1, 1, 1, 0]


def test_torques_bring_the_dihedral_closer_to_the_mean_force():
    truth, torques = chain_frames(1500, seed=9), Torques(CHAIN, torch.float32)
    errors = {}
    for weight in (0, 10):
        model = fit(
            settings(epochs=15, torque_weight=weight), noisy(1500, 1), {}, 0, 7, lambda line: None
        )
        errors[weight] = mean_squared_errors(model.potential, truth, torques)[4].item()
    assert errors[10] < 0.3 * errors[0]


@pytest.mark.parametrize("kind", ["one frame in line", "all frames in line", "at one place"])
def test_frames_without_axes_are_trained_on_as_without_torques(kind):
    frames = noisy(200, 1)
    in_line = torch.tensor([[0.0, 0, 0], [0.15, 0, 0], [0.3, 0, 0], [0.45, 0, 0]])
    positions = frames.positions.clone()
    if kind == "one frame in line":
        positions[50] = in_line
    elif kind == "all frames in line":
        positions[:] = in_line + 0.01 * torch.randn(200, 4, 3) * torch.tensor([1.0, 0, 0])
    else:
        positions[50, 2] = positions[50, 1] + 1e-4
    chosen = dataclasses.replace(frames, positions=positions)
    made = fit(settings(epochs=2, torque_weight=3), chosen, {}, 0, 7, lambda line: None)
    assert np.isfinite(made.curve["validation"]).all()
