"""Force maps on cases with known answers: do mapped forces have the exact mean force?

Frames are independent draws of the exact distributions. Seeds are fixed, and a mean is allowed 5.5
standard errors: one of the 300 comparisons here fails by chance with a probability of 1e-5.
"""

import mdtraj
import numpy as np
import openmm
import pytest
from openmm import app
from scipy.sparse import csr_array

from meanforce.errors import InputError
from meanforce.mapping.block_force_maps import (
    BlockForceMaps,
    MappedMolecule,
    fixed_force_maps,
    optimal_force_maps,
)
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.force_maps import FORCE_MAPS
from meanforce.mapping.groups import BLOCKS, Moments, groups_of
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.settings.mappings import MappingSettings

KT = 2.494
FRAMES = 40000
ALLOWED = 5.5


def molecule(elements: str, beads: dict[str, str], constraints=()) -> MappedMolecule:
    """Atoms without bonds, and beads of them by MDTraj selections."""
    topology = mdtraj.Topology()
    residue = topology.add_residue("MOL", topology.add_chain())
    for number, symbol in enumerate(elements):
        element = mdtraj.element.get_by_symbol(symbol)
        topology.add_atom(f"{symbol}{number}", element, residue)
    return MappedMolecule(
        beads=build_beads(MappingSettings(beads=beads), topology, "m"),
        n_atoms=topology.n_atoms,
        constraints=list(constraints),
        names=[str(atom) for atom in topology.atoms],
        groups=groups_of(SystemAtoms.of(topology, list(constraints)), "whole"),
    )


def dense(matrices) -> np.ndarray:
    return np.array([matrix.toarray() for matrix in matrices])


def force_maps_of(
    case: MappedMolecule, kind: str, forces: np.ndarray, stiffness=None
) -> BlockForceMaps:
    if kind != "optimal":
        return fixed_force_maps(case, kind)
    moments = Moments(case.groups, len(forces))
    moments.add(0, forces)
    return optimal_force_maps(case, moments, stiffness)


def deviations(residual: np.ndarray, factors: np.ndarray, weights=None) -> np.ndarray:
    """Means of residual × factor in standard errors; zero for an exact mean force.

    Args:
        residual: mapped minus exact force, shape (n, n_residuals).
        factors: any functions of R, shape (n, n_factors).
        weights: of the frames, shape (n,).
    """
    products = (residual[:, :, None] * factors[:, None, :]).reshape(len(residual), -1)
    if weights is not None:
        products = products * (weights / weights.mean())[:, None]
    error = products.std(axis=0) / np.sqrt(len(products))
    return products.mean(axis=0) / error


# A chain of five atoms, tethered at both ends: everything is Gaussian.
STIFFNESS = np.array([800.0, 500.0, 1200.0, 700.0])
CHAIN = np.diag([300.0, 0.0, 0.0, 0.0, 150.0])
for link, constant in enumerate(STIFFNESS):
    CHAIN[link : link + 2, link : link + 2] += constant * np.array([[1, -1], [-1, 1]])


def chain(bias: float = 0.0) -> tuple[MappedMolecule, np.ndarray, np.ndarray, np.ndarray]:
    """Beads of atoms (0, 1) and 3; M; positions and unbiased forces of independent frames.

    The bias is ½·bias·R² on the first bead.
    """
    case = molecule("CNCCC", {"A": "index 0 1", "B": "index 3"})
    matrix = case.beads.matrix(5).toarray()
    stiffness = CHAIN + bias * np.outer(matrix[0], matrix[0])
    covariance = KT * np.linalg.inv(stiffness)
    rng = np.random.default_rng(11)
    draws = rng.standard_normal((FRAMES, 3, 5)) @ np.linalg.cholesky(covariance).T
    positions = draws.transpose(0, 2, 1)
    return case, matrix, positions, -np.einsum("ij,njd->nid", CHAIN, positions)


def chain_mean_force(matrix: np.ndarray, beads: np.ndarray, noise: float = 0.0) -> np.ndarray:
    """−kT (M Σ Mᵀ + σ²)⁻¹ R, shape (n, 2, 3)."""
    covariance = KT * matrix @ np.linalg.inv(CHAIN) @ matrix.T + noise**2 * np.eye(2)
    return -KT * np.einsum("IJ,nJd->nId", np.linalg.inv(covariance), beads)


