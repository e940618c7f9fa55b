"""Checks of a config that need the molecules: do beads and collective variables exist?"""

from collections.abc import Sequence
from pathlib import Path

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.sampling.network_bias import read_model
from meanforce.sampling.static import check_formula
from meanforce.settings.config import Config
from meanforce.systems import force_field
from meanforce.systems.atoms import described_atoms
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology


def check_structures(config: Config) -> None:
    """Refuse files that do not exist, and beads and variables that the molecules do not have.

    A bias on a collective variable leaves mean forces unchanged only if the variable is a
    function of the beads of the experiment's mapping; any other is refused unless the experiment
    uses weights. What a CG model is biased or judged along must always be such a function.

    Raises:
        InputError: names the key, what was given and what is allowed.
    """
    for system, settings in config.systems.items():
        try:
            force_field.check(settings.force_field_files)
        except InputError as error:
            raise InputError(f"systems.{system}.{error}") from None
    beads: dict[tuple[str, str], Beads] = {}
    atoms: dict[str, list[str]] = {}
    periodic: dict[str, bool] = {}
    for system, mappings in config.mappings.items():
        try:
            described = describe(config.systems[system])
            topology = described_topology(described)
            # Charges are in the force field; other weights do not need it.
            by_charge = any(mapping.needs_charges for mapping in mappings.values())
            start = described_atoms(described) if by_charge else None
        except InputError as error:
            raise InputError(f"systems.{system}.{error}") from None
        atoms[system] = [atom.name for atom in topology.atoms]
        periodic[system] = described.periodic
        for name, mapping in mappings.items():
            beads[system, name] = build_beads(mapping, topology, f"mappings.{system}.{name}", start)
    for system, variables in config.collective_variables.items():
        for name, variable in variables.items():
            for key in ("beads", "other_beads"):
                for bead in getattr(variable, key) or []:
                    where = f"collective_variables.{system}.{name}.{key}"
                    beads[system, variable.mapping].index(bead, where)
    for system, campaigns in config.campaigns.items():
        for name, campaign in campaigns.items():
            for key, file in campaign.input_files:
                if not Path(file).is_file():
                    raise InputError(f"campaigns.{system}.{name}.{key}: '{file}' does not exist")
            if campaign.bias_formula is not None:
                try:
                    check_formula(campaign.bias_formula, campaign.biased_variables)
                except InputError as error:
                    raise InputError(f"campaigns.{system}.{name}.formula: {error}") from None
            if campaign.biased_mapping is not None:
                _check_models(config, beads, system, name)
                _check_one_molecule(config, beads, periodic[system], (system, name))
    for system, validation in config.validation.items():
        for pair in validation.distances:
            known = {name: beads[system, name] for name in config.mappings.get(system, {})}
            if not any(set(pair) <= set(own.names) for own in known.values()):
                raise InputError(
                    f"validation.{system}.distances: no mapping has both beads {' and '.join(pair)}"
                    "; beads are: "
                    + "; ".join(f"{name}: {own.listed}" for name, own in known.items())
                )
    for name, experiment in config.experiments.items():
        if periodic[experiment.system]:
            _check_molecules(config, beads, name)
        _check_campaigns(config, beads, name)
        if config.is_exact(experiment.system, experiment.mapping):
            _check_exact(config, beads, atoms[experiment.system], name)
        used: dict[str, str] = {}
        for variable in config.validation_of(experiment.system).surface:
            used[variable] = "the validation uses"
        bias = config.simulations[experiment.simulation].bias
        for variable in bias.collective_variables if bias else []:
            used.setdefault(variable, f"simulation '{experiment.simulation}' biases")
        for variable, why in used.items():
            _check_function_of_beads(config, beads, name, variable, why)


def _check_molecules(config: Config, beads: dict[tuple[str, str], Beads], experiment: str) -> None:
    """Refuse several molecules in a periodic box if the potential is for a single molecule."""
    chosen = config.experiments[experiment]
    number = beads[chosen.system, chosen.mapping].n_molecules
    potential = config.potentials[chosen.potential]
    if number > 1 and not potential.takes_molecules_in_a_box:
        raise InputError(
            f"experiments.{experiment}.potential: '{chosen.potential}' is of kind "
            f"'{potential.kind}', a potential of a single molecule, but mapping '{chosen.mapping}' "
            f"has beads of {number} molecules in a periodic box; allowed are the kinds mace, and "
            "spline and rbf with 'terms'"
        )


