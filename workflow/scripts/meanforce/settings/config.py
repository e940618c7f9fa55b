"""The whole configuration and the cross-checks between its sections."""

import math
from collections.abc import Iterable, Mapping
from typing import Self

from pydantic import Field, model_validator

from meanforce.errors import Collected
from meanforce.paths import RESERVED, RESULTS
from meanforce.settings.base import FolderPath, Name, Pressure, Settings, Temperature
from meanforce.settings.campaigns.registry import Campaign
from meanforce.settings.checks import SeveralErrors, Variables, known
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.experiments import ExperimentSettings
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.metric_names import refuse_suffixes, refuse_taken
from meanforce.settings.potentials.registry import Potential
from meanforce.settings.references import Reference
from meanforce.settings.simulations import SimulationSettings
from meanforce.settings.systems.registry import System
from meanforce.settings.target_tables import check_targets
from meanforce.settings.validation import ValidationSettings

MOST_GRID_POINTS = 10**6
"""Most points of a bias grid, whose splines are rebuilt after every hill."""

SAME_TEMPERATURE = 1e-3
"""Relative difference of temperatures that count as one: energies change by less than their noise,
and the normal equations of a fit cannot be solved."""

STANDARD_PRESSURE = 1.0
"""Pressure of state points that do not define it, bar."""


class StatePointSettings(Settings):
    """A thermodynamic state."""

    temperature: Temperature = Field(description="thermostat temperature")
    pressure: Pressure | None = Field(
        default=None,
        description="pressure at which the density of systems in explicit solvent is equilibrated; "
        "default: 1 bar",
    )