@pytest.mark.parametrize("kind", ["slice", "aggregate", "optimal"])
def test_chain(kind):
    case, matrix, positions, forces = chain()
    beads = matrix @ positions
    maps = force_maps_of(case, kind, forces)
    residual = maps.apply(0, FRAMES, forces) - chain_mean_force(matrix, beads)
    found = deviations(residual.reshape(FRAMES, -1), beads.reshape(FRAMES, -1))
    print(f"chain, {kind}: largest deviation {np.abs(found).max():.2f} of {found.size}")
    assert np.abs(found).max() < ALLOWED
    if kind == "optimal":
        # For a Gaussian the best map is B = (M Σ Mᵀ)⁻¹ M Σ, which has no noise at all; the error of
        # the fitted map is the chance correlation of signal and noise.
        exact = np.linalg.inv(CHAIN)
        exact = np.linalg.solve(matrix @ exact @ matrix.T, matrix @ exact)
        assert np.abs(dense(maps.matrices) - exact).max() < 0.03
        identities = dense(maps.matrices) @ matrix.T
        wanted = np.broadcast_to(np.eye(2), (BLOCKS + 1, 2, 2))
        np.testing.assert_allclose(identities, wanted, atol=1e-10)


@pytest.mark.parametrize("kind", ["forces", "denoising", "optimal"])
def test_noise_augmentation_gives_the_mean_force_of_the_smeared_density(kind):
    case, matrix, positions, forces = chain()
    level = 0.04
    draws = np.random.default_rng(12).standard_normal((FRAMES, 2, 3))
    beads = matrix @ positions + level * draws
    scores = -KT / level * draws
    # Too few frames for a good map: it must be unbiased all the same.
    maps = force_maps_of(case, "optimal", forces[:200], KT / level)
    if kind != "optimal":
        share = 1.0 if kind == "forces" else 0.0
        aggregate = share * case.fixed("aggregate")
        noise = csr_array((1.0 - share) * np.eye(2))
        maps = BlockForceMaps((aggregate,) * (BLOCKS + 1), (noise,) * (BLOCKS + 1))
    exact = chain_mean_force(matrix, beads, level)
    residual = maps.apply(0, FRAMES, forces, scores) - exact
    found = deviations(residual.reshape(FRAMES, -1), beads.reshape(FRAMES, -1))
    print(f"noise, {kind}: largest deviation {np.abs(found).max():.2f} of {found.size}")
    assert np.abs(found).max() < ALLOWED
    np.testing.assert_allclose(
        dense(maps.matrices) @ matrix.T + dense(maps.of_noise),
        np.broadcast_to(np.eye(2), (BLOCKS + 1, 2, 2)), atol=1e-10,
    )  # fmt: skip


def test_noise_needs_weights_where_there_is_a_bias():
    # Weak enough that weights have a variance.
    strength, level = 150.0, 0.04
    case, matrix, positions, forces = chain(bias=strength)
    draws = np.random.default_rng(13).standard_normal((FRAMES, 2, 3))
    clean = matrix @ positions
    beads, scores = clean + level * draws, -KT / level * draws
    maps = force_maps_of(case, "optimal", forces, KT / level)
    exact = chain_mean_force(matrix, beads, level)
    residual = (maps.apply(0, FRAMES, forces, scores) - exact).reshape(FRAMES, -1)
    factors = beads.reshape(FRAMES, -1)
    weights = np.exp(0.5 * strength * (clean[:, 0] ** 2).sum(axis=1) / KT)
    assert np.abs(deviations(residual, factors)).max() > 20
    found = deviations(residual, factors, weights)
    print(f"noise, weighted: largest deviation {np.abs(found).max():.2f} of {found.size}")
    assert np.abs(found).max() < ALLOWED


# Atoms A, B, C: A–B is rigid, A–C and B–C are springs; the beads are A and C.
RIGID, REST = 0.1, 0.3
SPRING_AC, SPRING_BC, REST_BC = 2000.0, 3000.0, 0.33


