"""Collective variables: atomistic and CG sides agree with each other and with MDTraj."""

import json
import math

import mdtraj
import numpy as np
import openmm
import pytest
import torch
from openmm import unit
from variable_examples import (
    COMBINED,
    MAPPINGS,
    NAMES,
    PLAIN,
    RADIUS,
    VARIABLES,
    WHOLE,
    define,
)

from meanforce.core.beads import Beads
from meanforce.dynamics.shared_bias import SharedBias
from meanforce.jobs import stages
from meanforce.potentials.variables import CollectiveVariables, evaluate_variables
from meanforce.sampling.collective_variables import as_variable, bias_force, values_in
from meanforce.sampling.grid import BiasGrid
from meanforce.sampling.static import Formula
from meanforce.settings.collective_variables import (
    EVEN_KINDS,
    CollectiveVariableSettings,
    is_periodic,
)
from meanforce.settings.job import validated
from meanforce.settings.load import load_config
from meanforce.settings.simulations import CgBiasSettings


@pytest.fixture(params=MAPPINGS)
def mapped(request) -> tuple[Beads, np.ndarray]:
    """Beads, and positions of their atoms, shape (5, n_atoms, 3)."""
    chosen = MAPPINGS[request.param]
    rng = np.random.default_rng(7)
    return chosen, rng.uniform(0.0, 1.0, (5, max(map(max, chosen.atoms)) + 1, 3))