class Config(Settings):
    """One YAML document: everything that a run depends on."""

    seed: int = Field(default=1, ge=0, lt=2**32, description="seed of all random numbers")
    output: FolderPath = Field(
        default=RESULTS,
        description="folder of all results; default: `results/NAME` for a config file `NAME.yaml`",
    )
    replace: bool = Field(
        default=False,
        description="replace results of another config in the same folder, and files there that no "
        "run made; meant for the command line, `--config replace=true`",
    )
    systems: dict[Name, System] = Field(min_length=1)
    state_points: dict[Name, StatePointSettings] = Field(min_length=1)
    mappings: dict[Name, dict[Name, MappingSettings]] = Field(description="system: name: mapping")
    collective_variables: dict[Name, dict[Name, CollectiveVariableSettings]] = Field(
        default={}, description="system: name: collective variable"
    )
    campaigns: dict[Name, dict[Name, Campaign]] = Field(description="system: name: campaign")
    potentials: dict[Name, Potential]
    simulations: dict[Name, SimulationSettings] = Field(description="name: how a CG model is run")
    references: dict[Name, dict[Name, Reference]] = Field(
        default={}, description="system: name: free energies from elsewhere"
    )
    validation: dict[Name, ValidationSettings] = Field(default={}, description="system: validation")
    experiments: dict[Name, ExperimentSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _references(self) -> Self:
        errors = Collected(ValueError)
        named = {"systems": self.systems, "state_points": self.state_points}
        for section in ("mappings", "campaigns"):
            for system, entries in getattr(self, section).items():
                named[f"{section}.{system}"] = entries
        for where, names in (named | {"experiments": self.experiments}).items():
            with errors.check():
                _check_names(where.partition(".")[0], where, names)
        for section in (
            "mappings", "collective_variables", "campaigns", "references", "validation",
        ):  # fmt: skip
            for system in getattr(self, section):
                with errors.check():
                    known(f"{section}.{system}", system, self.systems, "system")
        self._check_variables(errors)
        # Later checks need names and variables that are right.
        _refuse(errors)
        broken = set()
        for system in self.systems:
            before = len(errors.lines)
            self._check_system(errors, system)
            if len(errors.lines) > before:
                broken.add(system)
        for name, experiment in self.experiments.items():
            if experiment.system not in broken:
                with errors.check():
                    self._check_experiment(f"experiments.{name}", experiment)
        _refuse(errors)
        return self

    def _check_variables(self, errors: Collected) -> None:
        """Collect the errors of collective variables."""
        for system, variables in self.collective_variables.items():
            for refuse in (refuse_taken, refuse_suffixes):
                with errors.check():
                    refuse(f"collective_variables.{system}", variables)
            for name, variable in variables.items():
                with errors.check():
                    at = f"collective_variables.{system}.{name}"
                    mappings = self.mappings.get(system, {})
                    known(f"{at}.mapping", variable.mapping, mappings, "mapping")
                    for member in variable.coefficients or []:
                        known(f"{at}.coefficients", member, variables, "collective variable")
                    variable.check_members(f"{at}.coefficients", variables)

    def _check_system(self, errors: Collected, system: str) -> None:
        """Collect the errors of a system's campaigns, validation and references."""
        for name, campaign in self.campaigns.get(system, {}).items():
            with errors.check():
                self._check_campaign(f"campaigns.{system}.{name}", system, campaign)
        if system in self.validation:
            with errors.check():
                self._check_validation(system)
        for name, reference in self.references.get(system, {}).items():
            with errors.check():
                self._check_reference(f"references.{system}.{name}", system, name, reference)

    def _check_validation(self, system: str) -> None:
        validation = self.validation[system]
        where, variables = f"validation.{system}", self._variables(system)
        refuse_suffixes(f"{where}.basins", validation.basins)
        refuse_suffixes(f"{where}.differences", validation.differences)
        variables.check_names(f"{where}.surface", validation.surface)
        variables.check_ends(where, validation.surface, validation)
        for basin, boxes in validation.basins.items():
            for variable, interval in (pair for box in boxes for pair in box.items()):
                variables.check_values(f"{where}.basins.{basin}", [variable] * 2, interval)
                variables.check_interval(f"{where}.basins.{basin}", variable, interval, validation)

    def variables_of(self, system: str) -> dict[str, CollectiveVariableSettings]:
        """Collective variables of a system by name; combinations include their members."""
        declared = self.collective_variables.get(system, {})
        return {name: variable.with_members(declared) for name, variable in declared.items()}

    def validation_of(self, system: str) -> ValidationSettings:
        """Validation settings of a system; the defaults, if it is not in the config."""
        return self.validation.get(system, ValidationSettings())

    def watched(self, experiment: ExperimentSettings) -> list[str]:
        """Collective variables by which the convergence of a CG run is judged.

        Those of the surface; without a surface, those of the mapping and those that the run biases.
        """
        variables = self.variables_of(experiment.system)
        own = {name for name, one in variables.items() if one.mapping == experiment.mapping}
        bias = self.simulations[experiment.simulation].bias
        biased = set(bias.collective_variables) if bias else set()
        return list(self.validation_of(experiment.system).surface) or sorted(own | biased)

    def table_of(self, experiment: ExperimentSettings) -> Reference | None:
        """The table that an experiment is validated against; None if it is a campaign, or none."""
        return self.references.get(experiment.system, {}).get(experiment.reference)

    def reference_campaign(self, experiment: ExperimentSettings) -> str | None:
        """The campaign that an experiment is validated against; None if it is a table, or none."""
        return None if self.table_of(experiment) is not None else experiment.reference

    def _check_reference(self, where: str, system: str, name: str, reference: Reference) -> None:
        if name in self.campaigns.get(system, {}):
            raise ValueError(f"{where}: is the name of a campaign; choose another name")
        for state in reference.files:
            known(f"{where}.files", state, self.state_points, "state point")
        self._variables(system).check_names(f"{where}.variables", reference.variables)
        reference.check(where, self.variables_of(system))
        surface = self.validation_of(system).surface
        if set(surface) != set(reference.variables):
            raise ValueError(
                f"{where}.variables: are {', '.join(reference.variables)}, but the surface in "
                f"'validation.{system}' has {', '.join(surface) or 'none'}; allowed are the same"
            )

    def _check_campaign(self, where: str, system: str, campaign: Campaign) -> None:
        for key, state in campaign.state_points:
            known(f"{where}.{key}", state, self.state_points, "state point")
        if campaign.needs_force_field and not self.systems[system].has_force_field:
            raise ValueError(
                f"{where}: needs the forces of system '{system}', which has no force field; "
                "allowed is the kind 'external' with 'forces: file'"
            )
        campaign.check(where, self._variables(system), self.campaigns[system])

    def _variables(self, system: str) -> Variables:
        return Variables(self.variables_of(system))

    def _check_experiment(self, where: str, experiment: ExperimentSettings) -> None:
        system = experiment.system
        known(f"{where}.system", system, self.systems, "system")
        known(f"{where}.mapping", experiment.mapping, self.mappings.get(system, {}), "mapping")
        known(f"{where}.potential", experiment.potential, self.potentials, "potential")
        known(f"{where}.simulation", experiment.simulation, self.simulations, "simulation")
        campaigns = self.campaigns.get(system, {})
        for name in experiment.campaigns:
            known(f"{where}.campaigns", name, campaigns, "campaign")
        for key in ("train", "held_out"):
            for name in getattr(experiment, key):
                known(f"{where}.{key}", name, self.state_points, "state point")
        for name in experiment.campaigns:
            for state in experiment.train:
                self._check_replicas(where, campaigns, name, state, experiment.replicas or [])
        self._check_held_out(f"{where}.held_out", experiment)
        self._check_levels(system, experiment)
        if experiment.reference is not None:
            tables = self.references.get(system, {})
            what = "campaign or table" if tables else "campaign"
            known(f"{where}.reference", experiment.reference, {**campaigns, **tables}, what)
            table = self.table_of(experiment)
            if table and self.is_exact(system, experiment.mapping):
                raise ValueError(
                    f"{where}.reference: '{experiment.reference}' is a table, but models of "
                    f"mapping '{experiment.mapping}' are judged by an exact result; name a "
                    "campaign, or leave it out"
                )
            for name in (*experiment.train, *experiment.held_out) if table else ():
                at = f"references.{system}.{experiment.reference}.files"
                known(at, name, table.files, "file for the state point")
            for name in () if table else (*experiment.train, *experiment.held_out):
                self._check_replicas(where, campaigns, experiment.reference, name, [])
        elif experiment.atomistic_time and not self.is_exact(system, experiment.mapping):
            raise ValueError(
                f"{where}.reference: is missing, but a learning curve ('atomistic_time') shows "
                f"errors; name the campaign to validate against ({', '.join(campaigns)})"
            )
        potential = self.potentials[experiment.potential]
        experiment.check_ensemble(where, potential.deterministic)
        if potential.fitting.needs_distribution and experiment.weights == "none":
            biased = [name for name in experiment.campaigns if campaigns[name].biased]
            if biased:
                raise ValueError(
                    f"{where}.weights: is 'none', but '{potential.fitting.kind}' needs the "
                    f"unbiased distribution, and campaign '{biased[0]}' is biased; give "
                    "'weights: bias'"
                )
        if experiment.targets:
            points = {name: self.state_points[name].temperature for name in experiment.train}
            check_targets(f"{where}.targets", potential.fitting, points)
        where_potential = f"potentials.{experiment.potential}"
        potential.check(where_potential, self._variables(system))
        potential.fitting.check(f"{where_potential}.fitting", self._variables(system))
        if potential.depends_on_temperature:
            self._check_temperatures(where, experiment, potential.temperature)
        self._check_simulation(system, experiment)

    @staticmethod
    def _check_replicas(
        where: str, campaigns: Mapping[str, Campaign], name: str, state: str, replicas: list[int]
    ) -> None:
        """Refuse replicas that a campaign does not have at a state point."""
        count = campaigns[name].replicas_at(state)
        if not count:
            raise ValueError(
                f"{where}: uses campaign '{name}' at state point '{state}', of which the campaign "
                "has no trajectory"
            )
        for replica in replicas:
            if not 1 <= replica <= count:
                raise ValueError(
                    f"{where}.replicas: {replica} does not exist; campaign '{name}' has "
                    f"1 to {count}"
                )

    def is_exact(self, system: str, mapping: str) -> bool:
        """Whether models of a mapping are judged by an exact result and so need no reference."""
        beads, variables = self.mappings[system][mapping].beads, self.variables_of(system)
        surface = [variables[name] for name in self.validation_of(system).surface]
        return self.systems[system].is_exact(surface, len(beads or ()))

    def _check_simulation(self, system: str, experiment: ExperimentSettings) -> None:
        simulation = self.simulations[experiment.simulation]
        at = f"simulations.{experiment.simulation}"
        if simulation.by_tables and not self.potentials[experiment.potential].tabulated:
            raise ValueError(simulation.needs_tables(at, experiment.potential))
        states = {
            name: self.state_points[name] for name in (*experiment.train, *experiment.held_out)
        }
        standard = STANDARD_PRESSURE if self.systems[system].depends_on_pressure else None
        pressures = {
            name: standard if one.pressure is None else one.pressure for name, one in states.items()
        }
        simulation.check_pressures(at, pressures)
        until = simulation.until
        by_variables = until and (
            until.r_hat or until.drift or (until.round_trips and not simulation.exchange)
        )
        if by_variables and not self.watched(experiment):
            raise ValueError(
                f"simulations.{experiment.simulation}.until: there is no collective variable to "
                f"judge convergence by: 'validation.{system}' has no 'surface', the run has no "
                f"bias, and the mapping '{experiment.mapping}' has no collective variables; "
                "declare one, or set 'until: null'"
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
            bias.check(f"simulations.{experiment.simulation}.bias", self._variables(system))

    def _check_levels(self, system: str, experiment: ExperimentSettings) -> None:
        """Hot levels of replica exchange must be hotter than the state points."""
        reference = self.reference_campaign(experiment)
        names = {*experiment.campaigns, *([] if reference is None else [reference])}
        for name in sorted(names & self.campaigns.get(system, {}).keys()):
            campaign = self.campaigns[system][name]
            for state in (*experiment.train, *experiment.held_out):
                temperature = self.state_points[state].temperature
                campaign.check_state_point(f"campaigns.{system}.{name}", state, temperature)

    def _check_held_out(self, where: str, experiment: ExperimentSettings) -> None:
        """Refuse held-out state points that are trained at under another name."""
        pressures_differ = self.systems[experiment.system].depends_on_pressure

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
        """Refuse training data with too few temperatures for the potential."""
        points = {self.state_points[name].temperature for name in experiment.train}
        levels = self._levels(experiment)
        if not _spread(points | levels):
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
        """Temperatures in the training data that are not those of its state points, K."""
        return {
            level
            for name in experiment.campaigns
            for state in experiment.train
            for level in self.campaigns[experiment.system][name].temperatures(
                self.state_points[state].temperature
            )[1:]
        }


def _spread(temperatures: set[float]) -> bool:
    """Whether temperatures differ enough for a slope along them."""
    return max(temperatures) > (1.0 + SAME_TEMPERATURE) * min(temperatures)


def _refuse(errors: Collected) -> None:
    if errors.lines:
        raise SeveralErrors(errors.lines)


def _check_names(section: str, where: str, names: Iterable[str]) -> None:
    """Refuse names that would give the same folder or file on some file systems."""
    seen = dict.fromkeys(RESERVED.get(section, ()), "is a reserved name in results/")
    for name in names:
        if name.casefold() in seen:
            raise ValueError(f"{where}.{name}: {seen[name.casefold()]}; choose another name")
        seen[name.casefold()] = f"differs from '{name}' only in upper and lower case"
