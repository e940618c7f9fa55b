"""Systems from files of AMBER, with the files that openmmtools ships."""

import importlib.util
import re
from pathlib import Path

import numpy as np
import openmm
import pytest
from mdtraj.formats import AmberNetCDFRestartFile
from whole_path import check_mapped, sampled_and_mapped, system_of

from meanforce.errors import InputError
from meanforce.systems.facts import facts_of
from meanforce.systems.notices import vacuum_notice
from meanforce.systems.registry import describe
from meanforce.systems.topology import input_topology

FOUND = importlib.util.find_spec("openmmtools")
pytestmark = pytest.mark.skipif(
    FOUND is None, reason="openmmtools, which has the files, is missing"
)
DATA = Path(FOUND.origin).parent / "data" if FOUND else Path()
ALANINE = DATA / "alanine-dipeptide-gbsa" / "alanine-dipeptide"
IN_WATER = DATA / "alanine-dipeptide-explicit" / "alanine-dipeptide"
METHANOL = DATA / "methanol-box" / "methanol-box"
LYSOZYME = DATA / "T4-lysozyme-L99A-implicit"
KCAL = 4.184
WARM = {"friction": 100.0, "equilibration": 0.2, "time_step": 0.002}
"""A minimised box of many atoms has to take up half of its heat first."""


def settings(stem: Path, method: str = "none", end: str = ".crd", **changes):
    files = {"topology": f"{stem}.prmtop", "structure": f"{stem}{end}"}
    return system_of(kind="amber", **(files | {"nonbonded_method": method} | changes))


def energies(described, system: openmm.System) -> dict[str, float]:
    """Energies of each kind of force, kcal/mol."""
    for number, force in enumerate(system.getForces()):
        force.setForceGroup(number)
    context = openmm.Context(
        system, openmm.VerletIntegrator(0.001), openmm.Platform.getPlatformByName("CPU")
    )
    context.setPositions(described.positions)
    found = {}
    for number, force in enumerate(system.getForces()):
        state = context.getState(energy=True, groups={number})
        found[type(force).__name__] = state.getPotentialEnergy()._value / KCAL
    return found


def test_energies_of_a_protein_are_those_of_sander():
    """Without bonds: its output leaves out those to hydrogen (`ntf = 2`)."""
    printed = (LYSOZYME / "receptor-testenergy.sander.out").read_text()
    sander = {
        name: float(value)
        for name, value in re.findall(r"(1-4 NB|1-4 EEL|\w+) +=\s+(-?\d+\.\d+)", printed)
    }
    described = describe(settings(LYSOZYME / "receptor", end="-minimized.crd", constraints="none"))
    found = energies(described, described.parametrised())
    assert found["HarmonicAngleForce"] == pytest.approx(sander["ANGLE"], abs=1e-3)
    assert found["PeriodicTorsionForce"] == pytest.approx(sander["DIHED"], abs=1e-3)
    # The constants of Coulomb's law differ in the fifth digit.
    nonbonded = sum(sander[name] for name in ("1-4 NB", "1-4 EEL", "VDWAALS", "EELEC"))
    assert nonbonded < -6000
    assert found["NonbondedForce"] == pytest.approx(nonbonded, rel=1e-4)


@pytest.mark.parametrize("model", ["hct", "obc1", "obc2", "gbn", "gbn2"])
@pytest.mark.filterwarnings("ignore:Non-optimal GB parameters")
def test_implicit_solvent(model):
    described = describe(settings(ALANINE, implicit_solvent=model))
    found = energies(described, described.parametrised())
    solvent = found.get("GBSAOBCForce", found.get("CustomGBForce"))
    # A small neutral molecule with four polar groups.
    assert -25 < solvent < -8


def test_a_peptide_samples_and_maps(tmp_path):
    found = sampled_and_mapped(
        settings(ALANINE, implicit_solvent="obc2"), {"template": "core_beta"}, tmp_path
    )
    assert found.beads.names == (
        "ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-CB", "ALA2-C", "NME3-N"
    )  # fmt: skip
    assert found.prepared.system.getNumConstraints() == 12
    check_mapped(found)


@pytest.mark.slow
def test_a_peptide_in_water_samples_and_maps(tmp_path):
    chosen = settings(IN_WATER, "pme", nonbonded_cutoff=0.9)
    found = sampled_and_mapped(chosen, {"template": "heavy"}, tmp_path, **WARM)
    assert len(found.beads.names) == 10
    check_mapped(found)
    assert found.dataset.box() is not None
    topology = input_topology(chosen)
    assert [str(r) for r in topology.residues][2:4] == ["NME3", "HOH4"]


def test_a_liquid_maps(tmp_path):
    chosen = settings(METHANOL, "pme", nonbonded_cutoff=0.8)
    heavy = [a.name for a in list(input_topology(chosen).atoms)[:6] if a.element.symbol != "H"]
    mapping = {"molecules": {"MOH": {"beads": {"M": heavy}}}}
    found = sampled_and_mapped(chosen, mapping, tmp_path, **WARM)
    assert len(heavy) == 2 and found.beads.n_molecules == 125
    check_mapped(found)


def test_netcdf_restart_files(tmp_path):
    text = describe(settings(IN_WATER, "pme"))
    with AmberNetCDFRestartFile(str(tmp_path / "start.ncrst"), "w") as file:
        lengths = 10 * np.diag(text.box)
        file.write(10 * text.positions, cell_lengths=lengths, cell_angles=[90.0] * 3)
    binary = describe(settings(IN_WATER, "pme", structure=str(tmp_path / "start.ncrst")))
    np.testing.assert_allclose(binary.positions, text.positions, atol=1e-6)
    np.testing.assert_allclose(binary.box, text.box, atol=1e-6)


def test_structures_without_a_box_and_of_other_molecules():
    with pytest.raises(InputError, match=r"'pme' needs a periodic box, but '.*dipeptide\.crd' has"):
        describe(settings(ALANINE, "pme"))
    with pytest.raises(InputError, match=r"has 750 atoms, but the topology has 22"):
        describe(settings(ALANINE, structure=f"{METHANOL}.crd"))
    with pytest.raises(InputError, match=r"cannot be read as an AMBER topology"):
        describe(settings(ALANINE, topology=f"{ALANINE}.crd"))
    with pytest.raises(InputError, match=r"structure: '.*prmtop' cannot be read|format of '.*prmt"):
        describe(settings(ALANINE, structure=f"{ALANINE}.prmtop"))


@pytest.mark.parametrize(
    ("changes", "vacuum"),
    [
        ({"stem": ALANINE}, True),
        ({"stem": ALANINE, "implicit_solvent": "obc2"}, False),
        ({"stem": IN_WATER, "method": "pme"}, False),
    ],
)
def test_a_molecule_in_vacuum_is_called_so(changes, vacuum):
    chosen = settings(**changes)
    described = describe(chosen)
    notice = vacuum_notice(chosen, facts_of(chosen, described), described.periodic)
    assert (notice is not None) == vacuum
    assert not vacuum or "give 'implicit_solvent', or files of a box with water" in notice