def _check_campaigns(config: Config, beads: dict[tuple[str, str], Beads], experiment: str) -> None:
    chosen = config.experiments[experiment]
    if chosen.weights == "bias":
        return
    # Free energies of the reference are reweighted, but its forces are compared as they are.
    compared = config.reference_campaign(chosen)
    reference = [] if compared is None else [compared]
    noise = config.mappings[chosen.system][chosen.mapping].noise
    for campaign in (*chosen.campaigns, *reference):
        settings = config.campaigns[chosen.system][campaign]
        variables, mapping = settings.biased_variables, settings.biased_mapping
        if settings.biased and not variables and mapping is None:
            raise InputError(
                f"campaigns.{chosen.system}.{campaign}.collective_variables: are missing, so that "
                "the bias of this campaign may be no function of the beads; name those that it "
                f"depends on, or set 'weights: bias' in experiment '{experiment}', so that each "
                "frame has the weight e^{βV}"
            )
        if settings.biased and noise is not None:
            # Frames with different biases can get the same noised positions, in other proportions
            # than without a bias.
            raise InputError(
                f"experiments.{experiment}: the beads of mapping '{chosen.mapping}' have noise, so "
                f"that the bias of campaign '{campaign}' is not a function of their positions; "
                "use a campaign without a bias, or set the experiment's 'weights: bias'"
            )
        why = f"campaign '{campaign}' biases"
        for variable in [*variables, *([] if mapping is None else [None])]:
            try:
                if variable is None:
                    names = beads[chosen.system, mapping].names
                    what = f"{why} the beads of mapping '{mapping}'"
                    _check_beads_among(config, beads, experiment, (mapping, names), what)
                else:
                    _check_function_of_beads(config, beads, experiment, variable, why)
            except InputError as error:
                raise InputError(
                    f"{error}; to use this campaign anyway, set the experiment's 'weights: bias', "
                    "so that each frame has the weight e^{βV}"
                ) from None


def _check_models(
    config: Config, beads: dict[tuple[str, str], Beads], system: str, name: str
) -> None:
    """Refuse models of a bias that cannot be read, or are of other beads than its mapping's."""
    campaign, where = config.campaigns[system][name], f"campaigns.{system}.{name}"
    if (system, campaign.biased_mapping) not in beads:
        known = ", ".join(config.mappings.get(system, {})) or "none"
        raise InputError(
            f"{where}.mapping: '{campaign.biased_mapping}' is not a mapping of this system; known: "
            f"{known}"
        )
    own = beads[system, campaign.biased_mapping]
    any_temperature = 300.0
    paths = [Path(path) for path in campaign.models]
    read_model(paths, own, any_temperature, f"{where}.models")


def _check_one_molecule(
    config: Config, beads: dict[tuple[str, str], Beads], periodic: bool, place: tuple[str, str]
) -> None:
    """Refuse a network's bias on several molecules in a periodic box."""
    system, name = place
    mapping = config.campaigns[system][name].biased_mapping
    own = beads[system, mapping]
    if periodic and own.n_molecules > 1:
        raise InputError(
            f"campaigns.{system}.{name}.mapping: '{mapping}' has beads of {own.n_molecules} "
            "molecules in a periodic box, but a network on all distances takes only a single "
            "molecule there"
        )


def _check_exact(
    config: Config, beads: dict[tuple[str, str], Beads], atoms: list[str], experiment: str
) -> None:
    """Refuse beads that are not those of a system's exact potential of mean force."""
    chosen = config.experiments[experiment]
    wanted = config.systems[chosen.system].exact_atoms
    own = beads[chosen.system, chosen.mapping].atoms
    given = [" and ".join(atoms[index] for index in bead) for bead in own]
    if sorted(given) != sorted(wanted):
        raise InputError(
            f"experiments.{experiment}.mapping: beads of '{chosen.mapping}' are the atoms "
            f"{', '.join(given)}, but the exact potential of mean force that models of system "
            f"'{chosen.system}' are judged by is that of {', '.join(wanted)}"
        )


def _check_function_of_beads(
    config: Config,
    beads: dict[tuple[str, str], Beads],
    experiment: str,
    variable: str,
    why: str,
) -> None:
    settings = config.variables_of(config.experiments[experiment].system)[variable]
    used = (settings.mapping, settings.bead_names)
    _check_beads_among(config, beads, experiment, used, f"{why} '{variable}'")


def _check_beads_among(
    config: Config,
    beads: dict[tuple[str, str], Beads],
    experiment: str,
    used: tuple[str, Sequence[str]],
    what: str,
) -> None:
    """Refuse beads, given by mapping and names, that the experiment's mapping does not have."""
    chosen = config.experiments[experiment]
    mapping, names = used
    own, declared = beads[chosen.system, chosen.mapping], beads[chosen.system, mapping]
    for name in names:
        there = declared.names.index(name)
        here = own.names.index(name) if name in own.names else None
        same = here is not None and (
            own.atoms[here] == declared.atoms[there]
            and own.weights[here] == declared.weights[there]
        )
        if not same:
            raise InputError(
                f"experiments.{experiment}: {what}, which is not a function of the "
                f"beads of mapping '{chosen.mapping}' (bead '{name}' of mapping "
                f"'{mapping}' is not among them); allowed are collective variables of: "
                f"{own.listed}"
            )
