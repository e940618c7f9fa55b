"""Configuration maps and force maps."""

import numpy as np
import pytest

from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.force_maps import build_force_map, rigid_groups
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.peptide import PeptideSettings
from meanforce.systems import peptide
from meanforce.systems.topology import input_topology


@pytest.fixture(scope="module")
def alanine(root):
    settings = PeptideSettings(
        kind="peptide",
        structure=str(root / "resources" / "capped_alanine.pdb"),
        force_field=["amber99sbildn.xml", "amber99_obc.xml"],
    )
    topology = input_topology(settings)
    system = peptide.build(settings).system
    constraints = [
        tuple(system.getConstraintParameters(i)[:2]) for i in range(system.getNumConstraints())
    ]
    return topology, constraints


def force_map(alanine, settings: MappingSettings) -> np.ndarray:
    topology, constraints = alanine
    beads = build_beads(settings, topology, "m")
    names = [str(atom) for atom in topology.atoms]
    return build_force_map(
        settings.force_map, beads, topology.n_atoms, constraints, names, "m"
    ).toarray()


def test_templates_choose_the_documented_beads(alanine):
    topology, _ = alanine
    heavy = build_beads(MappingSettings(template="heavy"), topology, "m")
    core = build_beads(MappingSettings(template="core_beta"), topology, "m")
    assert len(heavy.names) == 10
    assert len(heavy.bonds) == 9
    assert core.names == ("ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-CB", "ALA2-C", "NME3-N")
    assert core.bonds == ((0, 1), (1, 2), (2, 3), (2, 4), (4, 5))
    # All atoms are heavy atoms or bonded to one.
    assert heavy.masses.sum() == pytest.approx(144.17, abs=0.05)


@pytest.mark.parametrize("template", ["heavy", "core_beta"])
def test_aggregate_is_a_force_map_that_constraints_allow(alanine, template):
    topology, constraints = alanine
    settings = MappingSettings(template=template, force_map="aggregate")
    matrix = force_map(alanine, settings)
    beads = build_beads(settings, topology, "m")
    np.testing.assert_allclose(
        matrix @ beads.matrix(topology.n_atoms).toarray().T, np.eye(len(beads.names))
    )
    for first, second in constraints:
        np.testing.assert_array_equal(matrix[:, first], matrix[:, second])


def test_aggregate_of_all_heavy_atoms_keeps_the_total_force(alanine):
    matrix = force_map(alanine, MappingSettings(template="heavy", force_map="aggregate"))
    np.testing.assert_array_equal(matrix.sum(axis=0), 1.0)


def test_slice_is_refused_where_a_constraint_makes_it_wrong(alanine):
    with pytest.raises(InputError, match=r"'slice' gives .* and .*unequal .*use 'aggregate'"):
        force_map(alanine, MappingSettings(template="heavy", force_map="slice"))


def test_slice_is_right_without_constraints(alanine):
    topology, _ = alanine
    matrix = force_map((topology, []), MappingSettings(template="heavy", force_map="slice"))
    assert matrix.sum() == 10


def test_weights_of_a_bead_of_many_atoms(alanine):
    topology, _ = alanine
    by_mass = build_beads(
        MappingSettings(beads={"CO": "resname ALA and (name C or name O)"}), topology, "m"
    )
    assert by_mass.weights[0] == pytest.approx((12.011 / 28.010, 15.999 / 28.010), abs=1e-3)
    geometric = build_beads(
        MappingSettings(beads={"CO": "resname ALA and (name C or name O)"}, weights="geometry"),
        topology,
        "m",
    )
    assert geometric.weights[0] == (0.5, 0.5)
    matrix = geometric.matrix(topology.n_atoms)
    assert matrix.sum() == pytest.approx(1.0)


def test_rigid_groups_follow_chains_of_constraints():
    groups = rigid_groups(5, [(0, 1), (1, 2)])
    assert groups[0] == groups[1] == groups[2]
    assert len(set(groups)) == 3


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("heavy", "aggregate"), ("all", "aggregate"), ("core_beta", "optimal"), ("ca", "optimal"),
        ("ca_side_chain", "optimal"),
    ],
)  # fmt: skip
def test_force_map_where_none_is_given(template, wanted):
    assert MappingSettings(template=template).force_map == wanted
    assert MappingSettings(template=template, force_map="slice").force_map == "slice"
    assert MappingSettings(beads={"A": "name CA"}).force_map == "aggregate"
