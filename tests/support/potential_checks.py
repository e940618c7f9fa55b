"""What every kind of potential must satisfy, as checks of any potential.

Tolerances are relative to the largest force (or spread of energies) in the batch: 2·10⁻⁵ where
positions are in single precision, 10⁻⁹ in double, unless a check has its own.
"""

import itertools

import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.potentials.interface import Potential

TEMPERATURE = 340.0


def frames(molecule: Topology, potential: Potential, n: int = 6) -> torch.Tensor:
    """Random positions about 1.5 nm apart, shape (n, n_beads, 3), in the potential's type."""
    generator = torch.Generator().manual_seed(5)
    shape = (n, molecule.size, 3)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(potential.dtype)


def evaluate(potential: Potential, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies and forces in double precision, whatever the potential computes in."""
    energy, forces = potential.energy_and_forces(
        Configuration(positions.to(potential.dtype), TEMPERATURE)
    )
    assert energy.shape == positions.shape[:1]
    assert forces.shape == positions.shape
    return energy.detach().double(), forces.detach().double()


def in_cell(
    potential: Potential, positions: torch.Tensor, cell: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Energies and forces in a periodic cell, in the potential's type."""
    configuration = Configuration(positions, TEMPERATURE, cell)
    return potential.energy_and_forces(configuration.map(lambda t: t.to(potential.dtype)))


def near(potential: Potential, found: torch.Tensor, wanted: torch.Tensor, factor: float = 1.0):
    """Assert that energies or forces agree."""
    relative = 2e-5 if potential.dtype == torch.float32 else 1e-9
    scale = wanted.abs().max().item()
    torch.testing.assert_close(found, wanted, rtol=0, atol=factor * relative * scale)


def force_is_minus_gradient(potential: Potential, positions: torch.Tensor) -> None:
    """Central differences in double precision, of error O(step²)."""
    double = potential.to(torch.float64)
    positions = positions.double()
    step = 1e-6
    _, forces = evaluate(double, positions)
    numeric = torch.zeros_like(positions)
    for bead, axis in itertools.product(range(positions.shape[1]), range(3)):
        moved = torch.zeros_like(positions)
        moved[:, bead, axis] = step
        plus, minus = (evaluate(double, positions + sign * moved)[0] for sign in (1, -1))
        numeric[:, bead, axis] = -(plus - minus) / (2 * step)
    torch.testing.assert_close(forces, numeric, rtol=0, atol=1e-6 * forces.abs().max().item())


def rotation() -> torch.Tensor:
    """A proper rotation about a general axis, shape (3, 3)."""
    generator = torch.Generator().manual_seed(3)
    matrix, _ = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))
    return matrix * torch.sign(torch.det(matrix))


def moved_and_turned_alike(potential: Potential, positions: torch.Tensor) -> None:
    """Energies stay, forces turn with the beads."""
    turn = rotation()
    shift = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
    energy, forces = evaluate(potential, positions)
    moved_energy, moved_forces = evaluate(potential, positions.double() @ turn.T + shift)
    near(potential, moved_energy, energy)
    near(potential, moved_forces, forces @ turn.T, factor=10)


def no_net_force_and_torque(potential: Potential, positions: torch.Tensor) -> None:
    """Consequences of invariance under translation and rotation for forces."""
    _, forces = evaluate(potential, positions)
    largest = forces.abs().max().item()
    relative = 2e-5 if potential.dtype == torch.float32 else 1e-9
    assert forces.sum(1).abs().max().item() < relative * largest
    torque = torch.linalg.cross(positions.double(), forces).sum(1)
    assert torque.abs().max().item() < 10 * relative * largest


def parity_as_declared(potential: Potential, positions: torch.Tensor) -> None:
    """`even`: mirror images agree. `none`: some differ, or the declaration is out of date."""
    mirror = torch.tensor([1.0, 1.0, -1.0], dtype=torch.float64)
    energy, forces = evaluate(potential, positions)
    mirrored_energy, mirrored_forces = evaluate(potential, positions.double() * mirror)
    if potential.parity == "even":
        near(potential, mirrored_energy, energy)
        near(potential, mirrored_forces, forces * mirror, factor=10)
    else:
        assert (mirrored_energy - energy).abs().max() > 1e-3 * energy.abs().max()


def permutations(molecule: Topology) -> list[list[int]]:
    """Exchanges of beads of equal types that map bonds onto bonds, without the identity."""
    bonds = {frozenset(bond) for bond in molecule.bonds}
    found = []
    for order in itertools.permutations(range(molecule.size)):
        same_types = all(molecule.types[a] == molecule.types[b] for a, b in enumerate(order))
        if same_types and {frozenset(order[i] for i in bond) for bond in bonds} == bonds:
            found.append(list(order))
    return found[1:]


def permutation_as_declared(
    potential: Potential, molecule: Topology, positions: torch.Tensor
) -> None:
    """Energies stay and forces change places, where declared; where not, some energy changes."""
    orders = permutations(molecule)
    assert orders, "the example's molecule has no beads to exchange"
    energy, forces = evaluate(potential, positions)
    differences = []
    for order in orders:
        changed_energy, changed_forces = evaluate(potential, positions[:, order])
        if potential.permutation_invariant:
            near(potential, changed_energy, energy)
            near(potential, changed_forces, forces[:, order], factor=10)
        differences.append((changed_energy - energy).abs().max())
    if not potential.permutation_invariant:
        assert max(differences) > 1e-3 * energy.abs().max()


def extensive(potential: Potential, doubled: Potential, positions: torch.Tensor) -> None:
    """Two copies 100 nm apart: energies add up, forces are those of each alone."""
    other = positions.flip(0).double() @ rotation().T + 100.0
    both = torch.cat([positions.double(), other], dim=1).to(potential.dtype)
    first, second = both.split(positions.shape[1], dim=1)
    parts = [evaluate(potential, part) for part in (first, second)]
    energy, forces = evaluate(doubled, both)
    near(potential, energy, parts[0][0] + parts[1][0])
    near(potential, forces, torch.cat([forces for _, forces in parts], dim=1), factor=10)


def precisions_agree(potential: Potential, positions: torch.Tensor) -> None:
    """Single and double precision agree up to the rounding of about a hundred steps."""
    single, double = potential.to(torch.float32), potential.to(torch.float64)
    assert (single.dtype, double.dtype) == (torch.float32, torch.float64)
    # The same positions for both: those that single precision can hold.
    positions = positions.float()
    for found, wanted in zip(evaluate(single, positions), evaluate(double, positions), strict=True):
        near(single, found, wanted)


def batch_is_single(potential: Potential, positions: torch.Tensor) -> None:
    """A frame's energy and forces do not depend on the other frames of the batch."""
    singles = [evaluate(potential, one) for one in positions.split(1)]
    for together, alone in zip(
        evaluate(potential, positions), zip(*singles, strict=True), strict=True
    ):
        near(potential, torch.cat(alone), together)
