"""Test systems of openmmtools, sampled for some steps and mapped."""

import contextlib
import io

import numpy as np
import openmm
import pytest
from sampled_systems import prepared_in, run_of, testsystem

from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.groups import groups_of
from meanforce.mapping.molecules import Molecules
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.testsystem_names import USABLE
from meanforce.systems import testsystem as testsystems
from meanforce.systems.registry import describe
from meanforce.systems.topology import input_topology, prepared_topology

SMALL = {"box_edge": "1.5 nm", "cutoff": "0.7 nm", "nonbondedMethod": "CutoffPeriodic"}
WATER = {"molecules": {"HOH": {"beads": {"W": ["O", "H1", "H2"]}}}}

LARGE = (
    "GiantFlexibleWaterBox", "GiantFlexibleDischargedWaterBox", "DHFRExplicit",
    "DNADodecamerExplicit", "LysozymeImplicit", "SrcImplicit", "SrcExplicit",
    "SrcExplicitReactionField",
)  # fmt: skip
"""Those of more than 2,500 atoms that take minutes; they are left out of the trial."""

RUNS: dict[str, tuple[dict, dict, int, bool]] = {
    "LennardJonesFluid": (
        {"nparticles": 216, "reduced_density": 0.8},
        {"molecules": {"Ar": {"beads": {"A": ["Ar"]}}}}, 216, True,
    ),
    "WaterBox": (SMALL, WATER, 102, True),
    "FourSiteWaterBox": (SMALL, WATER, 103, True),
    "MethanolBox": ({}, {"molecules": {"MOH": {"template": "heavy"}}}, 250, True),
    "AlanineDipeptideExplicit": ({}, {"template": "core_beta", "force_map": "optimal"}, 6, True),
    "AlanineDipeptideImplicit": ({}, {"template": "heavy"}, 10, False),
    "TolueneImplicit": ({}, {"template": "heavy"}, 7, False),
    "Diatom": ({"r0": "1.6 angstrom"}, {"template": "heavy"}, 2, False),
    "WaterCluster": ({}, WATER, 20, False),
    "HarmonicOscillatorArray": ({}, {"molecules": {"Ar": {"template": "heavy"}}}, 5, False),
    "DiatomicFluid": (
        {"nmolecules": 50}, {"molecules": {"N2": {"template": "heavy"}}}, 100, True,
    ),
    "ConstrainedDiatomicFluid": (
        {"nmolecules": 50}, {"molecules": {"N2": {"beads": {"N": ["N1", "N2"]}}}}, 50, True,
    ),
    "DoubleWellDimer_WCAFluid": (
        {"ndimers": 3},
        {"molecules": {"Ar2": {"template": "heavy"}, "Ar": {"template": "heavy"}}}, 216, True,
    ),
}  # fmt: skip
"""Options, mapping, number of beads, and whether the system is periodic."""


@pytest.mark.parametrize("name", RUNS)
def test_it_builds_samples_and_maps(name, tmp_path):
    options, mapping, n_beads, periodic = RUNS[name]
    settings = testsystem(name, **options)
    assert describe(settings).periodic == periodic
    folder = prepared_in(settings, tmp_path)
    wanted, found = input_topology(settings), prepared_topology(folder / "topology.cif")
    assert [str(atom) for atom in found.atoms] == [str(atom) for atom in wanted.atoms]
    assert {(a.index, b.index) for a, b in found.bonds} == {
        (a.index, b.index) for a, b in wanted.bonds
    }
    run = run_of(folder, mapping)
    with run.dataset as dataset:
        assert dataset.n_frames == 4
        positions, forces = dataset.positions(), dataset.forces()
        assert positions.shape == forces.shape == (4, n_beads, 3)
        assert np.isfinite(positions).all() and np.isfinite(forces).all()
        assert (forces != 0).any() or name == "HarmonicOscillatorArray"
        assert (dataset.box() is not None) == periodic


