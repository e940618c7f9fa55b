"""The whole configuration and the cross-checks between its sections."""

import math
from collections.abc import Iterable, Sequence
from typing import Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Pressure, Settings, Temperature
from meanforce.settings.campaigns import (
    Campaign,
    MetadynamicsSettings,
    UmbrellaSettings,
    collective_variables_of,
)
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic
from meanforce.settings.experiments import ExperimentSettings
from meanforce.settings.formula import check_formula
from meanforce.settings.linear_potentials import LinearSettings
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.potentials import Potential
from meanforce.settings.simulations import SimulationSettings
from meanforce.settings.systems import ExactlySolvableSettings, System, is_equilibrated
from meanforce.settings.validation import ValidationSettings

MOST_GRID_POINTS = 10**6
"""Points of a bias grid; its splines are made anew with every hill."""

STANDARD_PRESSURE = 1.0
"""Pressure of state points that name none, bar."""

RESERVED = {
    "systems": ("benchmarks", "experiments", "learning_curves"),
    "state_points": ("prepared",),
    "campaigns": ("equilibrated",),
    "mappings": ("forces", "trajectory"),
}
"""Names of folders and files in results/ that are not the user's."""


class StatePointSettings(Settings):
    """A thermodynamic state."""

    temperature: Temperature = Field(description="thermostat temperature")
    pressure: Pressure | None = Field(
        default=None,
        description="at which the density of systems in explicit solvent is equilibrated; "
        "1 bar, where left out",
    )


