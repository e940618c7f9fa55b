"""Bad collective variables, and bad units of what stands along them: one clear message each."""

import pytest
from config_changes import ALANINE, PSI, assert_refused, both, declare, put, static, umbrella

from meanforce.sampling.check import check_structures
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.load import load_config


def combination(**coefficients):
    """A combination `s` beside a length, a cosine and another combination."""
    return both(
        declare("d", "distance", beads=PSI[:2]),
        declare("c", "cos_dihedral", beads=PSI),
        declare("twice", "combination", coefficients={"d": 2.0}),
        declare("core", "distance", beads=PSI[:2]),
        put("collective_variables", ALANINE, "core", "mapping", "core_beta"),
        declare("s", "combination", coefficients=coefficients),
    )


VARIABLES = r"collective_variables\.capped_alanine"

BAD = {
    "too few beads": (
        declare("c", "cos_dihedral", beads=PSI[:3]),
        rf"{VARIABLES}\.c: a cos_dihedral takes 4 beads, given 3",
    ),
    "a bead of a path": (
        declare("d", "distance", beads=[PSI[0], "../x"]),
        rf"{VARIABLES}\.d\.beads\S*: '\.\./x' is not the name of a bead, such as 'ALA2-CA'",
    ),
    "key of another kind": (
        declare("d", "distance", beads=PSI[:2], radius="0.5 nm"),
        rf"{VARIABLES}\.d: 'radius' is required for the kind 'coordination', and not allowed",
    ),
    "coordination without a radius": (
        declare("n", "coordination", beads=PSI[:1], other_beads=PSI[1:]),
        rf"{VARIABLES}\.n: 'radius' is required for the kind 'coordination'",
    ),
    "coordination of one bead with itself": (
        declare("n", "coordination", beads=PSI[:1], other_beads=PSI[:1], radius="0.5 nm"),
        rf"{VARIABLES}\.n: a coordination takes two groups of beads that form at least",
    ),
    "radius without a unit": (
        declare("n", "coordination", beads=PSI[:1], other_beads=PSI[1:], radius=0.5),
        rf"{VARIABLES}\.n\.radius: 0.5 has no unit; give a length such as '0.5 nm'",
    ),
    "unknown bead of the second group": (
        declare("n", "coordination", beads=PSI[:1], other_beads=["NME3-NX"], radius="0.5 nm"),
        rf"{VARIABLES}\.n\.other_beads: there is no bead 'NME3-NX'; known: .*did you mean NME3-N",
    ),
    "unknown member": (
        combination(e=1.0),
        rf"{VARIABLES}\.s\.coefficients: there is no collective variable 'e'; known: c, core, d,",
    ),
    "combination of a combination": (
        combination(d=1.0, twice=1.0),
        rf"{VARIABLES}\.s\.coefficients: 'twice' is a combination; name its members instead",
    ),
    "combination of dihedrals": (
        combination(phi=1.0, psi=1.0),
        rf"{VARIABLES}\.s\.coefficients: 'phi' is a dihedral, which jumps at ±π; .*cos_dihedral",
    ),
    "combination of lengths and numbers": (
        combination(d=1.0, c=1.0),
        rf"{VARIABLES}\.s\.coefficients: .* given: d \(length\), c \(number\)",
    ),
    "combination across mappings": (
        combination(d=1.0, core=1.0),
        rf"{VARIABLES}\.s\.coefficients: 'core' belongs to mapping 'core_beta', .* 'heavy'",
    ),
    "combination of nothing": (combination(), rf"{VARIABLES}\.s\.coefficients: given {{}};"),
    "members written by hand": (
        declare("s", "combination", coefficients={"phi": 1}, members={}),
        rf"{VARIABLES}\.s\.members: is filled in for you; a combination takes 'coefficients'",
    ),
    "rmsd without a reference": (
        declare("r", "rmsd"),
        rf"{VARIABLES}\.r: 'references' is required for the kinds rmsd, native_contacts, path_s",
    ),
    "reference for a radius of gyration": (
        declare("g", "radius_of_gyration", references=["a.pdb"]),
        rf"{VARIABLES}\.g: 'references' is required for the kinds .*, and not allowed elsewhere",
    ),
    "native contacts without a cutoff": (
        declare("q", "native_contacts", references=["a.pdb"]),
        rf"{VARIABLES}\.q: 'cutoff' is required for the kind 'native_contacts', and not allowed",
    ),
    "tolerance of an rmsd": (
        declare("r", "rmsd", references=["a.pdb"], tolerance=1.2),
        rf"{VARIABLES}\.r: 'tolerance' is allowed only for the kind 'native_contacts'",
    ),
    "rmsd of two beads": (
        declare("r", "rmsd", references=["a.pdb"], beads=PSI[:2]),
        rf"{VARIABLES}\.r: a rmsd takes at least 3 beads, given 2",
    ),
    "rmsd from a file that is not there": (
        declare("r", "rmsd", references=["a.pdb"]),
        rf"{VARIABLES}\.r\.references: the file 'a\.pdb' does not exist",
    ),
    "structures written by hand": (
        declare("r", "rmsd", references=["a.pdb"], structures=[]),
        rf"{VARIABLES}\.r\.structures: is filled in for you; a kind of whole structures takes",
    ),
    "combination of a whole structure": (
        both(
            declare("g", "radius_of_gyration"),
            declare("s", "combination", coefficients={"g": 1.0}),
        ),
        rf"{VARIABLES}\.s\.coefficients: 'g' is a radius_of_gyration, a function of a whole",
    ),
    "potential of a whole structure": (
        both(
            put("collective_variables", "muller_brown", "g", {
                "kind": "radius_of_gyration", "mapping": "x",
            }),
            put("potentials", "spline", "collective_variable", "g"),
        ),
        r"potentials\.spline\.collective_variable: 'g' is a radius_of_gyration, a function of a",
    ),
    "width of a squared distance": (
        both(
            declare("z", "path_z", references=["a.pdb"]),
            put("campaigns", ALANINE, "metadynamics", "collective_variables", ["z"]),
            put("campaigns", ALANINE, "metadynamics", "width", ["0.1 nm"]),
            put("campaigns", ALANINE, "reference", "collective_variables", ["z"]),
            put("campaigns", ALANINE, "reference", "width", ["0.1 nm"]),
        ),
        r"metadynamics\.width: given 0\.1 nm, but 'z' is an area, such as '0\.01 nm\^2'",
    ),
    "force constant of a squared distance": (
        both(
            declare("z", "path_z", references=["a.pdb"]),
            umbrella(
                collective_variables=["z"], force_constant=["1000 kJ/mol/nm^2"],
                rows=[{"first": "0 nm^2", "last": "0.1 nm^2", "number": 3}],
            ),
        ),
        r"unbiased\.force_constant: 'z' takes a force constant such as '1e5 kJ/mol/nm\^4'",
    ),
    "number for an angle": (
        put("campaigns", ALANINE, "metadynamics", "width", [0.35, 0.35]),
        r"campaigns\.capped_alanine\.metadynamics\.width: given 0.35, but 'phi' is an angle, such",
    ),
    "length for an angle": (
        static(center=["0.1 nm"]),
        r"unbiased\.gaussians\[0\]\.center: given 0.1 nm, but 'phi' is an angle, such as '0.35",
    ),
    "angle for a number": (
        both(
            declare("phi", "cos_dihedral", beads=PSI),
            put("campaigns", ALANINE, "metadynamics", "collective_variables", ["psi"]),
            put("campaigns", ALANINE, "metadynamics", "width", ["0.35 rad"]),
            put("campaigns", ALANINE, "reference", "collective_variables", ["psi"]),
            put("campaigns", ALANINE, "reference", "width", ["0.35 rad"]),
            static(center=[0], width=["20 deg"]),
        ),
        r"gaussians\[0\]\.width: given 0.349066 rad, but 'phi' is a number without a unit, such as",
    ),
    "angle for the length of a combination": (
        both(
            combination(d=1.0),
            put("validation", ALANINE, {"surface": ["s"], "lower": ["0 rad"], "upper": ["1 nm"]}),
        ),
        r"validation\.capped_alanine\.lower: given 0 rad, but 's' is a length, such as '0.5 nm'",
    ),
    "force constant along a length for an angle": (
        umbrella(force_constant=["1000 kJ/mol/nm^2"]),
        r"unbiased\.force_constant: 'phi' takes a force constant such as '200 kJ/mol/rad\^2'",
    ),
    "force constant without a unit": (
        umbrella(force_constant=[200]),
        r"unbiased\.force_constant\.0: 200 is not a force constant > 0, such as '1000 kJ/mol/nm",
    ),
    "windows along a length for an angle": (
        umbrella(rows=[{"first": "-1 rad", "last": "1 nm", "number": 3}]),
        r"unbiased\.rows\.last: given 1 nm, but 'phi' is an angle",
    ),
    "a variable called like an extent": (
        declare("end_to_end", "dihedral", beads=PSI),
        r"collective_variables\.capped_alanine\.end_to_end: metrics have this name for the extents",
    ),
    "a variable called like a slow mode": (
        declare("tica_1", "dihedral", beads=PSI),
        r"collective_variables\.capped_alanine\.tica_1: metrics have this name for the slowest",
    ),
    "a variable called like another one's reference": (
        declare("psi_reference", "dihedral", beads=PSI),
        r"psi_reference: metrics of 'psi' end with '_reference'",
    ),
    "single windows without a unit": (
        umbrella(rows=None, centers=[["1 rad"], [2]]),
        r"unbiased\.centers\[1\]: given 2, but 'phi' is an angle",
    ),
    "length in a basin": (
        put("validation", ALANINE, "basins", "beta", [{"psi": ["1 rad", "2 nm"]}]),
        r"validation\.capped_alanine\.basins\.beta: given 2 nm, but 'psi' is an angle",
    ),
    "angle for the end of a basis": (
        put("potentials", "spline", "upper", "900 rad"),
        r"potentials\.spline\.upper: given 900 rad, but 'x' is a length",
    ),
    "number for the width of a shared bias": (
        put("simulations", "muller_brown", "bias", "width", [1.5]),
        r"simulations\.muller_brown\.bias\.width: given 1.5, but 'x' is a length",
    ),
    "shape for a coordinate": (
        put("simulations", "muller_brown", "bias", "width", ["1.5 kg"]),
        r"bias\.width\.0: '1.5 kg' is not a length, an angle or a number, such as '0.5 nm'",
    ),
    "variable whose members are no functions of the beads": (
        both(
            declare("d", "distance", beads=[PSI[0], "ALA2-O"]),
            declare("s", "combination", coefficients={"d": 1.0}),
            static(center=["0 nm"], width=["1 nm"]),
            put("campaigns", ALANINE, "unbiased", "collective_variables", ["s"]),
            put(
                "experiments", "capped_alanine_metadynamics_core_beta_cgnet",
                "campaigns", ["unbiased"],
            ),
        ),
        r"core_beta_cgnet: campaign 'unbiased' biases 's', which is not a function of the beads "
        r"of mapping 'core_beta' \(bead 'ALA2-O'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_message_names_key_given_and_allowed(config, name):
    assert_refused(config, *BAD[name])


def test_variables_without_a_unit_take_numbers(config):
    both(
        declare("c", "cos_dihedral", beads=PSI),
        static(center=["-1"], width=[0.2]),
        put("campaigns", ALANINE, "unbiased", "collective_variables", ["c"]),
        put("validation", ALANINE, {"surface": ["c"], "lower": [-1], "upper": [1.0]}),
    )(config)
    loaded = load_config(config)
    check_structures(loaded)
    assert loaded.campaigns[ALANINE]["unbiased"].gaussians[0].center == [-1.0]
    config["campaigns"][ALANINE]["unbiased"].pop("gaussians")
    rows = [{"first": -1, "last": "1", "number": 3}]
    umbrella(collective_variables=["c"], rows=rows, force_constant=["50 kJ/mol"])(config)
    loaded = load_config(config)
    assert loaded.campaigns[ALANINE]["unbiased"].windows() == [(-1.0,), (0.0,), (1.0,)]
    assert loaded.campaigns[ALANINE]["unbiased"].force_constant == [50.0]


def test_beads_of_copies_have_names_with_the_number_of_their_molecule():
    beads = ["HOH#1-W", "HOH#17-W"]
    variable = CollectiveVariableSettings(kind="distance", mapping="m", beads=beads)
    assert variable.bead_names == beads
