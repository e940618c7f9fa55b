"""Which files of other stages a stage reads, from the config; used by the rules and the plan."""

from collections.abc import Callable, Iterable

from meanforce.paths import (
    BeadsPaths,
    ComparedPaths,
    CurvePaths,
    DatasetPaths,
    EquilibratedPaths,
    MemberPaths,
    ReplicaPaths,
    VariablePaths,
    WeightsPaths,
)
from meanforce.settings.campaigns.base import CampaignSettings
from meanforce.settings.config import Config
from meanforce.settings.learning_curves import learning_curves


def start(config: Config, system: str, state: str) -> EquilibratedPaths | None:
    """The equilibrated state that sampling starts from; None if it is the prepared one."""
    return EquilibratedPaths(system, state) if config.systems[system].equilibrated else None


def frozen_bias(
    config: Config, system: str, state: str, campaign: str, replica: int | str
) -> ReplicaPaths | None:
    """The job, at the same state point, whose final bias a static campaign uses, frozen."""
    campaigns = config.campaigns[system]
    source = campaigns[campaign].bias_source
    if source is None:
        return None
    job = campaigns[campaign].bias_from(campaigns[source], int(replica))
    return ReplicaPaths(system, state, source, job)


def biased_beads(config: Config, system: str, campaign: str) -> list[BeadsPaths]:
    """Mappings whose beads a campaign's bias acts on."""
    chosen = config.campaigns[system][campaign]
    mappings = {config.variables_of(system)[name].mapping for name in chosen.biased_variables}
    if chosen.biased_mapping is not None:
        mappings.add(chosen.biased_mapping)
    return [BeadsPaths(system, mapping) for mapping in sorted(mappings)]


def variables(config: Config, system: str, names: Iterable[str]) -> list[VariablePaths]:
    """Files of those collective variables whose beads and structures are filled in from files."""
    known = config.variables_of(system)
    return [
        VariablePaths(system, known[name].mapping, name)
        for name in dict.fromkeys(names)
        if known[name].incomplete
    ]


def biased_variables(config: Config, system: str, campaign: str) -> list[VariablePaths]:
    """The same of the variables that a campaign biases."""
    return variables(config, system, config.campaigns[system][campaign].biased_variables)


def watched_variables(config: Config, experiment: str) -> list[VariablePaths]:
    """The same of the variables that a CG run is biased along, and that its convergence needs."""
    chosen = config.experiments[experiment]
    bias = config.simulations[chosen.simulation].bias
    biased = bias.collective_variables if bias else []
    return variables(config, chosen.system, [*biased, *config.watched(chosen)])


def judged_variables(config: Config, experiment: str) -> list[VariablePaths]:
    """The same of the variables that an experiment is judged along and reweighted by."""
    chosen = config.experiments[experiment]
    known, campaigns = config.variables_of(chosen.system), config.campaigns[chosen.system]
    own = [name for name, one in known.items() if one.mapping == chosen.mapping]
    reference = config.reference_campaign(chosen)
    used = [*chosen.campaigns, *([] if reference is None else [reference])]
    windows = [
        name
        for campaign in used
        if campaigns[campaign].reweighted_together
        for name in campaigns[campaign].biased_variables
    ]
    return variables(config, chosen.system, [*config.watched(chosen), *own, *windows])


def imported_files(
    config: Config, system: str, state: str, campaign: str, replica: int | str
) -> list[str]:
    """Files of the user that one job of an external campaign reads."""
    one = config.campaigns[system][campaign].at(state)[int(replica) - 1]
    return [*one.files, *([] if one.bias is None else [one.bias.file])]


def campaigns_with(
    config: Config, wanted: Callable[[CampaignSettings], bool]
) -> list[tuple[str, str]]:
    """System and name of the campaigns with a property."""
    return [
        (system, name)
        for system, campaigns in config.campaigns.items()
        for name, campaign in campaigns.items()
        if wanted(campaign)
    ]


def forces(config: Config, system: str, state: str, campaign: str, replica: int | str) -> str:
    """The file with the unbiased forces of one job's frames."""
    place = ReplicaPaths(system, state, campaign, replica)
    chosen = config.campaigns[system][campaign]
    in_trajectory = not (chosen.imported or chosen.recomputes_forces)
    return place.trajectory if in_trajectory else place.forces


def jobs_of_replica(
    config: Config, system: str, state: str, campaign: str, repeat: int | str
) -> list[ReplicaPaths]:
    """All jobs of one replica of a campaign at a state point, in order."""
    jobs = config.campaigns[system][campaign].jobs_of(state, [int(repeat)])
    return [ReplicaPaths(system, state, campaign, job) for job in jobs]


