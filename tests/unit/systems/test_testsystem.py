"""Test systems of openmmtools as systems: options, topologies, and short runs."""

from typing import Any

import numpy as np
import openmm
import pytest
from openmmtools import testsystems
from sampled_systems import testsystem

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.molecules import Molecules
from meanforce.sampling.check import check_structures
from meanforce.settings import inputs
from meanforce.settings.load import load_config
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.testsystem_names import REFUSED, USABLE
from meanforce.systems import testsystem as builder
from meanforce.systems.registry import build
from meanforce.systems.topology import input_topology

SMALL = {"box_edge": "1.5 nm", "cutoff": "0.7 nm", "nonbondedMethod": "CutoffPeriodic"}


def all_subclasses(kind: type) -> set[type]:
    """Classes below one, at any depth."""
    direct = set(kind.__subclasses__())
    return direct.union(*(all_subclasses(one) for one in direct))


def of_openmmtools() -> set[str]:
    """Names of all test systems."""
    return {
        kind.__name__
        for kind in all_subclasses(testsystems.TestSystem)
        if kind.__module__ == testsystems.__name__
    }


def with_system(config: dict, entry: dict[str, Any], mapping: dict) -> dict:
    """The config with the system of an experiment exchanged for another one."""
    return {
        "systems": {"own": entry},
        "state_points": {"cold": {"temperature": "120 K"}},
        "mappings": {"own": {"beads": mapping}},
        "campaigns": {
            "own": {
                "plain": {
                    "kind": "unbiased", "length": "1 ps", "stride": "10 fs", "time_step": "2 fs",
                    "friction": "1 / ps", "equilibration": "0 ps",
                }
            }
        },
        "potentials": {
            "pairs": {"kind": "spline", "terms": {}, "temperature": "none"},
            "network": config["potentials"]["cgnet"] | {"temperature": "none"},
        },
        "simulations": {
            "short": config["simulations"]["capped_alanine"] | {"bias": None, "until": None}
        },
        "experiments": {
            "one": {
                "system": "own", "mapping": "beads", "campaigns": ["plain"], "potential": "pairs",
                "train": ["cold"], "reference": "plain", "simulation": "short",
            }
        },
    }  # fmt: skip


ARGON = {
    "kind": "testsystem", "name": "LennardJonesFluid",
    "options": {"nparticles": 216, "reduced_density": 0.8},
}  # fmt: skip
ATOMS = {"molecules": {"Ar": {"beads": {"A": ["Ar"]}}}}


def test_every_test_system_is_usable_or_refused_with_a_reason():
    assert len(set(USABLE)) == len(USABLE)
    assert not set(USABLE) & set(REFUSED)
    assert set(USABLE) | set(REFUSED) == of_openmmtools() | {"TestSystem"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "LennardJonesFluids"}, "there is no test system 'LennardJonesFluids'; did you "
         "mean LennardJonesFluid or LennardJonesGrid"),
        ({"name": "xyz"}, "there is no test system 'xyz'; there are CustomExternalForces"),
        ({"name": 3}, "there is no test system 3; there are"),
        ({"name": "AlchemicalWaterBox"}, "'AlchemicalWaterBox' cannot be used: parts"),
        ({"options": {"sigma": "3.4 xyz"}}, "'3.4 xyz' is not a quantity with its unit"),
        ({"options": {"sigma": {"a": 1}}}, r"\{'a': 1\} is neither a number"),
        ({"options": {"sigma": float("nan")}}, "nan is neither a number"),
    ],
)  # fmt: skip
def test_a_config_that_cannot_be_right_is_refused_without_building(config, entry, message):
    with pytest.raises(InputError, match=message) as error:
        load_config(with_system(config, ARGON | entry, ATOMS))
    assert "systems.own" in str(error.value)


