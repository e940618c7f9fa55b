"""Suggested ends of metadynamics grids contain the start, and are accepted."""

import copy
import re

import mdtraj
import numpy as np
import pytest
import yaml
from own_molecule import CONFIG, METADYNAMICS

from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.sampling.check import check_structures
from meanforce.sampling.check_grid import start_values
from meanforce.settings.load import load_config
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology

PHI = ["ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C"]
REFERENCE, MOVED = "reference.pdb", "moved.pdb"
VARIABLES = {
    "d": {"kind": "distance", "beads": ["ACE1-CH3", "NME3-C"]},
    "bend": {"kind": "angle", "beads": PHI[1:]},
    "phi": {"kind": "dihedral", "beads": PHI},
    "cosine": {"kind": "cos_dihedral", "beads": PHI},
    "sine": {"kind": "sin_dihedral", "beads": PHI},
    "contacts": {
        "kind": "coordination", "beads": ["ACE1-C", "ACE1-O"], "other_beads": ["NME3-N"],
        "radius": "0.4 nm",
    },
    "mixed": {"kind": "combination", "coefficients": {"cosine": 2.0, "sine": -1.0}},
    "x": {"kind": "coordinate", "beads": ["ALA2-CA"], "axis": "x"},
    "shifted": {"kind": "combination", "coefficients": {"x": 1.0, "d": 0.5}},
    "rmsd": {"kind": "rmsd", "references": [REFERENCE]},
    "gyration": {"kind": "radius_of_gyration"},
    "native": {
        "kind": "native_contacts", "references": [REFERENCE], "cutoff": "0.6 nm", "separation": 1,
    },
    "along": {"kind": "path_s", "references": [REFERENCE, MOVED]},
    "beside": {"kind": "path_z", "references": [REFERENCE, MOVED]},
}  # fmt: skip
WIDTHS = {
    "d": "0.05 nm", "bend": "0.1 rad", "phi": "0.3 rad", "x": "0.1 nm", "shifted": "0.1 nm",
    "rmsd": "0.05 nm", "gyration": "0.05 nm", "beside": "0.01 nm^2",
}  # fmt: skip


@pytest.fixture
def raw(root, tmp_path, monkeypatch):
    structure = mdtraj.load(root / "resources" / "capped_alanine.pdb")
    structure.save_pdb(str(tmp_path / REFERENCE))
    structure.xyz = structure.xyz + 0.05 * np.random.default_rng(1).normal(size=(22, 3))
    structure.save_pdb(str(tmp_path / MOVED))
    monkeypatch.chdir(tmp_path)
    values = yaml.safe_load(CONFIG)
    values["systems"]["mine"]["structure"] = str(root / "resources" / "capped_alanine.pdb")
    values["collective_variables"]["mine"] = {
        name: variable | {"mapping": "heavy"} for name, variable in VARIABLES.items()
    }
    return values


def biased(raw, *names, **changes):
    """The config with metadynamics along some variables."""
    values = copy.deepcopy(raw)
    values["campaigns"]["mine"]["unbiased"] |= METADYNAMICS | {
        "collective_variables": list(names), "width": [WIDTHS.get(n, 0.1) for n in names],
    } | changes  # fmt: skip
    return load_config(values)


@pytest.mark.parametrize(
    "names",
    [(name,) for name in VARIABLES if name != "phi"] + [("phi", "d"), ("d", "cosine", "phi")],
    ids="-".join,
)
def test_suggested_ends_are_accepted(raw, names):
    with pytest.raises(InputError, match="not periodic; give 'lower' and 'upper'") as caught:
        check_structures(biased(raw, *names))
    ends = {
        key: [
            end if re.search("[a-z]", end) else float(end)
            for end in re.search(rf"'{key}: \[(.*?)\]'", str(caught.value))[1].split(", ")
        ]
        for key in ("lower", "upper")
    }
    check_structures(biased(raw, *names, **ends))


def test_ends_that_do_not_contain_the_start_are_refused_on_both_sides(raw):
    for lower, upper, key in (("0.1 nm", "0.5 nm", "upper"), ("0.9 nm", "1.2 nm", "lower")):
        with pytest.raises(InputError, match=rf"unbiased\.{key}: 'd' is 0\.\d+ nm in the struct"):
            check_structures(biased(raw, "d", lower=[lower], upper=[upper]))


def test_a_grid_along_dihedrals_needs_no_ends(raw):
    assert check_structures(biased(raw, "phi")) == []


def test_one_missing_end_is_refused(raw):
    with pytest.raises(InputError, match="'lower' and 'upper' need a value for 'cosine'"):
        biased(raw, "d", "cosine", lower=["0 nm"], upper=["1 nm"])


def test_start_values_are_those_of_the_structure(raw):
    """Against MDTraj, for beads of one atom and of several."""
    raw["mappings"]["mine"]["pair"] = {
        "beads": {"CO": ["ACE1-C", "ACE1-O"], "NH": ["NME3-N", "NME3-H"]}, "weights": "mass",
    }  # fmt: skip
    raw["collective_variables"]["mine"]["far"] = {
        "kind": "distance", "mapping": "pair", "beads": ["CO", "NH"],
    }  # fmt: skip
    config = load_config(raw)
    described = describe(config.systems["mine"])
    topology = described_topology(described)
    beads = {
        name: build_beads(mapping, topology, name)
        for name, mapping in config.mappings["mine"].items()
    }
    chosen = {name: config.variables_of("mine")[name] for name in ("phi", "d", "far")}
    phi, d, far = start_values(chosen, beads, described.positions)
    frame = mdtraj.Trajectory(described.positions[None], topology)
    heavy = beads["heavy"]
    atoms = [heavy.atoms[heavy.names.index(name)][0] for name in PHI]
    assert phi == pytest.approx(mdtraj.compute_dihedrals(frame, [atoms])[0, 0], abs=1e-5)
    ends = [heavy.atoms[heavy.names.index(name)][0] for name in ("ACE1-CH3", "NME3-C")]
    assert d == pytest.approx(mdtraj.compute_distances(frame, [ends])[0, 0], abs=1e-6)
    centres = [
        np.average(described.positions[list(members)], axis=0, weights=weights)
        for members, weights in zip(beads["pair"].atoms, beads["pair"].weights, strict=True)
    ]
    assert far == pytest.approx(np.linalg.norm(centres[0] - centres[1]), abs=1e-6)
