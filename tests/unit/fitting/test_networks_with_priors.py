"""Networks above priors: a small residual, kept in files, and chains that stay whole."""

import dataclasses

import numpy as np
import pytest
import torch
from known_chains import (
    BOND,
    chain_positions,
    frames_of,
    prior_settings,
)

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.dynamics.langevin import Langevin
from meanforce.errors import InputError
from meanforce.fitting.gradient import fit_gradient
from meanforce.fitting.prior import fit_prior
from meanforce.fitting.registry import fit
from meanforce.potentials.files import load, save
from meanforce.potentials.interface import EnsembleMean
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential
from meanforce.units import kt

ALL = {
    "bonds": "harmonic", "angles": "harmonic", "dihedrals": "fourier",
    "excluded_volume": {"apart": 4, "percentile": 0.5},
}  # fmt: skip


def network(prior: dict | None, epochs: int = 3, **changes):
    values = {
        "kind": "cgnet", "hidden": [24], "temperature": "none", "prior": prior,
        "training": {
            "weight_decay": 0.0, "epochs": epochs, "batch_size": 64, "learning_rate": 0.003
        },
    }  # fmt: skip
    return validated(Potential, values | changes, "potential")


@pytest.fixture(scope="module")
def trained():
    """Training frames; and what was trained above a prior, one member for each of two folds."""
    frames = frames_of(chain_positions(3000, seed=8), 300.0)
    return frames, [fit(network(ALL), frames, {}, m, m, lambda line: None) for m in (0, 1)]


def test_the_residual_is_small_and_learned(trained):
    _, (result, _) = trained
    about = result.about["prior"]
    assert about["mean_square_residual"] < 0.1 * about["mean_square_force"]
    assert about["frames"] == 2400
    assert result.about["validation_loss"] < about["mean_square_residual"]


def test_without_a_prior_nothing_changes(trained):
    frames, _ = trained
    ours = fit(network(None), frames, {}, 0, 3, lambda line: None)
    plain = fit_gradient(network(None), frames, {}, 0, 3, lambda line: None)
    assert "prior" not in ours.about
    for name, tensor in plain.potential.state()[0].items():
        assert torch.equal(tensor, ours.potential.state()[0][name])


def test_file_holds_prior_and_residual(trained, tmp_path):
    frames, (result, _) = trained
    save(result.potential, tmp_path / "model.safetensors", result.about)
    again, about = load(tmp_path / "model.safetensors")
    assert again.kind == "cgnet"
    assert about["prior"]["terms"][0]["term"] == "bond A–B"
    for ours, theirs in zip(
        result.potential.energy_and_forces(Configuration(frames.positions[:50], 300.0)),
        again.energy_and_forces(Configuration(frames.positions[:50], 300.0)),
        strict=True,
    ):
        assert torch.equal(ours, theirs)


def test_ensemble_is_the_mean_of_its_members(trained):
    frames, results = trained
    members = [result.potential for result in results]
    some = frames.positions[:50]
    mean = EnsembleMean(members).energy_and_forces(Configuration(some, 300.0))
    for number, ours in enumerate(mean):
        each = [member.energy_and_forces(Configuration(some, 300.0))[number] for member in members]
        torch.testing.assert_close(ours, (each[0] + each[1]) / 2, rtol=1e-5, atol=1e-3)


def worst_bond(potential, starts: torch.Tensor) -> float:
    """The longest bond at any time of dynamics after 0.3 ps, nm (10¹⁰ where beads fly off)."""
    masses = torch.full((5,), 14.0)
    langevin = Langevin(masses, 300.0, friction=30.0, time_step=0.001)
    generator = torch.Generator().manual_seed(3)

    def forces(positions):
        return potential.energy_and_forces(Configuration(positions, 300.0))[1]

    longest, advance = 0.0, langevin.advance(forces)
    with torch.no_grad():
        state = langevin.start(starts, forces, generator)
        for number in range(600):
            state = langevin.step(state, advance, generator)
            if number >= 300:
                bonds = (state.positions[:, 1:] - state.positions[:, :-1]).norm(dim=-1)
                longest = max(longest, bonds.nan_to_num(1e10).max().item())
    return longest


def test_prior_brings_back_chains_from_outside_the_data(trained):
    """Stretched by half, and folded until the ends overlap; the network alone leaves them there."""
    frames, (result, _) = trained
    stretched = frames.positions[:20] * 1.5
    folded = frames.positions[20:40].clone()
    folded[:, 4] = folded[:, 0] + 0.01
    starts = torch.cat([stretched, folded])
    # Seven standard deviations of a bond; there are 40 × 4 × 300 lengths.
    limit = BOND[0] + 7 * np.sqrt(kt(300.0) / BOND[1])
    assert worst_bond(result.potential, starts) < limit
    alone = fit(network(None), frames, {}, 0, 0, lambda line: None)
    assert worst_bond(alone.potential, starts) > limit


def test_an_angle_with_two_wells_is_left_out_with_a_warning():
    """Half the frames have one angle at 2 rad and half at 1.2 rad, as of CA beads; others stay."""
    frames = frames_of(chain_positions(4000, seed=11), 300.0)
    bent = frames.positions.clone()
    middle = bent[:, 1]
    along, out = bent[:, 2] - middle, bent[:, 0] - middle
    along = along / along.norm(dim=1, keepdim=True)
    across = out - (out * along).sum(1, keepdim=True) * along
    across = across / across.norm(dim=1, keepdim=True)
    angle = torch.where(torch.arange(len(bent)) % 2 == 0, 1.2, 2.0).to(bent)
    angle = (angle + 0.05 * torch.randn(len(bent), generator=torch.Generator().manual_seed(2)))[
        :, None
    ].to(bent)
    bent[:, 0] = middle + out.norm(dim=1, keepdim=True) * (
        torch.cos(angle) * along + torch.sin(angle) * across
    )
    lines = []
    settings = prior_settings(angles="harmonic", parameters="by_coordinate")
    prior, about = fit_prior(settings, dataclasses.replace(frames, positions=bent), lines.append)
    assert about["left_out"] == ["angle A–B–C"]
    warned = [line for line in lines if line.startswith("warning")]
    assert len(warned) == 1
    assert "angle A–B–C has no single well" in warned[0]
    assert "trained without it" in warned[0]
    whole, about = fit_prior(settings, frames, lines.append)
    assert "left_out" not in about
    # Members of an ensemble may differ in which have one well: their terms must be the same.
    assert whole.values == prior.values
    assert (prior.tensors["angle_stiffness"] == 0).tolist() == [
        tuple(beads) == (0, 1, 2) for beads in prior.values["angles"]
    ]
    starts = Configuration(frames.positions[:5].to(whole.dtype), 300.0)
    energies = [type(whole).mean_energy_and_forces(some, starts)[0]
                for some in ([whole], [prior], [whole, prior])]  # fmt: skip
    torch.testing.assert_close(energies[2], (energies[0] + energies[1]) / 2)
    # What remains is still a prior.
    energy, forces = prior.energy_and_forces(Configuration(bent[:4].double(), 300.0))
    assert torch.isfinite(energy).all()
    assert torch.isfinite(forces).all()
    only = prior_settings(bonds="none", angles="harmonic", parameters="by_coordinate")
    three = Topology.of_beads(tuple("ABC"), tuple("ABC"), ((0, 1), (1, 2)))
    alone = dataclasses.replace(frames, positions=bent[:, :3], molecule=three)
    with pytest.raises(InputError, match=r"none of its terms can be fitted \(angle A–B–C\)"):
        fit_prior(only, alone, lines.append)
