"""What each stage's job is told: its own settings, and nothing else, as canonical JSON.

The text is what decides whether a job reruns. It has sorted keys, internal units and all
defaults filled in, so that a reordering, a comment or ``300 K`` → ``300.0 K`` changes nothing.
"""

import hashlib
import json
from typing import Any

from meanforce.settings.campaigns.registry import Campaign
from meanforce.settings.config import STANDARD_PRESSURE, Config
from meanforce.settings.experiments import ExperimentSettings
from meanforce.settings.learning_curves import CurveRunSettings, learning_curves, windows

NOT_POSITIONS = {"force_map", "solvent_groups", "noise", "masses"}
"""Settings of a mapping that say nothing about where beads are."""


def canonical(settings: dict[str, Any]) -> str:
    """Canonical JSON text of a stage's settings."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), allow_nan=False)


def seed_of(config: Config, *names: str) -> int:
    """Seed in [0, 2³¹) of one job, from the config's seed and the names that tell it apart."""
    text = "/".join((str(config.seed), *names))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") >> 1


def prepare_settings(config: Config, system: str) -> dict[str, Any]:
    """Settings of the stage `prepare`."""
    # How it is equilibrated later changes nothing here.
    described = config.systems[system].model_dump(exclude={"equilibration"})
    return {"system": described, "seed": seed_of(config, system)}


def equilibrate_settings(config: Config, system: str, state: str) -> dict[str, Any]:
    """Settings of the stage `equilibrate`."""
    point = config.state_points[state]
    return {
        "equilibration": config.systems[system].equilibration.model_dump(),
        "temperature": point.temperature,
        "pressure": STANDARD_PRESSURE if point.pressure is None else point.pressure,
        "seed": seed_of(config, system, state, "equilibrate"),
    }


def sample_settings(
    config: Config, system: str, state: str, campaign: str, replica: str
) -> dict[str, Any]:
    """Settings of the stage `sample`."""
    settings = config.campaigns[system][campaign]
    variables = _variables(config, system, settings.biased_variables)
    protocol = settings.model_dump() | {"length": settings.length_of(state)}
    # How many repeats there are, and what other state points do, changes no single one.
    del protocol["replicas"], protocol["length_at"]
    return {
        "campaign": protocol,
        "job": int(replica),
        "temperature": config.state_points[state].temperature,
        "collective_variables": variables,
        "mappings": {
            # Where beads are decides over the bias; their masses and force map do not.
            name: config.mappings[system][name].model_dump(exclude=NOT_POSITIONS)
            for name in sorted({variable["mapping"] for variable in variables.values()})
        },
        "seed": seed_of(config, system, state, campaign, replica),
    }


def map_settings(
    config: Config, system: str, state: str, campaign: str, replica: str, mapping: str
) -> dict[str, Any]:
    """Settings of the stage `map`."""
    chosen = config.mappings[system][mapping]
    # Only noise is random: without it another seed changes nothing.
    names = (system, state, campaign, replica, mapping)
    seed = None if chosen.noise is None else seed_of(config, *names, "noise")
    return {"mapping": chosen.model_dump(), "seed": seed}


def train_settings(config: Config, experiment: str, member: str) -> dict[str, Any]:
    """Settings of the stage `train`."""
    chosen = config.experiments[experiment]
    potential = config.potentials[chosen.potential]
    return {
        "potential": potential.model_dump(),
        "collective_variables": _variables(config, chosen.system, potential.variables),
        "weights": chosen.weights,
        "windows": windows(config, chosen),
        "datasets_per_replica": _datasets_per_replica(config, chosen),
        "member": int(member),
        "folds": chosen.folds,
        "resampling": chosen.resampling(potential.deterministic),
        "seed": seed_of(config, experiment, "train", member),
    }


def simulate_settings(config: Config, experiment: str, state: str) -> dict[str, Any]:
    """Settings of the stage `simulate`."""
    chosen = config.experiments[experiment]
    simulation = config.simulations[chosen.simulation]
    names = list(simulation.bias.collective_variables) if simulation.bias else []
    surface = config.validation[chosen.system].surface
    return {
        "simulation": simulation.model_dump(),
        "windows": windows(config, chosen),
        "temperature": config.state_points[state].temperature,
        "surface": list(surface),
        "collective_variables": _variables(
            config, chosen.system, list(dict.fromkeys([*names, *surface]))
        ),
        "seed": seed_of(config, experiment, "simulate", state),
    }


