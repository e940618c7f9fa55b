"""The job of each stage, from the config and the names in Snakemake's wildcards."""

import hashlib

from meanforce.jobs.beads import BeadsJob
from meanforce.jobs.equilibrate import EquilibrateJob
from meanforce.jobs.import_frames import ImportJob
from meanforce.jobs.learning_curve import LearningCurveJob
from meanforce.jobs.map import MapJob
from meanforce.jobs.prepare import PrepareJob
from meanforce.jobs.report import ReportedExperiment, ReportJob
from meanforce.jobs.sample import SampleJob
from meanforce.jobs.simulate import SimulateJob
from meanforce.jobs.train import TrainJob
from meanforce.jobs.validate import (
    CampaignFacts,
    SummaryLabels,
    TrainingFacts,
    UmbrellaWindows,
    ValidateJob,
)
from meanforce.jobs.variable import VariableJob
from meanforce.settings.base import Settings
from meanforce.settings.campaigns.registry import Campaign
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.config import STANDARD_PRESSURE, Config
from meanforce.settings.experiments import ExperimentSettings
from meanforce.settings.learning_curves import CurveRunSettings, learning_curves, windows
from meanforce.settings.references import Reference

NOT_BEADS = (
    "force_map", "solvent_groups", "control_variates", "fit_time", "noise", "masses",
)  # fmt: skip
"""Settings of a mapping that do not change its beads; a file of beads has both kinds of masses."""


