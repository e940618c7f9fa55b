"""Force fields in resources/: energies against sums by hand, geometry of molecules."""

import math

import numpy as np
import openmm
import opls
import pytest
from openmm import unit

from meanforce.errors import InputError
from meanforce.settings.job import validated
from meanforce.settings.systems.registry import System
from meanforce.systems.mixing import mixing_of
from meanforce.systems.registry import describe

OPLS = "resources/force_fields/opls_aa_alkanes.xml"
TRAPPE = "resources/force_fields/trappe_ua_c24.xml"
HYDROGENS = {"ETH": [3, 3], "PRP": [3, 2, 3]}
CUTOFF = 1.2


@pytest.fixture(autouse=True)
def _in_the_repository(root, monkeypatch):
    monkeypatch.chdir(root)


def described(names, files=(OPLS,), **changes):
    values = {
        "kind": "liquid", "molecules": {name: {"count": 1} for name in names},
        # A box of more than twice the cutoff, whatever the molecules.
        "force_field": list(files), "density": 0.0005, "nonbonded_cutoff": CUTOFF,
        "nonbonded_method": "reaction_field", "dispersion_correction": False,
        "constraints": "none",
    }  # fmt: skip
    return describe(validated(System, values | changes, "system"))


def energy(system: openmm.System, positions: np.ndarray) -> float:
    """kJ/mol, in double precision."""
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions)
    found = context.getState(energy=True).getPotentialEnergy()
    return found.value_in_unit(unit.kilojoule_per_mole)


def placed(names, one, distance: float) -> np.ndarray:
    """Distorted molecules at this distance from each other, nm."""
    first = len(describe_one(names[0]).positions)
    positions = one.positions + np.random.default_rng(1).normal(0, 0.008, one.positions.shape)
    positions[first:] += [distance, 0.0, 0.0]
    return positions


def describe_one(name):
    return described([name])


@pytest.mark.parametrize(
    ("names", "distance"),
    [(["ETH"], 0.0), (["PRP"], 0.0), (["ETH", "PRP"], 0.42), (["ETH", "PRP"], 1.1)],
)
def test_opls_energies_are_those_summed_by_hand(names, distance):
    one = described(names)
    positions = placed(names, one, distance)
    by_hand = opls.energy([HYDROGENS[name] for name in names], positions, CUTOFF)
    assert energy(one.parametrised(), positions) == pytest.approx(by_hand, abs=1e-6 * abs(by_hand))


def test_the_mean_of_sigma_is_another_force_field():
    """The comparison above notices the mixing rule."""
    one = described(["ETH", "PRP"], mixing="lorentz_berthelot")
    positions = placed(["ETH", "PRP"], one, 0.42)
    by_hand = opls.energy([[3, 3], [3, 2, 3]], positions, CUTOFF)
    assert abs(energy(one.parametrised(), positions) - by_hand) > 1e-3 * abs(by_hand)


def test_forces_are_minus_the_gradient_and_switched_off_with_openmm():
    one = described(["ETH", "PRP"], switch_distance=0.9)
    system, positions = one.parametrised(), placed(["ETH", "PRP"], one, 0.95)
    platform = openmm.Platform.getPlatformByName("Reference")
    context = openmm.Context(system, openmm.VerletIntegrator(0.001), platform)
    context.setPositions(positions)
    forces = context.getState(forces=True).getForces(asNumpy=True)._value
    step = 1e-5
    for atom, axis in ((0, 0), (5, 1), (10, 2)):
        moved = np.array([positions, positions])
        moved[:, atom, axis] += [step, -step]
        up, down = (energy(system, x) for x in moved)
        assert -(up - down) / (2 * step) == pytest.approx(forces[atom, axis], rel=1e-5, abs=1e-4)