LISTED = "nparticles, reduced_density, mass, sigma, epsilon, cutoff, switch_width, shift"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("LennardJonesFluid", {"particles": 216},
         f"LennardJonesFluid has no option 'particles'; allowed: {LISTED}"),
        ("CustomGBForceSystem", {"n": 3}, "has no option 'n'; it has no options"),
        ("DoubleWellChain_WCAFluid", {"ndimers": 3}, "has no option 'ndimers'; allowed: nchained"),
        ("LennardJonesFluidTruncated", {"switch_width": "1 angstrom"},
         "LennardJonesFluidTruncated sets 'switch_width' itself; allowed: nparticles, "
         "reduced_density, mass, sigma, epsilon, cutoff, shift"),
        ("LennardJonesGrid", {"nparticles": 8}, "LennardJonesGrid sets 'nparticles' itself"),
        ("LennardJonesFluid", {"nparticles": 2.5}, "'nparticles' is 2.5; allowed is a whole"),
        ("LennardJonesFluid", {"nparticles": True}, "'nparticles' is True; allowed is a whole"),
        ("LennardJonesFluid", {"shift": 1}, "'shift' is 1; allowed is true or false"),
        ("LennardJonesFluid", {"reduced_density": "high"}, "'high'; allowed is a number"),
        ("LennardJonesFluid", {"sigma": "300 K"}, "allowed is a length with its unit, such as"),
        ("LennardJonesFluid", {"sigma": 0.34}, "'sigma' is 0.34; allowed is a length"),
        ("LennardJonesFluid", {"cutoff": 1.0}, "'cutoff' is 1.0; allowed is a length"),
        ("LennardJonesFluid", {"charge": "1 nm"}, "allowed is a charge with its unit"),
        ("WaterBox", {"nonbondedMethod": "pme"}, "allowed is one of NoCutoff, CutoffNonPeriodic"),
        ("WaterBox", {"model": "tip9p"}, "cannot be built with the options given .model.: "
         "Specified water model 'tip9p' is not in list"),
        ("MolecularIdealGas", {"shake": "x"}, "'shake' cannot be set in a config"),
        ("LennardJonesFluid", {"nparticles": 20, "reduced_density": 0.8},
         "is 0.994 nm wide, less than twice the cutoff of 1.02 nm"),
        ("HarmonicOscillatorArray", {"N": 0}, "has no particles with these options"),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused_in_one_sentence(name, options, message):
    # Settings of jobs are in internal units, and options keep their units there.
    settings = testsystem(name, **options)
    with pytest.raises(InputError, match=message) as error:
        builder.describe(settings)
    assert str(error.value).startswith("options: ")
    assert "\n" not in str(error.value)


def test_equal_quantities_give_the_same_job(config):
    texts = []
    for sigma in ("3.4 angstrom", "0.34 nm"):
        entry = ARGON | {"options": ARGON["options"] | {"sigma": sigma}}
        checked = load_config(with_system(config, entry, ATOMS))
        texts.append(stages.prepare_job(checked, "own").canonical())
    assert texts[0] == texts[1]
    again = stages.PrepareJob.read(texts[0])
    assert again.canonical() == texts[0]
    assert again.system.options["sigma"] == "0.34 nanometer"


def test_options_reach_the_constructor():
    own = builder.constructed(
        testsystem(
            "LennardJonesFluid",
            nparticles=216,
            reduced_density=0.8,
            sigma="0.4 nm",
            epsilon="1.5 kJ/mol",
            mass="20 amu",
            cutoff="1 nm",
            switch_width=None,
            charge="0.1 e",
        ),
        0,
    )
    force = next(f for f in own.system.getForces() if isinstance(f, openmm.NonbondedForce))
    charge, sigma, epsilon = (value._value for value in force.getParticleParameters(1))
    assert (abs(charge), sigma, epsilon) == pytest.approx((0.1, 0.4, 1.5))
    assert own.system.getParticleMass(0)._value == pytest.approx(20.0)
    assert force.getCutoffDistance()._value == pytest.approx(1.0)
    assert not force.getUseSwitchingFunction()
    peptide = builder.constructed(testsystem("AlanineDipeptideVacuum", constraints="none"), 0)
    assert peptide.system.getNumConstraints() == 0
    usual = builder.constructed(testsystem("AlanineDipeptideVacuum"), 0)
    assert usual.system.getNumConstraints() > 0


@pytest.mark.parametrize(
    ("name", "counts", "bonds"),
    [
        ("DiatomicFluid", {"N2": 250}, 250),
        ("ConstrainedDiatomicFluid", {"N2": 250}, 250),
        ("SodiumChlorideCrystal", {"Na": 1, "Cl": 1}, 0),
        ("DoubleWellChain_WCAFluid", {"Ar3": 1, "Ar": 213}, 2),
        ("WaterCluster", {"HOH": 20}, 40),
        ("AMOEBAIonBox", {"Ca": 1, "HOH": 215}, 430),
    ],
)
def test_incomplete_topologies_have_molecules_of_one_kind_each(name, counts, bonds):
    topology = input_topology(testsystem(name))
    molecules = Molecules(topology)
    assert molecules.counts() == counts
    assert topology.n_bonds == bonds
    for kind, count in counts.items():
        assert len(molecules.copies(kind, "here").first_atoms) == count