def seed_of(config: Config, *names: str) -> int:
    """Seed in [0, 2³¹) of one job, from the config's seed and the names that identify it."""
    text = "/".join((str(config.seed), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def prepare_job(config: Config, system: str) -> PrepareJob:
    """Job of the stage `prepare`."""
    # How it is equilibrated later changes nothing here.
    described = without(config.systems[system], "equilibration")
    return PrepareJob.of(system=described, seed=seed_of(config, system))


def beads_job(config: Config, system: str, mapping: str) -> BeadsJob:
    """Job of the stage `beads`."""
    chosen = without(config.mappings[system][mapping], *NOT_BEADS)
    return BeadsJob.of(name=mapping, mapping=chosen)


def variable_job(config: Config, system: str, mapping: str, variable: str) -> VariableJob:
    """Job of the stage `variable`."""
    return VariableJob.of(name=variable, variable=config.variables_of(system)[variable])


def equilibrate_job(config: Config, system: str, state: str) -> EquilibrateJob:
    """Job of the stage `equilibrate`."""
    point = config.state_points[state]
    return EquilibrateJob.of(
        equilibration=without(config.systems[system].equilibration, "threads"),
        temperature=point.temperature,
        pressure=STANDARD_PRESSURE if point.pressure is None else point.pressure,
        seed=seed_of(config, system, state, "equilibrate"),
    )


def sample_job(
    config: Config, system: str, state: str, campaign: str, replica: int | str
) -> SampleJob:
    """Job of the stage `sample`."""
    settings = config.campaigns[system][campaign]
    protocol = without(settings, "replicas", "length_at", "threads")
    return SampleJob.of(
        campaign=protocol.model_copy(update={"length": settings.length_of(state)}),
        job=int(replica),
        temperature=config.state_points[state].temperature,
        collective_variables=_variables(config, system, settings.biased_variables),
        seed=seed_of(config, system, state, campaign, str(replica)),
    )


def import_frames_job(
    config: Config, system: str, state: str, campaign: str, replica: int | str
) -> ImportJob:
    """Job of the stages `import_frames` and `import_frames_and_forces`."""
    settings = config.campaigns[system][campaign]
    return ImportJob.of(
        trajectory=settings.at(state)[int(replica) - 1],
        forces=settings.forces,
        disagreement=settings.disagreement,
        has_force_field=config.systems[system].has_force_field,
        temperature=config.state_points[state].temperature,
        biased=settings.biased_variables,
        collective_variables=_variables(config, system, settings.biased_variables),
    )


def trajectory_job(
    config: Config, system: str, state: str, campaign: str, replica: int | str
) -> SampleJob | ImportJob:
    """Job of the stage that makes a trajectory: it is sampled, or read from files."""
    imported = config.campaigns[system][campaign].imported
    build = import_frames_job if imported else sample_job
    return build(config, system, state, campaign, replica)


def map_job(
    config: Config, system: str, state: str, campaign: str, replica: int | str, mapping: str
) -> MapJob:
    """Job of the stage `map`."""
    chosen = config.mappings[system][mapping]
    # Only noise is random: without it another seed changes nothing.
    names = (system, state, campaign, str(replica), mapping)
    seed = None if chosen.noise is None else seed_of(config, *names, "noise")
    return MapJob.of(
        mapping=chosen,
        seed=seed,
        refuses_failed_checks=config.campaigns[system][campaign].refuses_failed_checks,
    )


def train_job(config: Config, experiment: str, member: int | str) -> TrainJob:
    """Job of the stage `train`."""
    chosen = config.experiments[experiment]
    potential = config.potentials[chosen.potential]
    return TrainJob.of(
        potential=potential,
        collective_variables=_variables(
            config, chosen.system, [*potential.variables, *potential.fitting.variables]
        ),
        weights=chosen.weights,
        windows=windows(config, chosen),
        datasets_per_replica=_datasets_per_replica(config, chosen),
        member=int(member),
        folds=chosen.folds,
        resampling=chosen.resampling(potential.deterministic),
        seed=seed_of(config, experiment, "train", str(member)),
        origin={
            "system": chosen.system,
            "mapping": chosen.mapping,
            "campaigns": list(chosen.campaigns),
            "state_points": {name: config.state_points[name].temperature for name in chosen.train},
        },
        targets=[
            {"temperature": config.state_points[name].temperature, "tables": tables}
            for name, tables in sorted(chosen.targets.items())
        ],
    )


def simulate_job(config: Config, experiment: str, state: str) -> SimulateJob:
    """Job of the stage `simulate`."""
    chosen = config.experiments[experiment]
    simulation = config.simulations[chosen.simulation]
    names = list(simulation.bias.collective_variables) if simulation.bias else []
    surface = config.validation_of(chosen.system).surface
    return SimulateJob.of(
        simulation=simulation,
        windows=windows(config, chosen),
        temperature=config.state_points[state].temperature,
        surface=list(surface),
        collective_variables=_variables(config, chosen.system, [*names, *config.watched(chosen)]),
        seed=seed_of(config, experiment, "simulate", state),
    )


def validate_job(config: Config, experiment: str, state: str) -> ValidateJob:
    """Job of the stage `validate`."""
    chosen = config.experiments[experiment]
    validation = config.validation_of(chosen.system)
    known = config.variables_of(chosen.system)
    further = sorted(name for name in known if known[name].mapping == chosen.mapping)
    reference = config.campaigns[chosen.system].get(config.reference_campaign(chosen))
    table = config.table_of(chosen)
    return ValidateJob.of(
        validation=validation,
        temperature=config.state_points[state].temperature,
        collective_variables=_variables(config, chosen.system, [*config.watched(chosen), *further]),
        reference=None if reference is None else _facts(config, chosen.system, reference),
        table=None if table is None else _table(table, state),
        training=_training(config, chosen, state),
        weights=chosen.weights,
        system_kind=config.systems[chosen.system].kind,
        labels=SummaryLabels(
            experiment=experiment,
            system=chosen.system,
            mapping=chosen.mapping,
            force_map=config.mappings[chosen.system][chosen.mapping].force_map,
            campaign="+".join(chosen.campaigns),
            potential=chosen.potential,
            state_point=state,
            role="train" if state in chosen.train else "held-out",
        ),
        seed=seed_of(config, experiment, "validate", state),
    )


def learning_curve_job(config: Config, curve: str) -> LearningCurveJob:
    """Job of the stage `learning_curve`."""
    runs = {
        name: {
            "experiment": run.of,
            "atomistic_time": run.time,
            "seed": run.seed,
            "plain": all(
                config.campaigns[run.system][campaign].dynamical for campaign in run.campaigns
            ),
        }
        for name, run in learning_curves(config)[curve].items()
    }
    return LearningCurveJob.of(runs=runs, seed=seed_of(config, "learning_curve", curve))


def report_job(config: Config) -> ReportJob:
    """Job of the stage `report`."""
    return ReportJob.of(
        config=config.model_dump(mode="json", exclude={"replace"}),
        experiments={
            name: ReportedExperiment(
                system=experiment.system,
                states=sorted(
                    (*experiment.train, *experiment.held_out),
                    key=lambda state: config.state_points[state].temperature,
                ),
                ensemble=experiment.ensemble,
                learning_curve=experiment.of if isinstance(experiment, CurveRunSettings) else None,
                atomistic_time=atomistic_time(config, name),
            )
            for name, experiment in config.experiments.items()
        },
    )


def atomistic_time(config: Config, experiment: str) -> float | None:
    """Sampled atomistic time in ps behind an experiment's training data, burn-in included.

    None if it is not in the config, as for frames from files.
    """
    chosen = config.experiments[experiment]
    if isinstance(chosen, CurveRunSettings):
        return chosen.time
    campaigns = config.campaigns[chosen.system]
    times = [
        campaigns[name].sampled_time(state, job)
        for name in chosen.campaigns
        for state in chosen.train
        for job in campaigns[name].jobs_of(state, chosen.replicas)
    ]
    return None if None in times else sum(times)


def without(settings: Settings, *names: str) -> Settings:
    """Settings with some values at their defaults; names that they do not have are ignored."""
    fields = type(settings).model_fields
    defaults = {
        name: fields[name].get_default(call_default_factory=True)
        for name in names
        if name in fields
    }
    return settings.model_copy(update=defaults)


def _datasets_per_replica(config: Config, experiment: ExperimentSettings) -> list[int]:
    """Number of datasets in each replica of the training data, in the order of the datasets."""
    campaigns = config.campaigns[experiment.system]
    return [
        campaigns[name].jobs_per_replica
        for name in experiment.campaigns
        for state in experiment.train
        for _ in experiment.replicas or range(campaigns[name].replicas_at(state))
    ]


def _facts(config: Config, system: str, campaign: Campaign) -> CampaignFacts:
    """Facts about a campaign that analyses need."""
    return CampaignFacts(
        dynamical=campaign.dynamical,
        jobs_per_replica=campaign.jobs_per_replica,
        windows=_windows(config, system, campaign),
    )


def _table(table: Reference, state: str) -> Reference:
    """A table at one state point; its origin changes nothing."""
    return without(table, "source").model_copy(update={"files": {state: table.files[state]}})


def _training(config: Config, chosen: ExperimentSettings, state: str) -> list[TrainingFacts]:
    """How the training data of a state point are reweighted, campaign after campaign.

    Empty at held-out state points, which have no training data.
    """
    if state not in chosen.train:
        return []
    times, found = windows(config, chosen), []
    for number, name in enumerate(chosen.campaigns):
        campaign = config.campaigns[chosen.system][name]
        jobs = campaign.jobs_of(state, chosen.replicas)
        place = number * len(chosen.train) + chosen.train.index(state)
        facts = _facts(config, chosen.system, campaign)
        found.append(
            TrainingFacts(
                **dict(facts),
                datasets=len(jobs),
                time_windows=None if times is None else [times[place]] * len(jobs),
            )
        )
    return found


def _windows(config: Config, system: str, campaign: Campaign) -> UmbrellaWindows | None:
    """Windows of umbrella sampling; None for other campaigns."""
    if not campaign.reweighted_together:
        return None
    known = config.variables_of(system)
    return UmbrellaWindows(
        centers=campaign.windows(),
        force_constants=campaign.force_constant,
        collective_variables=[known[name] for name in campaign.collective_variables],
    )


def _variables(
    config: Config, system: str, names: list[str]
) -> dict[str, CollectiveVariableSettings]:
    """Definitions of collective variables, each once."""
    known = config.variables_of(system)
    return {name: known[name] for name in names}