def test_the_force_on_rigid_four_site_water_counts_its_massless_site_once(tmp_path):
    """Force of a dataset against the energy of a molecule that is moved as a whole."""
    folder = prepared_in(testsystem("FourSiteWaterBox", **SMALL), tmp_path)
    run = run_of(folder, WATER, platform="Reference")
    with run.trajectory as frames, run.dataset as dataset:
        positions = frames.positions(slice(0, 1))[0].astype(float)
        mapped = dataset.forces(slice(0, 1))[0, 0]
    context = openmm.Context(
        run.prepared.system, openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("Reference"),
    )  # fmt: skip

    def energy(shift: np.ndarray) -> float:
        moved = positions.copy()
        moved[:4] += shift
        context.setPositions(moved)
        return context.getState(energy=True).getPotentialEnergy()._value

    step = 1e-4
    slopes = [(energy(-step * axis) - energy(step * axis)) / (2 * step) for axis in np.eye(3)]
    # Positions of a trajectory are in single precision; the force on M alone is hundreds.
    assert mapped == pytest.approx(slopes, abs=2.0)
    with run.forces as forces:
        counted_twice = forces.forces(slice(0, 1))[0, :4].sum(axis=0)
    assert np.linalg.norm(counted_twice - slopes) > 100.0


def test_sites_without_mass_are_in_no_bead_and_in_no_group_of_a_force_map():
    topology = input_topology(testsystem("FourSiteWaterBox", **SMALL))
    sites = [atom.index for atom in topology.atoms if atom.name == "M"]
    mapping = MappingSettings.model_validate(
        {"molecules": {"HOH": {"beads": {"W": ["O", "H1", "H2", "M"]}}}}
    )
    with pytest.raises(InputError, match=r"beads\.W: HOH1-M is a site without mass"):
        build_beads(mapping, topology, "mappings.own")
    heavy = MappingSettings.model_validate({"molecules": {"HOH": {"template": "heavy"}}})
    assert build_beads(heavy, topology, "here").topology.composition[0][0].size == 1
    groups = groups_of(SystemAtoms.of(topology), "whole")
    assert (groups.of_atom[sites] == -1).all()
    others = np.delete(groups.of_atom, sites)
    assert sorted(others) == list(range(groups.count))


SMALLEST = {"box_edge": "2.05 nm"}
"""For boxes of water, whose cutoff is 1 nm."""


@pytest.mark.slow
@pytest.mark.extended
def test_trial_of_all_test_systems(tmp_path, monkeypatch):
    """Each one, in a small box: it builds, takes four steps, and maps a bead for each molecule.

    Those that the test above runs are left out. `pytest -s` prints the table.
    """
    # Enough for the four steps.
    monkeypatch.setattr(testsystems, "MINIMISER_ITERATIONS", 10)
    steps = {"length": 0.004, "stride": 0.001}
    failed = {}
    for name in USABLE:
        if name in LARGE or name in RUNS:
            continue
        folder = tmp_path / name
        folder.mkdir()
        try:
            with contextlib.redirect_stderr(io.StringIO()):
                options = SMALLEST if SMALLEST.keys() <= testsystems.options_of(name).keys() else {}
                prepared = prepared_in(testsystem(name, **options), folder)
                topology = prepared_topology(prepared / "topology.cif")
                kinds = Molecules(topology).counts()
                whole = {"beads": {"B": "mass > 0.5"}}
                # Some small ones begin exactly at their minimum, where forces are rounding.
                warm = {"equilibration": 5.0} if topology.n_atoms < 10 else {}
                run = run_of(prepared, {"molecules": dict.fromkeys(kinds, whole)}, **warm, **steps)
            with run.dataset as dataset:
                print(f"{name}: {topology.n_atoms} atoms, {kinds}, {dataset.n_frames} frames")
        except InputError as error:
            failed[name] = str(error)
            print(f"{name}: {error}")
    assert not failed