def test_bonds_of_diatomic_molecules_join_their_own_atoms():
    topology = input_topology(testsystem("DiatomicFluid", nmolecules=3, reduced_density=0.001))
    assert [(a.index, b.index) for a, b in topology.bonds] == [(0, 1), (2, 3), (4, 5)]
    mapping = MappingSettings.model_validate({"molecules": {"N2": {"template": "heavy"}}})
    beads = build_beads(mapping, topology, "mappings.own")
    assert beads.topology.composition[0][1] == 3
    assert beads.topology.bonds == ((0, 1), (2, 3), (4, 5))
    # Both ends are one type.
    assert len(set(beads.topology.types)) == 1


def test_ions_are_placed_by_the_seed():
    settings = testsystem("WaterBox", **SMALL, ionic_strength="0.5 mol/L")
    first, again, other = (builder.constructed(settings, seed) for seed in (4, 4, 5))
    assert (first.positions._value == again.positions._value).all()
    assert (first.positions._value != other.positions._value).any()
    names = [residue.name for residue in first.topology.residues()]
    assert names == [
        residue.name for residue in builder.constructed(settings, 0).topology.residues()
    ]
    assert {"NA", "CL"} <= set(names)


def test_overlapping_particles_are_separated_and_equilibrated_ones_are_kept():
    fluid = testsystem("LennardJonesFluid", nparticles=216, reduced_density=0.8)
    assert largest_force(builder.constructed(fluid, 0)) > 1e6
    assert largest_force(build(fluid, 0)) < builder.LARGEST_FORCE
    vacuum = testsystem("TolueneVacuum")
    moved = np.array((build(vacuum, 0).positions - builder.constructed(vacuum, 0).positions)._value)
    # Only by the constraints, which the file's rounded positions break a little.
    assert np.abs(moved).max() < 1e-3


def largest_force(prepared) -> float:
    context = openmm.Context(
        prepared.system, openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("Reference"),
    )  # fmt: skip
    context.setPositions(prepared.positions)
    forces = context.getState(forces=True).getForces(asNumpy=True)._value
    return float(np.linalg.norm(forces, axis=1).max())


def test_a_config_with_a_test_system_is_checked_and_the_system_built_once(config, monkeypatch):
    builder._described.cache_clear()
    built = []
    original = builder._made
    monkeypatch.setattr(builder, "_made", lambda *a: built.append(a[0]) or original(*a))
    whole = with_system(config, ARGON, ATOMS)
    checked = load_config(whole)
    check_structures(checked)
    assert built == ["LennardJonesFluid"]
    assert inputs.start(checked, "own", "cold") is None
    # A network of one molecule cannot take 216 atoms in a box.
    whole["experiments"]["one"]["potential"] = "network"
    with pytest.raises(InputError, match="'network' is of kind 'cgnet', a potential of a single"):
        check_structures(load_config(whole))
    wrong = whole | {"systems": {"own": ARGON | {"options": {"particles": 2}}}}
    with pytest.raises(InputError, match=r"^systems\.own\.options: LennardJonesFluid has no"):
        check_structures(load_config(wrong))


def test_equilibration_is_for_periodic_systems_that_ask_for_it(config):
    checked = load_config(with_system(config, ARGON | {"equilibration": {}}, ATOMS))
    check_structures(checked)
    assert inputs.start(checked, "own", "cold") is not None
    assert stages.equilibrate_job(checked, "own", "cold").pressure == 1.0
    # How it is equilibrated changes nothing in the prepared system.
    plain = load_config(with_system(config, ARGON, ATOMS))
    jobs = [stages.prepare_job(one, "own").canonical() for one in (checked, plain)]
    assert jobs[0] == jobs[1]
    array = {"kind": "testsystem", "name": "HarmonicOscillatorArray", "equilibration": {}}
    wrong = load_config(with_system(config, array, ATOMS))
    with pytest.raises(InputError, match=r"systems\.own\.equilibration: .* not in a periodic box"):
        check_structures(wrong)


def test_forces_on_no_groups_of_atoms_are_left_out():
    """A box of water and an ion has no planar groups; all else acts as openmmtools made it."""
    original = testsystems.AMOEBAIonBox()
    whole = {force.getName() for force in original.system.getForces()}
    made = builder.constructed(testsystem("AMOEBAIonBox"), 1)
    kept = {force.getName() for force in made.system.getForces()}
    assert whole - kept == {
        "AmoebaOutOfPlaneBendForce", "AmoebaInPlaneAngleForce", "AmoebaPiTorsionForce",
        "AmoebaStretchBendForce",
    }  # fmt: skip
    assert kept < whole and {"AmoebaVdwForce", "AmoebaMultipoleForce", "HarmonicBondForce"} < kept