def triatomic() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """|AC|, forces (n, 3, 3) with C on the z axis, and the exact mean force on C along it.

    One constraint between two atoms leaves the flat measure on its sphere (its metric factor is
    constant), so that cos θ of the angle CAB is uniform except for the Boltzmann factor.
    """
    rng = np.random.default_rng(21)
    n = 12 * FRAMES
    length = rng.normal(REST, np.sqrt(KT / SPRING_AC), n)
    cosine, phi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n)
    other = np.sqrt(length**2 + RIGID**2 - 2 * length * RIGID * cosine)
    weight = (length / 0.5) ** 2 * np.exp(-0.5 * SPRING_BC * (other - REST_BC) ** 2 / KT)
    kept = (rng.uniform(size=n) < weight) & (length > 0)
    length, cosine, phi = (values[kept][:FRAMES] for values in (length, cosine, phi))
    assert len(length) == FRAMES
    sine = np.sqrt(1 - cosine**2)
    b = RIGID * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=1)
    c = length[:, None] * np.array([0.0, 0.0, 1.0])
    on_c_from_a = -SPRING_AC * (length - REST)[:, None] * np.array([0.0, 0.0, 1.0])
    separation = np.linalg.norm(c - b, axis=1, keepdims=True)
    on_c_from_b = -SPRING_BC * (separation - REST_BC) * (c - b) / separation
    forces = np.stack([-on_c_from_a, -on_c_from_b, on_c_from_a + on_c_from_b], axis=1)
    nodes, node_weights = np.polynomial.legendre.leggauss(200)
    grid = np.sqrt(length[:, None] ** 2 + RIGID**2 - 2 * length[:, None] * RIGID * nodes)
    density = node_weights * np.exp(-0.5 * SPRING_BC * (grid - REST_BC) ** 2 / KT)
    slope = SPRING_BC * (grid - REST_BC) * (length[:, None] - RIGID * nodes) / grid
    mean = -(density * slope).sum(axis=1) / density.sum(axis=1) - SPRING_AC * (length - REST)
    return length, forces, mean


@pytest.mark.parametrize("kind", ["slice", "aggregate", "optimal"])
def test_triatomic_with_a_rigid_bond(kind):
    case = molecule("CHC", {"A": "index 0", "C": "index 2"}, constraints=[(0, 1)])
    length, forces, mean = triatomic()
    exact = np.zeros((FRAMES, 2, 3))
    exact[:, 0, 2], exact[:, 1, 2] = -mean, mean
    factors = np.stack([np.ones(FRAMES), (length - REST) / 0.03], axis=1)
    if kind == "slice":
        with pytest.raises(InputError, match=r"'slice' gives .*C0 and .*H1 unequal"):
            case.fixed("slice")
        matrix = FORCE_MAPS["slice"](case.beads, 3, case.constraints).toarray()
        residual = (np.einsum("bi,nid->nbd", matrix, forces) - exact)[:, :1, 2]
        # The effect of the constraint on A is missing.
        assert np.abs(deviations(residual, factors)).max() > 50
        return
    maps = force_maps_of(case, kind, forces)
    residual = (maps.apply(0, FRAMES, forces) - exact).reshape(FRAMES, -1)
    found = deviations(residual, factors)
    print(f"triatomic, {kind}: largest deviation {np.abs(found).max():.2f} of {found.size}")
    assert np.abs(found).max() < ALLOWED


# Two Lennard-Jones particles in a bath of three that a soft trap keeps near them.
EPSILON, SIGMA, TRAP, BATH = 1.0, 0.3, 30.0, 3