def weights(
    config: Config, system: str, state: str, campaign: str, replica: int | str
) -> WeightsPaths | None:
    """Weights from all windows of a job's replica; None if frames have their own weights."""
    chosen = config.campaigns[system][campaign]
    if not chosen.reweighted_together:
        return None
    return WeightsPaths(system, state, campaign, chosen.replica_of(int(replica)))


def training_data(
    config: Config, experiment: str, states: Iterable[str] | None = None
) -> list[DatasetPaths]:
    """Datasets that an experiment trains on, at all or only some of its state points."""
    chosen = config.experiments[experiment]
    return [
        DatasetPaths(chosen.system, state, campaign, job, chosen.mapping)
        for campaign in chosen.campaigns
        for state in chosen.train
        if states is None or state in states
        for job in config.campaigns[chosen.system][campaign].jobs_of(state, chosen.replicas)
    ]


def target_tables(config: Config, experiment: str) -> list[str]:
    """Tables of distributions that an experiment is fitted to."""
    return [path for one in config.experiments[experiment].targets.values() for path in one.files]


def reference_data(config: Config, experiment: str, states: Iterable[str]) -> list[DatasetPaths]:
    """Datasets that an experiment is validated against; none without a campaign as reference."""
    chosen = config.experiments[experiment]
    campaign = config.reference_campaign(chosen)
    if campaign is None:
        return []
    return [
        DatasetPaths(chosen.system, state, campaign, job, chosen.mapping)
        for state in states
        for job in config.campaigns[chosen.system][campaign].jobs_of(state)
    ]


def box_data(config: Config, experiment: str, state: str) -> list[DatasetPaths]:
    """The dataset whose periodic box a CG run of many molecules has at a state point.

    It is one of the training data at the state point, or at a held-out one one of the reference, of
    which nothing but the box is used. None for mappings of a single molecule, whose runs have no
    box, and at a held-out state point without a campaign as reference: its density is unknown.
    """
    chosen = config.experiments[experiment]
    if config.mappings[chosen.system][chosen.mapping].molecules is None:
        return []
    own = training_data(config, experiment, [state])
    return (own or reference_data(config, experiment, [state]))[:1]


def reference_tables(config: Config, experiment: str, state: str) -> list[str]:
    """Tables of free energies that an experiment is validated against at a state point."""
    table = config.table_of(config.experiments[experiment])
    return [] if table is None else table.files[state]


def members(config: Config, experiment: str) -> list[MemberPaths]:
    """Members of an experiment's ensemble."""
    return [MemberPaths(experiment, k) for k in range(config.experiments[experiment].ensemble)]


def states_of(config: Config, experiment: str) -> tuple[str, ...]:
    """State points at which an experiment is validated."""
    chosen = config.experiments[experiment]
    return (*chosen.train, *chosen.held_out)


def compared(config: Config, experiments: Iterable[str] | None = None) -> list[ComparedPaths]:
    """Experiments, or all of them, at each state point at which they are validated."""
    return [
        ComparedPaths(name, state)
        for name in (config.experiments if experiments is None else experiments)
        for state in states_of(config, name)
    ]


def all_members(config: Config) -> list[MemberPaths]:
    """Members of all experiments."""
    return [member for name in config.experiments for member in members(config, name)]


def all_datasets(config: Config) -> list[DatasetPaths]:
    """All datasets that some experiment is trained on or validated against."""
    return [
        dataset
        for name in config.experiments
        for dataset in (
            *training_data(config, name),
            *reference_data(config, name, states_of(config, name)),
        )
    ]


def curves(config: Config) -> list[CurvePaths]:
    """All learning curves."""
    return [CurvePaths(curve) for curve in learning_curves(config)]


def only(config: Config, experiments: Iterable[str]) -> Config:
    """The config with some of its experiments."""
    chosen = {name: config.experiments[name] for name in experiments}
    return config.model_copy(update={"experiments": chosen})


def reported(config: Config) -> dict[str, list[str]]:
    """Files that a report shows, without learning curves, by the names that its program uses."""
    places, datasets = compared(config), all_datasets(config)
    return {
        "metrics": [place.metrics for place in places],
        "curves": [member.curve for member in all_members(config)],
        "profiles": [place.profiles for place in places],
        "surfaces": [place.surface for place in places],
        # Each once: experiments may share datasets, and mappings trajectories.
        "segments": list(dict.fromkeys(dataset.segments for dataset in datasets)),
        "speeds": [place.speed for place in places],
        "checks": list(dict.fromkeys(dataset.checks for dataset in datasets)),
    }
