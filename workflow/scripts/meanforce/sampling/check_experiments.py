"""Checks of experiments that need the molecules: are variables functions of the beads?"""

from collections.abc import Sequence
from pathlib import Path

from meanforce.core.beads import Beads
from meanforce.data.distribution_table import DistributionTable
from meanforce.errors import InputError
from meanforce.settings.config import Config


def check_experiment(
    config: Config,
    beads: dict[tuple[str, str], Beads],
    atoms: list[str],
    periodic: bool,
    name: str,
) -> None:
    """Refuse what an experiment's beads do not allow.

    A bias on a collective variable leaves mean forces unchanged only if the variable is a
    function of the beads of the experiment's mapping; any other is refused unless the experiment
    uses weights. What a CG model is biased or judged along must always be such a function.

    Args:
        config: the whole config.
        beads: by system and mapping.
        atoms: names of the atoms of the experiment's system.
        periodic: whether this system is in a periodic box.
        name: of the experiment.

    Raises:
        InputError: names the key, what was given and what is allowed.
    """
    experiment = config.experiments[name]
    _check_targets(config, name)
    if periodic:
        _check_molecules(config, beads, name)
    _check_bonds(config, beads, name)
    _check_fitting(config, beads, name)
    _check_campaigns(config, beads, name)
    if config.is_exact(experiment.system, experiment.mapping):
        _check_exact(config, beads, atoms, name)
    used: dict[str, str] = {}
    for variable in config.validation_of(experiment.system).surface:
        used[variable] = "the validation uses"
    bias = config.simulations[experiment.simulation].bias
    for variable in bias.collective_variables if bias else []:
        used.setdefault(variable, f"simulation '{experiment.simulation}' biases")
    for variable in config.potentials[experiment.potential].fitting.variables:
        used.setdefault(variable, f"the fit of potential '{experiment.potential}' biases")
    for variable, why in used.items():
        _check_function_of_beads(config, beads, name, variable, why)


def handedness_notice(config: Config, beads: Beads, name: str) -> str | None:
    """A sentence on stereo centres that a sum of curves would let flip; None where it has none.

    Args:
        config: the whole config.
        beads: of the experiment's mapping.
        name: of the experiment.
    """
    chosen = config.experiments[name].potential
    if not beads.stereo or not config.potentials[chosen].tabulated:
        return None
    center = beads.names[beads.stereo[0][0]]
    return (
        f"experiments.{name}.potential: '{chosen}' is a sum of curves of bonds, angles, dihedrals "
        f"and pairs, none of which keeps a centre with four neighbours, such as '{center}', from "
        "flipping its handedness, and CG chains that do count as broken; take a mapping without "
        "beads of side chains, or a network"
    )


def _check_targets(config: Config, experiment: str) -> None:
    """Refuse files that are no tables of distributions."""
    for state, tables in config.experiments[experiment].targets.items():
        for path in tables.files:
            try:
                DistributionTable.read(Path(path))
            except InputError as error:
                raise InputError(f"experiments.{experiment}.targets.{state}: {error}") from None


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


def _check_bonds(config: Config, beads: dict[tuple[str, str], Beads], experiment: str) -> None:
    """Refuse a single bead, or beads without bonds, if the potential needs more."""
    chosen = config.experiments[experiment]
    potential, own = config.potentials[chosen.potential], beads[chosen.system, chosen.mapping]
    missing = None
    if potential.needs_bonds and not own.topology.bonds:
        missing = "bonds between beads, but", "none"
    elif own.topology.size < potential.least_beads:
        missing = f"{potential.least_beads} beads or more, but", "one"
    if missing:
        raise InputError(
            f"experiments.{experiment}.potential: '{chosen.potential}' is of kind "
            f"'{potential.kind}', which needs {missing[0]} mapping '{chosen.mapping}' has "
            f"{missing[1]}; take spline or rbf with a collective variable"
        )


def _check_fitting(config: Config, beads: dict[tuple[str, str], Beads], experiment: str) -> None:
    """Refuse a method of simple liquids for other molecules."""
    chosen = config.experiments[experiment]
    fitting, own = config.potentials[chosen.potential].fitting, beads[chosen.system, chosen.mapping]
    sizes, types = {kind.size for kind, _ in own.topology.composition}, set(own.types)
    if fitting.needs_simple_liquid and (own.n_molecules == 1 or sizes != {1} or len(types) > 1):
        raise InputError(
            f"experiments.{experiment}.potential: '{chosen.potential}' is fitted by "
            f"'{fitting.kind}', which is for a box of molecules of one bead each, all of one type, "
            f"but mapping '{chosen.mapping}' has {own.n_molecules} molecules of "
            f"{', '.join(map(str, sorted(sizes)))} beads and {len(types)} types; give "
            "'inverse_monte_carlo' or 'relative_entropy'"
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
        # A mapping that is unknown, or that cannot be built, has an error of its own.
        whole = (chosen.system, mapping) in beads
        for variable in [*variables, *([None] if whole else [])]:
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
    names = settings.bead_names
    if settings.function is not None and not names:
        names = beads[config.experiments[experiment].system, settings.mapping].names
    used = (settings.mapping, names)
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
                f"'{mapping}' is not among them{_same_bead(own, declared, there)}); allowed are "
                f"collective variables of: {own.listed}"
            )


def _same_bead(own: Beads, declared: Beads, there: int) -> str:
    """A hint where a bead only has another name in a mapping; else empty."""
    for number, (atoms, weights) in enumerate(zip(own.atoms, own.weights, strict=True)):
        if atoms == declared.atoms[there] and weights == declared.weights[there]:
            return f"; its atoms are there as bead '{own.names[number]}': give both beads one name"
    return ""
