"""Bad experiments: models that their potential, data, biases or engine do not allow."""

import pytest
from config_changes import ALANINE, PSI, assert_refused, both, declare, put, static
from openmm import app

from meanforce.errors import InputError
from meanforce.sampling.check import check_structures
from meanforce.settings.load import load_config

FEW = {name: [name] for name in ("ACE1-C", *PSI)} | {"ALA2-C": ["ALA2-C", "ALA2-O"]}
EXPERIMENT = "capped_alanine_metadynamics_heavy_cgnet"


def almost_equal_temperatures(config) -> None:
    """With which a slope along the temperature cannot be fitted."""
    for number, point in enumerate(config["state_points"].values()):
        point["temperature"] = f"{300 + 0.01 * number} K"


BAD = {
    "temperatures that differ by nothing": (
        almost_equal_temperatures,
        r"\.train: a potential that depends on temperature needs two state points of different tem",
    ),
    "a network without a partner": (
        put("experiments", EXPERIMENT, "ensemble", 3),
        rf"experiments\.{EXPERIMENT}\.ensemble: is 3, but members come in pairs.* give 2 or 4, ",
    ),
    "more halves than folds allow": (
        put("experiments", EXPERIMENT, "ensemble", 50),
        rf"experiments\.{EXPERIMENT}\.ensemble: is 50, but \d+ 'folds' can be halved in only "
        r"\d+ indep",
    ),
    "more jackknife members than folds": (
        put("experiments", "muller_brown_static_x_rbf", "ensemble", 50),
        r"experiments\.muller_brown_static_x_rbf\.ensemble: is 50, but 'folds' is only \d+; every",
    ),
    "bead that other weights move": (
        both(
            put("mappings", ALANINE, "heavy", {"beads": FEW, "weights": "charge"}),
            put("mappings", ALANINE, "by_mass", {"beads": FEW}),
            declare("d", "distance", beads=["ALA2-CA", "ALA2-C"]),
            put("collective_variables", ALANINE, "d", "mapping", "by_mass"),
            static(center=["0.2 nm"], width=["1 nm"]),
            put("campaigns", ALANINE, "unbiased", "collective_variables", ["d"]),
        ),
        r"campaign 'unbiased' biases 'd', which is not a function of the beads of mapping 'heavy' "
        r"\(bead 'ALA2-C' of mapping 'by_mass'",
    ),
    "variable that is no function of the beads": (
        put("mappings", ALANINE, "core_beta", {"beads": {"A": "name CA", "B": "name CB"}}),
        r"experiments\.capped_alanine_metadynamics_core_beta_cgnet: campaign 'metadynamics' biases "
        r"'phi', which is not a function of the beads of mapping 'core_beta'.*"
        r"set the experiment's 'weights: bias'",
    ),
    "unknown weights": (
        put("experiments", EXPERIMENT, "weights", "yes"),
        rf"experiments\.{EXPERIMENT}\.weights: given 'yes'; input should be 'none' or 'bias'",
    ),
    "train = held-out": (
        put("experiments", EXPERIMENT, "held_out", ["T300"]),
        rf"experiments\.{EXPERIMENT}: T300 is in both 'train' and 'held_out'",
    ),
    "one temperature for two": (
        put("experiments", EXPERIMENT, "train", ["T300"]),
        rf"experiments\.{EXPERIMENT}\.train: a potential that depends on temperature needs two",
    ),
    "two temperatures for three": (
        put("potentials", "cgnet", "temperature", "quadratic"),
        r"train: a potential that is quadratic in temperature needs three state points",
    ),
    "replica that does not exist": (
        put("experiments", EXPERIMENT, "replicas", [4]),
        rf"experiments\.{EXPERIMENT}\.replicas: 4 does not exist; campaign 'metadynamics' has 1",
    ),
    "a network in an engine of tables": (
        both(
            put("simulations", "capped_alanine", "engine", "openmm"),
            put("simulations", "capped_alanine", "bias", None),
        ),
        r"simulations\.capped_alanine\.engine: 'openmm' runs only tables of a potential of 'terms' "
        r".*; give 'engine: torch'",
    ),
    "a network at constant pressure": (
        both(
            put("simulations", "capped_alanine", "pressure", "1 bar"),
            put("simulations", "capped_alanine", "until", None),
            put("simulations", "capped_alanine", "bias", None),
        ),
        r"simulations\.capped_alanine\.pressure: the engine of a constant pressure runs only .*; "
        r"give 'pressure: null'",
    ),
    "exchange in an engine of tables": (
        both(
            put("simulations", "muller_brown", "engine", "lammps"),
            put(
                "simulations", "muller_brown", "exchange",
                {"highest": "900 K", "levels": 3, "every": "1 ps"},
            ),
        ),
        r"simulations\.muller_brown: 'exchange' is not available with 'engine: lammps'; give "
        r"'engine: torch'",
    ),
    "exchange that heats to less than a state point": (
        put(
            "simulations", "muller_brown", "exchange",
            {"highest": "350 K", "levels": 3, "every": "1 ps"},
        ),
        r"simulations\.muller_brown\.exchange\.highest: 350 K is not above state point 'T400'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_message_names_key_given_and_allowed(config, name):
    assert_refused(config, *BAD[name])


def bias_y(config, **experiment):
    """A campaign biased along the particle that no bead holds, used by one experiment."""
    system = "muller_brown"
    config["mappings"][system]["xy"] = {"beads": {"X": "name X", "Y": "name Y"}}
    config["collective_variables"][system]["y"] = {
        "kind": "coordinate", "mapping": "xy", "beads": ["Y"], "axis": "y",
    }  # fmt: skip
    gaussian = {"height": "14.97 kJ/mol", "center": ["30 nm"], "width": ["4 nm"]}
    config["campaigns"][system]["along_y"] = config["campaigns"][system]["static"] | {
        "collective_variables": ["y"], "gaussians": [gaussian],
    }  # fmt: skip
    config["experiments"]["muller_brown_static_x_spline"] |= experiment
    return load_config(config)


def test_noise_on_beads_needs_optimal_forces_and_no_bias(config):
    heavy = config["mappings"][ALANINE]["heavy"]
    heavy["noise"] = {"level": "0.005 nm"}
    with pytest.raises(InputError, match=r"heavy.*'noise' needs 'force_map: optimal'"):
        load_config(config)
    heavy["force_map"] = "optimal"
    with pytest.raises(InputError, match=r"bias of campaign 'metadynamics' is not a function"):
        check_structures(load_config(config))
    for experiment in config["experiments"].values():
        if experiment["mapping"] == "heavy":
            experiment["weights"] = "bias"
    check_structures(load_config(config))


@pytest.mark.parametrize("use", [{"campaigns": ["static", "along_y"]}, {"reference": "along_y"}])
def test_a_bias_beyond_the_beads_needs_weights(config, use):
    expected = (
        r"experiments\.muller_brown_static_x_spline: campaign 'along_y' biases 'y', which is not a "
        r"function of the beads of mapping 'x'.*set the experiment's 'weights: bias'"
    )
    with pytest.raises(InputError, match=expected):
        check_structures(bias_y(config, **use))
    check_structures(bias_y(config, **use, weights="bias"))


INVERSION = {
    "kind": "boltzmann_inversion",
    "simulation": {
        "time_step": "4 fs", "friction": "2 / ps", "equilibration": "4 ps", "length": "20 ps",
        "stride": "0.2 ps",
    },
}  # fmt: skip


def test_a_fit_to_distributions_needs_terms_and_unbiased_weights(config):
    curve = config["potentials"]["spline"]
    for kind in ("boltzmann_inversion", "hypernetted_chain", "inverse_monte_carlo"):
        with pytest.raises(InputError, match=rf"{kind}' fits only potentials of 'terms'"):
            load_config(config | {"potentials": config["potentials"] | {
                "spline": curve | {"fitting": INVERSION | {"kind": kind}}
            }})  # fmt: skip
    network = {"kind": "cgnet", "training": {"epochs": 1}, "temperature": "none"}
    entropy = INVERSION | {"kind": "relative_entropy"}
    for form, changed, message in (
        (network, {"kind": "inverse_monte_carlo"}, r"'fitting: inverse_monte_carlo' fits only"),
        (network, {"start": "direct_inversion"}, r"a network has no curves to invert; give"),
        (curve, {"descent": {"steps": 5}}, r"'fitting.descent' belongs to networks"),
        (network, {"descent": {"smallest_effective": 1.0}}, r"smallest_effective.* less than 1"),
    ):
        with pytest.raises(InputError, match=message):
            load_config(config | {"potentials": config["potentials"] | {
                "wrong": form | {"fitting": entropy | changed}
            }})  # fmt: skip
    load_config(config | {"potentials": config["potentials"] | {
        "network": network | {"fitting": entropy}
    }})  # fmt: skip
    load_config(config | {"potentials": config["potentials"] | {
        "of_x": curve | {"fitting": entropy}
    }})  # fmt: skip
    config["potentials"]["inverted"] = {"kind": "spline", "terms": {}, "fitting": INVERSION}
    experiment = next(
        one for one in config["experiments"].values() if one["campaigns"] == ["metadynamics"]
    )
    experiment["potential"] = "inverted"
    with pytest.raises(InputError, match=r"weights: is 'none', .*'metadynamics' is biased; give"):
        load_config(config)
    experiment["weights"] = "bias"
    load_config(config)


def test_weights_do_not_help_a_model_that_is_judged_or_biased_beyond_its_beads(config):
    bias_y(config, campaigns=["along_y"], weights="bias")
    config["validation"]["muller_brown"]["surface"] = ["y"]
    with pytest.raises(InputError, match="the validation uses 'y', which is not a function"):
        check_structures(load_config(config))
    config["validation"]["muller_brown"]["surface"] = ["x"]
    config["simulations"]["muller_brown"]["bias"]["collective_variables"] = ["y"]
    with pytest.raises(InputError, match="simulation 'muller_brown' biases 'y', which is not"):
        check_structures(load_config(config))


@pytest.mark.parametrize("solvated", [True, False])
def test_several_molecules_in_a_box_need_a_potential_of_them(config, tmp_path, solvated):
    """Two peptides in water are refused; without a periodic box they are accepted."""
    one, other = (app.PDBFile("resources/capped_alanine.pdb") for _ in range(2))
    for residue in other.topology.residues():
        residue.id = str(int(residue.id) + 3)
    both = app.Modeller(one.topology, one.positions)
    both.add(other.topology, other.positions)
    path = tmp_path / "two.pdb"
    with path.open("w") as file:
        app.PDBFile.writeFile(both.topology, both.positions, file, keepIds=True)
    system = config["systems"][ALANINE]
    system |= {"structure": str(path)}
    if solvated:
        for key in set(system) - {"structure", "kind"}:
            del system[key]
        system |= {
            "kind": "solvated_peptide", "padding": "1.2 nm", "constraints": "h_bonds",
            "hydrogen_mass": "4 u",
            "force_field": ["amber99sbildn.xml", "tip3p.xml"],
        }  # fmt: skip
    loaded = load_config(config)
    if not solvated:
        check_structures(loaded)
        return
    expected = (
        r"experiments\.\S+\.potential: '\S+' is of kind 'cgnet', a potential of a single molecule, "
        r"but mapping '(heavy|core_beta)' has beads of 2 molecules .* allowed are the kinds mace"
    )
    with pytest.raises(InputError, match=expected):
        check_structures(loaded)
    # A potential of beads near each other, whatever their molecules, is accepted.
    graph = {"kind": "mace", "training": {"epochs": 1}, "temperature": "linear"}
    other = {name: graph if "cgnet" in name else p for name, p in config["potentials"].items()}
    check_structures(load_config(config | {"potentials": other}))
    # With beads of one molecule, the position of the other one does not matter.
    names = [f"{residue.name}{residue.id}-{atom.name}" for residue in one.topology.residues()
             for atom in residue.atoms() if atom.element.symbol != "H"]  # fmt: skip
    for mapping in config["mappings"][ALANINE].values():
        mapping.pop("template", None)
        mapping["beads"] = {name: [name] for name in names}
    check_structures(load_config(config))