def test_geometry_of_molecules_from_templates():
    """Bond lengths and angles are near those of the force field, whatever the random starts."""
    one = describe_one("PRP")
    x = one.positions
    for first, second in one.topology.bonds():
        wanted = 0.109 if "H" in {first.element.symbol, second.element.symbol} else 0.1529
        length = np.linalg.norm(x[first.index] - x[second.index])
        assert length == pytest.approx(wanted, abs=0.003)
    names = {atom.name: atom.index for atom in one.topology.atoms()}
    c1, c2, c3 = (x[names[name]] for name in ("C1", "C2", "C3"))
    cosine = (c1 - c2) @ (c3 - c2) / np.linalg.norm(c1 - c2) / np.linalg.norm(c3 - c2)
    assert math.degrees(math.acos(cosine)) == pytest.approx(112.7, abs=2.0)
    np.testing.assert_array_equal(x, describe_one("PRP").positions)


def torsion_energy(phi: float) -> float:
    """TraPPE's torsion of CHx-CH2-CH2-CHy, kJ/mol."""
    k = 0.00831446261815324
    c1, c2, c3 = 355.03 * k, -68.19 * k, 791.32 * k
    return c1 * (1 + math.cos(phi)) + c2 * (1 - math.cos(2 * phi)) + c3 * (1 + math.cos(3 * phi))


def zigzag(phi: float) -> np.ndarray:
    """C24 with ideal bonds and angles, all torsions 180° but that in the middle, nm."""
    places = [np.zeros(3), np.array([0.154, 0, 0])]
    theta = math.radians(114.0)
    places.append(places[1] + 0.154 * np.array([-math.cos(theta), math.sin(theta), 0]))
    for number in range(3, 24):
        a, b, c = places[-3:]
        along = (c - b) / np.linalg.norm(c - b)
        normal = np.cross(b - a, along)
        normal /= np.linalg.norm(normal)
        turn = phi if number == 13 else math.pi
        across = np.cross(normal, along) * math.cos(turn) + normal * math.sin(turn)
        places.append(c + 0.154 * (-math.cos(theta) * along + math.sin(theta) * across))
    return np.array(places)


@pytest.mark.parametrize("degrees", [180.0, 120.0, 65.0])
def test_trappe_energies_are_those_summed_by_hand(degrees):
    one = described(["C24"], [TRAPPE], nonbonded_cutoff=1.4)
    phi = math.radians(degrees)
    x = zigzag(phi)
    k = 0.00831446261815324
    by_hand = 20 * torsion_energy(math.pi) + torsion_energy(phi)
    for i in range(24):
        for j in range(i + 4, 24):
            (s1, e1), (s2, e2) = (
                (0.375, 98 * k) if n in (0, 23) else (0.395, 46 * k) for n in (i, j)
            )
            r = float(np.linalg.norm(x[i] - x[j]))
            sixth = (0.5 * (s1 + s2) / r) ** 6
            by_hand += 4 * math.sqrt(e1 * e2) * (sixth**2 - sixth) * (r < 1.4)
    assert energy(one.parametrised(), x) == pytest.approx(by_hand, abs=1e-5)


def test_the_rule_of_a_file_and_of_the_config(tmp_path):
    assert mixing_of([OPLS], None) == "geometric"
    assert mixing_of([OPLS], "lorentz_berthelot") == "lorentz_berthelot"
    assert mixing_of(["spce.xml"], None) == "lorentz_berthelot"
    with pytest.raises(InputError, match=r"mix Lennard-Jones parameters .* give 'mixing'"):
        mixing_of([OPLS, TRAPPE], None)
    odd = tmp_path / "odd.xml"
    odd.write_text('<ForceField combining_rule="waldman_hagler"/>')
    with pytest.raises(InputError, match=r"combining_rule=\"waldman_hagler\"; allowed: geometric"):
        mixing_of([str(odd)], None)


def test_geometric_mixing_needs_parameters_in_one_force():
    one = described(["BUTA"], ["charmm36.xml"], mixing="geometric")
    with pytest.raises(InputError, match="parameters are all in <NonbondedForce>"):
        one.parametrised()


@pytest.mark.parametrize("kind", ["peptide", "solvated_peptide"])
def test_other_kinds_refuse_the_rule_that_they_do_not_apply(kind):
    values = {"kind": kind, "structure": "resources/capped_alanine.pdb", "force_field": [OPLS]}
    box = {"box": 2.5} if kind == "solvated_peptide" else {}
    with pytest.raises(InputError, match=f"the kind '{kind}' does not apply; use .* 'liquid'"):
        describe(validated(System, values | box, "system"))
