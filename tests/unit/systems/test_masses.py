"""Masses of atoms for beads: those of the force field, without mass that was moved to hydrogens."""

import numpy as np
import openmm
import pytest
from openmm import app

from meanforce.mapping.configuration import build_beads
from meanforce.settings.job import validated
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.registry import System
from meanforce.systems.atoms import input_atoms
from meanforce.systems.masses import particle_masses, physical_masses
from meanforce.systems.registry import describe
from meanforce.systems.topology import input_topology

CHAINS = {
    "kind": "liquid", "molecules": {"C24": {"count": 4}},
    "force_field": ["resources/force_fields/trappe_ua_c24.xml"],
    "density": 0.5, "nonbonded_cutoff": 0.6, "constraints": "none",
}  # fmt: skip
PROPANE = CHAINS | {
    "molecules": {"PRP": {"count": 15}},
    "force_field": ["resources/force_fields/opls_aa_alkanes.xml"],
    "constraints": "h_bonds",
}
CARBON, HYDROGEN = (one.mass._value for one in (app.element.carbon, app.element.hydrogen))


@pytest.fixture(autouse=True)
def _in_the_repository(root, monkeypatch):
    monkeypatch.chdir(root)


def settings(values, **changes):
    return validated(System, values | changes, "system")


@pytest.mark.parametrize("kind", ["sum", "consistent"])
@pytest.mark.parametrize("per_bead", [2, 3])
def test_united_atoms_have_the_masses_of_their_force_field(per_bead, kind):
    """TraPPE: CH3 15.035 u, CH2 14.027 u; their element is carbon."""
    chosen = settings(CHAINS)
    n_beads = 24 // per_bead
    names = [[f"C{per_bead * k + i + 1}" for i in range(per_bead)] for k in range(n_beads)]
    given = {"beads": {f"B{k + 1}": one for k, one in enumerate(names)}}
    mapping = validated(MappingSettings, {"molecules": {"C24": given}, "masses": kind}, "m")
    beads = build_beads(mapping, input_topology(chosen), "m", input_atoms(chosen))
    end, middle = 15.035 + 14.027 * (per_bead - 1), 14.027 * per_bead
    wanted = [end, *[middle] * (n_beads - 2), end]
    np.testing.assert_allclose(beads.masses, wanted * 4, rtol=1e-12)
    assert beads.weights[0] == pytest.approx([15.035 / end, *[14.027 / end] * (per_bead - 1)])
    assert beads.weights[1] == pytest.approx([1 / per_bead] * per_bead)
    # The whole chain, 338.664 u.
    assert beads.masses.sum() == pytest.approx(4 * 338.664)


def test_mass_that_was_moved_onto_hydrogens_goes_back():
    """To the bit, so that beads do not depend on the time step of the simulation."""
    plain, heavy = settings(PROPANE), settings(PROPANE, hydrogen_mass=3.0)
    simulated = particle_masses(describe(heavy).parametrised())
    assert simulated[0] == pytest.approx(CARBON - 3 * (3.0 - HYDROGEN), abs=0.02)
    found = [input_atoms(one).masses for one in (plain, heavy)]
    np.testing.assert_array_equal(*found)
    elements = [atom.element.symbol for atom in input_topology(plain).atoms]
    assert found[0].tolist() == [{"C": CARBON, "H": HYDROGEN}[symbol] for symbol in elements]


def made(*atoms: tuple[app.Element | None, float], bonds=()) -> np.ndarray:
    """Physical masses of atoms with these elements and masses in u."""
    system, topology = openmm.System(), app.Topology()
    residue = topology.addResidue("X", topology.addChain())
    added = []
    for element, mass in atoms:
        system.addParticle(mass)
        added.append(topology.addAtom("A", element, residue))
    for one, other in bonds:
        topology.addBond(added[one], added[other])
    return physical_masses(system, topology)


def test_isotopes_united_atoms_and_atoms_held_in_place():
    carbon, hydrogen = app.element.carbon, app.element.hydrogen
    # Deuterium takes nothing from its carbon.
    assert made((carbon, 12.011), (hydrogen, 2.014), bonds=[(0, 1)]).tolist() == [12.011, 2.014]
    # Two groups beside each other: a heavy hydrogen, and a united CH2.
    found = made((carbon, 10.019), (hydrogen, 3.0), (carbon, 14.027), bonds=[(0, 1), (0, 2)])
    assert found.tolist() == [CARBON, HYDROGEN, 14.027]
    # Without mass in the simulation: held in place, and a site of water.
    assert made((carbon, 0.0), (None, 0.0)).tolist() == [CARBON, 0.0]
    # A bead, which has no element.
    assert made((None, 72.0)).tolist() == [72.0]