def lennard_jones(r: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Energy and its derivative."""
    power = (SIGMA / r) ** 6
    return 4 * EPSILON * (power**2 - power), 4 * EPSILON * (6 * power - 12 * power**2) / r


def bath_energy(points: np.ndarray, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """Energy of bath particles at points (..., 3) without the trap, and forces (..., 2, 3) on A, B.

    A and B lie on the x axis at ∓distance/2; the trap is about the middle of A and B.
    """
    ends = np.array([[-0.5 * distance, 0, 0], [0.5 * distance, 0, 0]])
    away = points[..., None, :] - ends
    r = np.linalg.norm(away, axis=-1)
    energy, slope = lennard_jones(r)
    forces = slope[..., None] * away / r[..., None] + 0.5 * TRAP * points[..., None, :]
    return energy.sum(axis=-1), forces


def bath(distance: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draws of one bath particle's position, shape (count, 3), by rejection."""
    found = np.zeros((0, 3))
    while len(found) < count:
        points = rng.normal(0, np.sqrt(KT / TRAP), (3 * count, 3))
        energy, _ = bath_energy(points, distance)
        kept = rng.uniform(size=len(points)) < np.exp(-(energy + 2 * EPSILON) / KT)
        found = np.concatenate([found, points[kept]])
    return found[:count]


def dimer_mean_force(distance: float) -> float:
    """On B along the axis, by quadrature over the bath, cylindrical coordinates."""
    x = np.linspace(-1.6, 1.6, 801)
    rho = (np.arange(400) + 0.5) * 1.6 / 400
    points = np.zeros((len(x), len(rho), 3))
    points[..., 0], points[..., 1] = x[:, None], rho
    energy, forces = bath_energy(points, distance)
    energy += 0.5 * TRAP * (points**2).sum(axis=-1)
    weights = rho * np.exp(-energy / KT)
    along = 0.5 * (forces[..., 1, 0] - forces[..., 0, 0])
    return BATH * float((weights * along).sum() / weights.sum()) - lennard_jones(distance)[1]


@pytest.mark.parametrize("kind", ["slice", "aggregate", "optimal"])
def test_lennard_jones_dimer_in_a_bath(kind):
    case = molecule("C" * (2 + BATH), {"A": "index 0", "B": "index 1"})
    rng = np.random.default_rng(31)
    distances, count = np.array([0.3, 0.33, 0.38, 0.45, 0.6]), FRAMES // 5
    which = rng.integers(len(distances), size=5 * count)
    forces, exact = np.zeros((5 * count, 2 + BATH, 3)), np.zeros((5 * count, 2, 3))
    for number, distance in enumerate(distances):
        here = which == number
        for particle in range(BATH):
            points = bath(distance, here.sum(), rng)
            on_ends = bath_energy(points, distance)[1]
            forces[here, :2] += on_ends
            forces[here, 2 + particle] = -on_ends.sum(axis=1)
        direct = -lennard_jones(distance)[1] * np.array([-1.0, 1.0])
        forces[here, :2, 0] += direct
        exact[here, :, 0] = dimer_mean_force(distance) * np.array([-1.0, 1.0])
    maps = force_maps_of(case, kind, forces)
    residual = maps.apply(0, len(forces), forces) - exact
    at_each = (which[:, None] == np.arange(len(distances))).astype(float)
    found = deviations(residual[:, :, 0], at_each)
    noise = (residual**2).sum(axis=(1, 2)).mean()
    print(f"dimer, {kind}: largest {np.abs(found).max():.2f} of {found.size}, noise {noise:.0f}")
    assert np.abs(found).max() < ALLOWED
    if kind == "optimal":
        plain = fixed_force_maps(case, "aggregate").apply(0, len(forces), forces) - exact
        assert noise < 0.8 * (plain**2).sum(axis=(1, 2)).mean()


def test_flexible_water_dimer():
    """Krämer et al., J. Phys. Chem. Lett. 14, 3970 (2023): each bead takes its whole molecule."""
    topology = app.Topology()
    oxygen, hydrogen = app.element.oxygen, app.element.hydrogen
    for _ in range(2):
        residue = topology.addResidue("HOH", topology.addChain())
        o, *others = (
            topology.addAtom(name, element, residue)
            for name, element in (("O", oxygen), ("H1", hydrogen), ("H2", hydrogen))
        )
        for other in others:
            topology.addBond(o, other)
    system = app.ForceField("tip3p.xml").createSystem(topology, rigidWater=False)
    tether = openmm.HarmonicBondForce()
    tether.addBond(0, 3, 0.28, 2000.0)
    system.addForce(tether)
    integrator = openmm.LangevinMiddleIntegrator(300.0, 5.0, 0.0005)
    integrator.setRandomNumberSeed(5)
    context = openmm.Context(system, integrator, openmm.Platform.getPlatformByName("Reference"))
    one = np.array([[0, 0, 0], [0.0957, 0, 0], [-0.024, 0.0927, 0]])
    context.setPositions(np.concatenate([one, one + np.array([0, 0, 0.28])]))
    context.setVelocitiesToTemperature(300.0, 5)
    integrator.step(4000)
    forces = np.empty((30000, 6, 3))
    for frame in range(len(forces)):
        integrator.step(20)
        forces[frame] = context.getState(forces=True).getForces(asNumpy=True)._value
    plain = mdtraj.Topology.from_openmm(topology)
    case = MappedMolecule(
        build_beads(MappingSettings(beads={"O1": "index 0", "O2": "index 3"}), plain, "m"),
        6, [], [str(atom) for atom in plain.atoms], groups_of(SystemAtoms.of(plain), "whole"),
    )  # fmt: skip
    rows = dense(force_maps_of(case, "optimal", forces).matrices)
    expected = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    print(f"water dimer: largest deviation of a coefficient {np.abs(rows - expected).max():.1e}")
    assert np.abs(rows - expected).max() < 5e-3