def in_openmm(
    expression: str, settings: CollectiveVariableSettings, mapping: Beads, frames: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Values of a variable, shape (n,), and forces of a bias, shape (n, n_atoms, 3)."""
    system = openmm.System()
    for _ in range(frames.shape[1]):
        system.addParticle(1.0)
    variable = as_variable(settings, mapping, "s")
    force = bias_force(expression, [variable])
    system.addForce(force)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    values, forces = [], []
    for positions in frames:
        context.setPositions(positions)
        values.append(values_in(force, context, [variable])[0])
        state = context.getState(forces=True)
        forces.append(
            state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.nanometer)
        )
    return np.array(values), np.array(forces)


@pytest.mark.parametrize("name", VARIABLES)
def test_a_formula_in_one_variable_is_the_bias_that_all_variables_have(name, mapped):
    """The same energies, forces and values, whether a force of its own has them or not."""
    beads, frames = mapped
    settings, expression = VARIABLES[name], "3*cos(s0) + 0.4*s0^2"
    values, forces = in_openmm(expression, settings, beads, frames)
    system = openmm.System()
    for _ in range(frames.shape[1]):
        system.addParticle(1.0)
    bias = Formula(expression, (as_variable(settings, beads, "s"),))
    bias.add_to(system)
    terms = 0 if settings.function else sum(len(term.bead_tuples) for _, term in settings.terms)
    assert (bias.idle is not None) == (terms == 1)
    assert isinstance(bias.added, openmm.CustomCVForce) == (bias.idle is None)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    for positions, value, force in zip(frames, values, forces, strict=True):
        context.setPositions(positions)
        state = context.getState(energy=True, forces=True, groups={bias.group})
        energy = state.getPotentialEnergy()._value
        assert energy == pytest.approx(3 * math.cos(value) + 0.4 * value**2, abs=1e-9)
        assert bias.values(context, energy) == pytest.approx([value], abs=1e-12)
        np.testing.assert_allclose(state.getForces(asNumpy=True)._value, force, atol=1e-9)
        if bias.idle is not None:
            rest = context.getState(energy=True, forces=True, groups={bias.idle})
            assert rest.getPotentialEnergy()._value == 0
            assert not rest.getForces(asNumpy=True)._value.any()


def in_mdtraj(name: str, positions: np.ndarray) -> np.ndarray:
    """Values at bead positions (n, 6, 3), written down without the code under test."""
    if name in COMBINED:
        return sum(c * in_mdtraj(member, positions) for member, c in COMBINED[name].items())
    frames = mdtraj.Trajectory(positions, None)
    settings = PLAIN[name]
    if name in WHOLE:
        return whole_in_mdtraj(settings, positions)
    indices = [NAMES.index(bead) for bead in settings["beads"]]
    if settings["kind"] == "coordinate":
        return positions[:, indices[0], "xyz".index(settings["axis"])]
    if settings["kind"] == "coordination":
        total = np.zeros(len(positions))
        for i in indices:
            for j in (NAMES.index(bead) for bead in settings["other_beads"]):
                if i != j:
                    ratio = np.linalg.norm(positions[:, i] - positions[:, j], axis=1) / RADIUS
                    total += (1 - ratio**6) / (1 - ratio**12)
        return total
    if settings["kind"] == "distance":
        return mdtraj.compute_distances(frames, [indices])[:, 0]
    if settings["kind"] == "angle":
        return mdtraj.compute_angles(frames, [indices])[:, 0]
    dihedral = mdtraj.compute_dihedrals(frames, [indices])[:, 0]
    function = {"cos_dihedral": np.cos, "sin_dihedral": np.sin}
    return function.get(settings["kind"], np.array)(dihedral)


def whole_in_mdtraj(settings: dict, positions: np.ndarray) -> np.ndarray:
    """Functions of whole structures, from RMSDs, radii and distances of MDTraj."""
    own = positions[:, [NAMES.index(bead) for bead in settings["beads"]]]
    frames = mdtraj.Trajectory(own, None)
    if settings["kind"] == "radius_of_gyration":
        return mdtraj.compute_rg(frames)
    structures = mdtraj.Trajectory(np.array(settings["structures"]), None)
    if settings["kind"] == "native_contacts":
        # The formula of Best, Hummer, Eaton as MDTraj's example has it.
        residues = settings["residues"]
        pairs = [(i, j) for i in range(6) for j in range(i) if abs(residues[i] - residues[j]) > 1]
        there = mdtraj.compute_distances(structures, pairs)[0]
        pairs = np.array(pairs)[there < settings["cutoff"]]
        r, r0 = mdtraj.compute_distances(frames, pairs), there[there < settings["cutoff"]]
        return np.mean(1.0 / (1 + np.exp(50 * (r - 1.2 * r0))), axis=1)
    rmsds = [mdtraj.rmsd(frames, structures, k) for k in range(len(structures))]
    if settings["kind"] == "rmsd":
        return rmsds[0]
    steps = [mdtraj.rmsd(structures[k], structures, k + 1)[0] for k in range(len(structures) - 1)]
    sharpness = 2.3 / np.mean(np.square(steps))
    weights = np.exp(-sharpness * np.square(rmsds))
    if settings["kind"] == "path_z":
        return -np.log(weights.sum(0)) / sharpness
    return np.linspace(0, 1, len(rmsds)) @ weights / weights.sum(0)


def test_every_kind_is_tested():
    kinds = set(CollectiveVariableSettings.model_json_schema()["properties"]["kind"]["enum"])
    assert {variable.kind for variable in VARIABLES.values()} == kinds


@pytest.mark.parametrize("name", VARIABLES)
def test_values_are_those_of_mdtraj_in_openmm_and_in_torch(mapped, name):
    mapping, frames = mapped
    positions = mapping.matrix(frames.shape[1]).toarray() @ frames
    expected = in_mdtraj(name, positions)
    values, _ = in_openmm("s0", VARIABLES[name], mapping, frames)
    torches = evaluate_variables([VARIABLES[name]], list(NAMES), torch.from_numpy(positions))
    # MDTraj computes in single precision, the other two agree far better.
    np.testing.assert_allclose(values, expected, atol=1e-5)
    np.testing.assert_allclose(torches[:, 0].numpy(), values, rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", VARIABLES)
def test_bias_forces_are_minus_the_gradient_in_openmm_and_in_torch(mapped, name):
    mapping, frames = mapped
    frames = frames[:2]
    values, forces = in_openmm("10*(s0-0.2)^2", VARIABLES[name], mapping, frames)
    numeric = np.zeros_like(forces)
    step = 1e-6
    for atom in range(frames.shape[1]):
        for axis in range(3):
            shift = np.zeros(frames.shape[1:])
            shift[atom, axis] = step
            up, down = (
                in_openmm("s0", VARIABLES[name], mapping, frames + s)[0] for s in (shift, -shift)
            )
            slope = (up - down) / (2 * step)
            numeric[:, atom, axis] = -20 * (values - 0.2) * slope
    np.testing.assert_allclose(forces, numeric, rtol=1e-5, atol=1e-5)

    matrix = mapping.matrix(frames.shape[1]).toarray()
    evaluator = CollectiveVariables([VARIABLES[name]], list(NAMES), torch.float64)
    s, slopes = evaluator.evaluate(torch.from_numpy(matrix @ frames))
    on_beads = -evaluator.pull_back(20 * (s - 0.2), slopes).numpy()
    np.testing.assert_allclose(matrix.T @ on_beads, forces, rtol=1e-7, atol=1e-7)


def positions_of(n: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(n, 6, 3, generator=generator, dtype=torch.float64)


def test_all_variables_at_once_pull_back_what_automatic_differentiation_gives():
    # Reversed, so that the order of variables is not that of internal coordinates.
    listed = [VARIABLES[name] for name in reversed(VARIABLES)]
    evaluator = CollectiveVariables(listed, list(NAMES), torch.float64)
    positions = positions_of(20).requires_grad_(True)
    values, slopes = evaluator.evaluate(positions)
    gradient = torch.randn(values.shape, dtype=torch.float64)
    (expected,) = torch.autograd.grad((values * gradient).sum(), positions)
    pulled = evaluator.pull_back(gradient, slopes)
    torch.testing.assert_close(pulled, expected)
    alone = [evaluate_variables([v], list(NAMES), positions.detach())[:, 0] for v in listed]
    torch.testing.assert_close(values.detach(), torch.stack(alone, dim=1))


def test_invariance_and_parity():
    positions = positions_of(10)
    rotation, _ = torch.linalg.qr(torch.randn(3, 3, dtype=torch.float64))
    rotation = rotation * torch.sign(torch.det(rotation))
    for name, variable in VARIABLES.items():
        if name in ("coordinate", "combination_of_lengths"):
            continue
        values = evaluate_variables([variable], list(NAMES), positions)
        moved = evaluate_variables([variable], list(NAMES), positions @ rotation.T + 4.2)
        torch.testing.assert_close(moved, values)
        if name != "combination_of_numbers":
            sign = -1 if name in ("dihedral", "sin_dihedral") else 1
            if variable.kind not in EVEN_KINDS and sign == 1:
                continue
            mirrored = evaluate_variables([variable], list(NAMES), -positions)
            torch.testing.assert_close(mirrored, sign * values)


def test_cosine_and_sine_are_smooth_where_the_dihedral_jumps():
    angles = [math.pi - 1e-4, math.pi + 1e-4]
    frames = np.zeros((2, 6, 3))
    for frame, angle in zip(frames, angles, strict=True):
        frame[:4] = [[1, 0, 0], [0, 0, 0], [0, 0, 1], [math.cos(angle), math.sin(angle), 1]]
    kinds = ("dihedral", "cos_dihedral", "sin_dihedral")
    listed = [
        CollectiveVariableSettings(kind=kind, mapping="m", beads=["A", "B", "C", "D"])
        for kind in kinds
    ]
    s = evaluate_variables(listed, list(NAMES), torch.from_numpy(frames)).numpy()
    np.testing.assert_allclose(s[:, 0], [angles[0], angles[1] - 2 * math.pi])
    np.testing.assert_allclose(s[:, 1:], [[math.cos(a), math.sin(a)] for a in angles])
    assert [is_periodic(kind) for kind in kinds] == [True, False, False]


def test_coordination_of_known_geometries():
    # A at the origin; D and E at the radius, F at twice the radius: 1/2 + 1/2 + 1/65.
    positions = torch.zeros(1, 6, 3, dtype=torch.float64)
    positions[0, 3:, 0] = torch.tensor([RADIUS, -RADIUS, 2 * RADIUS])

    def value(first: str, second: str) -> float:
        settings = define("coordination", beads=[*first], other_beads=[*second], radius=RADIUS)
        variable = validated(CollectiveVariableSettings, settings, "c")
        return evaluate_variables([variable], list(NAMES), positions).item()

    assert value("A", "DEF") == pytest.approx(1 + 1 / 65)
    # A makes no pair with itself; A–D is found from both sides.
    assert value("A", "AD") == pytest.approx(0.5)
    assert value("AD", "AD") == pytest.approx(1.0)


def test_a_combination_may_have_more_terms_than_openmm_takes_forces():
    pairs = [(a, b) for a in NAMES for b in NAMES if a != b]
    members = {a + b: define("distance", beads=[a, b]) for a, b in pairs} | {
        f"{a}{b}x": define("coordinate", beads=[a], axis="x") for a, b in pairs
    }
    coefficients = {name: 0.1 * number for number, name in enumerate(members, 1)}
    settings = define("combination", coefficients=coefficients, members=members)
    variable = validated(CollectiveVariableSettings, settings, "c")
    assert len(variable.terms) == 60
    frames = np.random.default_rng(2).uniform(0, 1, (3, 16, 3))
    values, _ = in_openmm("s0", variable, MAPPINGS["groups"], frames)
    positions = torch.from_numpy(MAPPINGS["groups"].matrix(16).toarray() @ frames)
    expected = evaluate_variables([variable], list(NAMES), positions)[:, 0]
    np.testing.assert_allclose(values, expected.numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    "names", [["combination_of_numbers"], ["combination_of_numbers", "dihedral"]]
)
def test_a_bias_grid_in_them_is_what_openmm_feels(mapped, names):
    mapping, frames = mapped
    variables = tuple(as_variable(VARIABLES[name], mapping, name) for name in names)
    n = len(names)
    grid = BiasGrid(variables, [-3.0, -math.pi][:n], [4.0, math.pi][:n], [120, 120][:n])
    positions = torch.from_numpy(mapping.matrix(frames.shape[1]).toarray() @ frames)
    s = evaluate_variables([VARIABLES[name] for name in names], list(NAMES), positions).numpy()
    grid.add(s[0], [0.5] * n, 3.0)
    system = openmm.System()
    for _ in range(frames.shape[1]):
        system.addParticle(1.0)
    system.addForce(grid.force())
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    for number, frame in enumerate(frames):
        context.setPositions(frame)
        distance = s[number] - s[0]
        if n == 2:
            distance[1] = math.remainder(distance[1], 2 * math.pi)
        expected = 3.0 * math.exp(-0.5 * (distance**2).sum() / 0.5**2)
        energy = context.getState(energy=True).getPotentialEnergy()
        # Splines through a grid finer than a tenth of the hill's width.
        assert energy.value_in_unit(unit.kilojoule_per_mole) == pytest.approx(expected, abs=1e-3)


def test_shared_bias_pushes_along_minus_its_gradient():
    names = ["combination_of_numbers", "coordination"]
    settings = validated(
        CgBiasSettings,
        {
            "collective_variables": names, "width": [0.4, 0.3], "bias_factor": 6.0, "build": 1.0,
            "bins": 40, "lower": [-3.0, 0.0], "upper": [4.0, 6.0],
        },
        "bias",
    )  # fmt: skip
    bias = SharedBias(settings, [VARIABLES[n] for n in names], list(NAMES), 300.0, torch.float64)
    positions = positions_of(30)
    bias.deposit(positions, 1)
    _, forces = bias.energy_and_forces(positions)
    assert forces.abs().max() > 1.0
    step = 1e-6
    for bead, axis in ((0, 0), (2, 1), (4, 2)):
        shift = torch.zeros(6, 3, dtype=torch.float64)
        shift[bead, axis] = step
        up, down = (bias.energy_and_forces(positions + s)[0] for s in (shift, -shift))
        torch.testing.assert_close(
            forces[:, bead, axis], -(up - down) / (2 * step), rtol=1e-4, atol=1e-4
        )


def test_jobs_get_a_combination_with_its_members_and_nothing_else(config):
    heavy = {"kind": "distance", "mapping": "heavy"}
    first = heavy | {"beads": ["ACE1-C", "NME3-N"]}
    second = heavy | {"beads": ["ACE1-C", "ALA2-CB"]}
    combination = {"kind": "combination", "mapping": "heavy", "coefficients": {"a": 1, "b": -0.5}}
    declared = config["collective_variables"]["capped_alanine"]
    declared |= {"a": first, "b": second, "other": first, "s": combination}
    campaign = config["campaigns"]["capped_alanine"]["unbiased"]
    campaign |= {
        "kind": "static",
        "collective_variables": ["s"],
        "gaussians": [{"height": "1 kJ/mol", "center": ["0.1 nm"], "width": ["0.5 angstrom"]}],
    }
    job = ("capped_alanine", "T300", "unbiased", "1")

    def text() -> str:
        return stages.sample_job(load_config(config), *job).canonical()

    before = text()
    told = json.loads(before)["collective_variables"]
    assert set(told) == {"s"}
    variable = validated(CollectiveVariableSettings, told["s"], "s")
    assert [(c, term.beads) for c, term in variable.terms] == [
        (1.0, first["beads"]), (-0.5, second["beads"])
    ]  # fmt: skip
    declared["other"] = second
    combination["coefficients"] = {"b": -0.5, "a": 1.0}
    assert text() == before
    declared["b"] = heavy | {"beads": ["ACE1-C", "ALA2-O"]}
    assert text() != before