class Config(Settings):
    """One YAML document: everything that a run depends on."""

    seed: int = Field(default=1, ge=0, lt=2**32, description="all random numbers come from it")
    systems: dict[Name, System] = Field(min_length=1)
    state_points: dict[Name, StatePointSettings] = Field(min_length=1)
    mappings: dict[Name, dict[Name, MappingSettings]] = Field(description="system: name: mapping")
    collective_variables: dict[Name, dict[Name, CollectiveVariableSettings]] = Field(
        default={}, description="system: name: collective variable"
    )
    campaigns: dict[Name, dict[Name, Campaign]] = Field(description="system: name: campaign")
    potentials: dict[Name, Potential]
    simulations: dict[Name, SimulationSettings] = Field(description="name: how a CG model is run")
    validation: dict[Name, ValidationSettings] = Field(default={}, description="system: validation")
    experiments: dict[Name, ExperimentSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _references(self) -> Self:
        _check_names("systems", "systems", self.systems)
        _check_names("state_points", "state_points", self.state_points)
        for section in ("mappings", "campaigns"):
            for system, entries in getattr(self, section).items():
                _check_names(section, f"{section}.{system}", entries)
        _check_names("experiments", "experiments", self.experiments)
        for section in ("mappings", "collective_variables", "campaigns", "validation"):
            for system in getattr(self, section):
                _known(f"{section}.{system}", system, self.systems, "system")
        for system, variables in self.collective_variables.items():
            for name, variable in variables.items():
                at = f"collective_variables.{system}.{name}"
                mappings = self.mappings.get(system, {})
                _known(f"{at}.mapping", variable.mapping, mappings, "mapping")
                for member in variable.coefficients or []:
                    _known(f"{at}.coefficients", member, variables, "collective variable")
                variable.check_members(f"{at}.coefficients", variables)
        for system, campaigns in self.campaigns.items():
            for name, campaign in campaigns.items():
                self._check_campaign(f"campaigns.{system}.{name}", system, campaign)
        for system, validation in self.validation.items():
            where = f"validation.{system}"
            self._check_variables(f"{where}.surface", system, validation.surface)
            self._check_ends(where, system, validation.surface, validation)
            for basin, boxes in validation.basins.items():
                for variable, interval in (pair for box in boxes for pair in box.items()):
                    at = f"{where}.basins.{basin}"
                    self._check_values(at, system, [variable] * 2, interval)
        for name, experiment in self.experiments.items():
            self._check_experiment(f"experiments.{name}", experiment)
        return self

    def variables_of(self, system: str) -> dict[str, CollectiveVariableSettings]:
        """Collective variables of a system by name, combinations with their members."""
        declared = self.collective_variables.get(system, {})
        return {name: variable.with_members(declared) for name, variable in declared.items()}

    def validation_of(self, system: str) -> ValidationSettings:
        """What models of a system are judged by; the defaults, where it is not in the config."""
        return self.validation.get(system, ValidationSettings())

    def watched(self, experiment: ExperimentSettings) -> list[str]:
        """Collective variables by which the convergence of a CG run is judged.

        Those of the surface, or without one those of the mapping and those that the run biases.
        """
        variables = self.variables_of(experiment.system)
        own = {name for name, one in variables.items() if one.mapping == experiment.mapping}
        bias = self.simulations[experiment.simulation].bias
        biased = set(bias.collective_variables) if bias else set()
        return list(self.validation_of(experiment.system).surface) or sorted(own | biased)

    def _check_variables(self, where: str, system: str, names: Iterable[str]) -> None:
        names = list(names)
        for name in names:
            _known(where, name, self.variables_of(system), "collective variable")
            if names.count(name) > 1:
                raise ValueError(f"{where}: names '{name}' twice")

    def _check_values(
        self, where: str, system: str, names: Sequence[str], values: Sequence[float]
    ) -> None:
        """Refuse values that are not one for each variable, in the variable's unit."""
        _same_number(where, values, names)
        for name, value in zip(names, values, strict=True):
            self.variables_of(system)[name].check_value(where, name, value)

    def _check_ends(self, where: str, system: str, names: list[str], grid) -> None:
        for index, name in enumerate(names):
            if is_periodic(self.variables_of(system)[name].kind):
                continue
            if grid.lower is None or grid.upper is None:
                raise ValueError(
                    f"{where}: '{name}' is not periodic; give 'lower' and 'upper' for its grid"
                )
            if len(grid.lower) <= index or len(grid.upper) <= index:
                raise ValueError(f"{where}: 'lower' and 'upper' need a value for '{name}'")
            if grid.lower[index] >= grid.upper[index]:
                raise ValueError(f"{where}: 'lower' of '{name}' must be below its 'upper'")
        for key in ("lower", "upper"):
            if (values := getattr(grid, key)) is not None:
                self._check_values(f"{where}.{key}", system, names, values)

    def _check_campaign(self, where: str, system: str, campaign: Campaign) -> None:
        names = collective_variables_of(campaign)
        self._check_variables(f"{where}.collective_variables", system, names)
        for key in ("stride", "equilibration", "pace", "pull"):
            value = getattr(campaign, key, None)
            if value and value < campaign.time_step:
                raise ValueError(f"{where}.{key}: is shorter than one time_step")
        for state in campaign.length_at:
            _known(f"{where}.length_at", state, self.state_points, "state point")
        shortest = min([campaign.length, *campaign.length_at.values()])
        if campaign.stride > shortest:
            raise ValueError(f"{where}.stride: is longer than 'length', so no frame is stored")
        self._check_kind(where, system, campaign, names, shortest)

    def _check_kind(
        self, where: str, system: str, campaign: Campaign, names: list[str], shortest: float
    ) -> None:
        """What only one kind of campaign has."""
        if campaign.kind == "metadynamics":
            self._check_values(f"{where}.width", system, names, campaign.width)
            self._check_ends(where, system, names, campaign)
            self._check_grid(where, system, campaign)
            if campaign.burn_in + campaign.stride > shortest:
                raise ValueError(f"{where}.burn_in: leaves nothing of 'length' to store")
            if campaign.share_every and campaign.share_every < campaign.pace:
                raise ValueError(f"{where}.share_every: is shorter than 'pace'")
        elif campaign.kind == "static":
            for number, gaussian in enumerate(campaign.gaussians or []):
                at = f"{where}.gaussians[{number}]"
                self._check_values(f"{at}.center", system, names, gaussian.center)
                self._check_values(f"{at}.width", system, names, gaussian.width)
            if campaign.bias_of is not None:
                self._check_bias_of(f"{where}.bias_of", system, campaign)
            if campaign.formula is not None:
                try:
                    check_formula(campaign.formula, names)
                except ValueError as error:
                    raise ValueError(f"{where}.formula: {error}") from None
        elif campaign.kind == "umbrella":
            self._check_windows(where, system, campaign, names)
        elif campaign.kind == "replica_exchange" and campaign.exchange_every < campaign.time_step:
            raise ValueError(f"{where}.exchange_every: is shorter than one time_step")

    def _check_grid(self, where: str, system: str, campaign: MetadynamicsSettings) -> None:
        intervals = []
        for index, name in enumerate(campaign.collective_variables):
            ends = -math.pi, math.pi
            if not is_periodic(self.variables_of(system)[name].kind):
                ends = campaign.lower[index], campaign.upper[index]
            intervals.append(campaign.intervals(*ends, campaign.width[index]))
        if math.prod(intervals) > MOST_GRID_POINTS:
            given = f"'width' {campaign.width}" if campaign.bins is None else campaign.bins
            raise ValueError(
                f"{where}.bins: {given} in {len(intervals)} dimensions are more than "
                f"{MOST_GRID_POINTS} grid points"
            )

    def _check_windows(
        self, where: str, system: str, campaign: UmbrellaSettings, names: list[str]
    ) -> None:
        _same_number(f"{where}.force_constant", campaign.force_constant, names)
        for name, value in zip(names, campaign.force_constant, strict=True):
            variable = self.variables_of(system)[name]
            variable.check_force_constant(f"{where}.force_constant", name, value)
        if campaign.rows is not None:
            _same_number(f"{where}.rows", campaign.rows, names)
            for end in ("first", "last"):
                values = [getattr(row, end) for row in campaign.rows]
                self._check_values(f"{where}.rows.{end}", system, names, values)
        for number, center in enumerate(campaign.centers or []):
            self._check_values(f"{where}.centers[{number}]", system, names, center)

    def _check_bias_of(self, where: str, system: str, campaign: Campaign) -> None:
        source = self.campaigns[system].get(campaign.bias_of)
        if source is None or source.kind != "metadynamics":
            known = [n for n, c in self.campaigns[system].items() if c.kind == "metadynamics"]
            raise ValueError(
                f"{where}: '{campaign.bias_of}' is no metadynamics campaign of this system; "
                f"known: {', '.join(known) or 'none'}"
            )
        if source.collective_variables != campaign.collective_variables:
            raise ValueError(
                f"{where}: '{campaign.bias_of}' biases "
                f"{', '.join(source.collective_variables)}, but this campaign "
                f"{', '.join(campaign.collective_variables)}; they must be the same"
            )

    def _check_experiment(self, where: str, experiment: ExperimentSettings) -> None:
        system = experiment.system
        _known(f"{where}.system", system, self.systems, "system")
        _known(f"{where}.mapping", experiment.mapping, self.mappings.get(system, {}), "mapping")
        _known(f"{where}.potential", experiment.potential, self.potentials, "potential")
        _known(f"{where}.simulation", experiment.simulation, self.simulations, "simulation")
        campaigns = self.campaigns.get(system, {})
        for name in experiment.campaigns:
            _known(f"{where}.campaigns", name, campaigns, "campaign")
            for replica in experiment.replicas or []:
                if not 1 <= replica <= campaigns[name].replicas:
                    raise ValueError(
                        f"{where}.replicas: {replica} does not exist; campaign '{name}' has "
                        f"1 to {campaigns[name].replicas}"
                    )
        for key in ("train", "held_out"):
            for name in getattr(experiment, key):
                _known(f"{where}.{key}", name, self.state_points, "state point")
        self._check_held_out(f"{where}.held_out", experiment)
        self._check_levels(system, experiment)
        if experiment.reference is not None:
            _known(f"{where}.reference", experiment.reference, campaigns, "campaign")
        elif experiment.atomistic_time and not self.is_exact(system, experiment.mapping):
            raise ValueError(
                f"{where}.reference: is missing, but a learning curve ('atomistic_time') shows "
                f"errors; name the campaign to validate against ({', '.join(campaigns)})"
            )
        potential = self.potentials[experiment.potential]
        experiment.check_ensemble(where, isinstance(potential, LinearSettings))
        if isinstance(potential, LinearSettings) and potential.collective_variable is not None:
            at, names = f"potentials.{experiment.potential}", [potential.collective_variable]
            self._check_variables(f"{at}.collective_variable", system, names)
            self._check_values(f"{at}.lower", system, names, [potential.lower])
            self._check_values(f"{at}.upper", system, names, [potential.upper])
        if potential.temperature != "none":
            self._check_temperatures(where, experiment, potential.temperature)
        self._check_simulation(system, experiment)

    def is_exact(self, system: str, mapping: str) -> bool:
        """Whether models of a mapping are judged by an exact result, and need no reference."""
        settings, beads = self.systems[system], self.mappings[system][mapping].beads
        if not isinstance(settings, ExactlySolvableSettings):
            return False
        variables = self.variables_of(system)
        surface = [variables[name] for name in self.validation_of(system).surface]
        return settings.is_exact(surface, len(beads or ()))

    def _check_simulation(self, system: str, experiment: ExperimentSettings) -> None:
        simulation = self.simulations[experiment.simulation]
        until = simulation.until
        by_variables = until and (
            until.r_hat or until.drift or (until.round_trips and not simulation.exchange)
        )
        if by_variables and not self.watched(experiment):
            raise ValueError(
                f"simulations.{experiment.simulation}.until: nothing tells convergence, as "
                f"'validation.{system}' has no 'surface', the run no bias, and no collective "
                f"variable the mapping '{experiment.mapping}'; declare one, or set 'until: null'"
            )
        for state in (*experiment.train, *experiment.held_out):
            temperature = self.state_points[state].temperature
            if simulation.exchange is not None and simulation.exchange.highest <= temperature:
                raise ValueError(
                    f"simulations.{experiment.simulation}.exchange.highest: "
                    f"{simulation.exchange.highest:g} K is not above state point '{state}' with "
                    f"{temperature:g} K"
                )
        bias = simulation.bias
        if bias is not None:
            at = f"simulations.{experiment.simulation}.bias"
            self._check_variables(f"{at}.collective_variables", system, bias.collective_variables)
            self._check_values(f"{at}.width", system, bias.collective_variables, bias.width)
            self._check_ends(at, system, bias.collective_variables, bias)

    def _check_levels(self, system: str, experiment: ExperimentSettings) -> None:
        """Hot levels of replica exchange must be hotter than the state points."""
        names = {*experiment.campaigns, *([experiment.reference] if experiment.reference else [])}
        for name in sorted(names & self.campaigns.get(system, {}).keys()):
            campaign = self.campaigns[system][name]
            for state in (*experiment.train, *experiment.held_out):
                temperature = self.state_points[state].temperature
                if campaign.kind == "replica_exchange" and campaign.highest <= temperature:
                    raise ValueError(
                        f"campaigns.{system}.{name}.highest: {campaign.highest:g} K is not above "
                        f"state point '{state}' with {temperature:g} K"
                    )

    def _check_held_out(self, where: str, experiment: ExperimentSettings) -> None:
        """Refuse held-out state points that are trained at under another name."""
        pressures_differ = is_equilibrated(self.systems[experiment.system])

        def state(name: str) -> tuple[float, float]:
            point = self.state_points[name]
            pressure = STANDARD_PRESSURE if point.pressure is None else point.pressure
            return point.temperature, pressure if pressures_differ else STANDARD_PRESSURE

        trained = {state(name): name for name in experiment.train}
        for name in experiment.held_out:
            if state(name) in trained:
                raise ValueError(
                    f"{where}: '{name}' is the same state as '{trained[state(name)]}', which is in "
                    f"'train' ({state(name)[0]:g} K); a held-out state point must not be trained at"
                )

    def _check_temperatures(self, where: str, experiment: ExperimentSettings, form: str) -> None:
        """What a potential that depends on temperature needs of its training data."""
        points = {self.state_points[name].temperature for name in experiment.train}
        levels = self._levels(experiment)
        if len(points | levels) < 2:
            raise ValueError(
                f"{where}.train: a potential that depends on temperature needs two state points "
                "of different temperature, or a campaign of replica exchange; add one, or set the "
                "potential's 'temperature: none'"
            )
        if form == "quadratic" and len(points | levels) < 3:
            raise ValueError(
                f"{where}.train: a potential that is quadratic in temperature needs three state "
                "points of different temperature, or levels of replica exchange; add one, or set "
                "the potential's 'temperature: linear'"
            )
        for name in experiment.held_out:
            temperature = self.state_points[name].temperature
            if any(math.isclose(temperature, level, rel_tol=1e-6) for level in levels - points):
                raise ValueError(
                    f"{where}.held_out: '{name}' has {temperature:g} K, the temperature of a level "
                    "of replica exchange that is trained at; change 'levels' or 'highest'"
                )

    def _levels(self, experiment: ExperimentSettings) -> set[float]:
        """Temperatures of replica exchange in the training data, K."""
        return {
            level
            for name in experiment.campaigns
            for state in experiment.train
            if (campaign := self.campaigns[experiment.system][name]).kind == "replica_exchange"
            for level in campaign.temperatures(self.state_points[state].temperature)
        }


def _known(where: str, name: str, known: Iterable[str], what: str) -> None:
    if name not in known:
        raise ValueError(
            f"{where}: there is no {what} '{name}'; known: {', '.join(sorted(known)) or 'none'}"
        )


def _check_names(section: str, where: str, names: Iterable[str]) -> None:
    """Refuse names that would be the same folder or file as another, on some file system."""
    seen = dict.fromkeys(RESERVED.get(section, ()), "is a name that results/ needs")
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"{where}.{name}: {seen[name.casefold()]}; choose another name")
        seen[name.casefold()] = f"differs from '{name}' only in upper and lower case"


def _same_number(where: str, values: Sequence, names: Sequence[str]) -> None:
    if len(values) != len(names):
        raise ValueError(
            f"{where}: {len(values)} given, but {len(names)} collective variables "
            f"({', '.join(names)})"
        )