def validate_settings(config: Config, experiment: str, state: str) -> dict[str, Any]:
    """Settings of the stage `validate`."""
    chosen = config.experiments[experiment]
    validation = config.validation[chosen.system]
    variables = config.variables_of(chosen.system)
    further = [name for name in variables if variables[name].mapping == chosen.mapping]
    reference = config.campaigns[chosen.system].get(chosen.reference)
    return {
        "validation": validation.model_dump(),
        "temperature": config.state_points[state].temperature,
        "collective_variables": _variables(
            config, chosen.system, [*dict.fromkeys([*validation.surface, *sorted(further)])]
        ),
        "reference": None if reference is None else _protocol(config, chosen.system, reference),
        "training": _training(config, chosen, state),
        "weights": chosen.weights,
        "system_kind": config.systems[chosen.system].kind,
        "labels": {
            "experiment": experiment,
            "system": chosen.system,
            "mapping": chosen.mapping,
            "force_map": config.mappings[chosen.system][chosen.mapping].force_map,
            "campaign": "+".join(chosen.campaigns),
            "potential": chosen.potential,
            "state_point": state,
            "role": "train" if state in chosen.train else "held-out",
        },
        "seed": seed_of(config, experiment, "validate", state),
    }


def learning_curve_settings(config: Config, curve: str) -> dict[str, Any]:
    """Settings of the stage `learning_curve`."""
    runs = learning_curves(config)[curve]
    return {
        "runs": {
            name: {
                "experiment": run.of,
                "atomistic_time": run.time,
                "seed": run.seed,
                # What the others are compared with.
                "plain": all(
                    config.campaigns[run.system][campaign].dynamical for campaign in run.campaigns
                ),
            }
            for name, run in runs.items()
        },
        "seed": seed_of(config, "learning_curve", curve),
    }


def report_settings(config: Config) -> dict[str, Any]:
    """Settings of the stage `report`."""
    return {
        "config": config.model_dump(),
        "experiments": {
            name: {
                "system": experiment.system,
                "states": sorted(
                    (*experiment.train, *experiment.held_out),
                    key=lambda state: config.state_points[state].temperature,
                ),
                "ensemble": experiment.ensemble,
                # Of a run of a learning curve: which one it belongs to.
                "learning_curve": experiment.of
                if isinstance(experiment, CurveRunSettings)
                else None,
                "atomistic_time": atomistic_time(config, name),
            }
            for name, experiment in config.experiments.items()
        },
    }


def atomistic_time(config: Config, experiment: str) -> float:
    """Sampled atomistic time in ps behind an experiment's training data, burn-in included."""
    chosen = config.experiments[experiment]
    if isinstance(chosen, CurveRunSettings):
        return chosen.time
    campaigns = config.campaigns[chosen.system]
    return sum(
        campaigns[name].length_of(state) * campaigns[name].copies(job)
        for name in chosen.campaigns
        for state in chosen.train
        for job in campaigns[name].jobs_of(chosen.replicas)
    )


def _datasets_per_replica(config: Config, experiment: ExperimentSettings) -> list[int]:
    """Datasets that make each replica of the training data, in the order of the datasets."""
    campaigns = config.campaigns[experiment.system]
    return [
        campaigns[name].jobs_per_replica
        for name in experiment.campaigns
        for _ in experiment.train
        for _ in experiment.replicas or range(campaigns[name].replicas)
    ]


def _protocol(config: Config, system: str, campaign: Campaign) -> dict[str, Any]:
    """What an analysis has to know of a campaign."""
    return {
        "kind": campaign.kind,
        "jobs_per_replica": campaign.jobs_per_replica,
        "windows": _windows(config, system, campaign),
    }


def _training(config: Config, chosen: ExperimentSettings, state: str) -> list[dict[str, Any]]:
    """How the training data of a state point are reweighted, campaign after campaign.

    Empty at held-out state points, where there are none.
    """
    if state not in chosen.train:
        return []
    times, found = windows(config, chosen), []
    for number, name in enumerate(chosen.campaigns):
        campaign = config.campaigns[chosen.system][name]
        jobs = campaign.jobs_of(chosen.replicas)
        place = number * len(chosen.train) + chosen.train.index(state)
        own = None if times is None else [times[place]] * len(jobs)
        protocol = _protocol(config, chosen.system, campaign)
        found.append(protocol | {"datasets": len(jobs), "time_windows": own})
    return found


def _windows(config: Config, system: str, campaign: Campaign) -> dict[str, Any] | None:
    """Windows of umbrella sampling; None of other campaigns."""
    if not campaign.reweighted_together:
        return None
    return {
        "centers": campaign.windows(),
        "force_constants": campaign.force_constant,
        "collective_variables": [
            config.variables_of(system)[name].model_dump() for name in campaign.collective_variables
        ],
    }


def _variables(config: Config, system: str, names: list[str]) -> dict[str, Any]:
    known = config.variables_of(system)
    return {name: known[name].model_dump() for name in names}
