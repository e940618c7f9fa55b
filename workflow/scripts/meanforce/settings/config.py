"""The whole configuration and the cross-checks between its sections."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Pressure, Settings, Temperature
from meanforce.settings.campaigns import Campaign, collective_variables_of
from meanforce.settings.collective_variables import CollectiveVariable, is_periodic
from meanforce.settings.experiments import Experiment, Simulation
from meanforce.settings.mappings import Mapping
from meanforce.settings.potentials import Cgnet, Potential
from meanforce.settings.systems import System
from meanforce.settings.validation import Validation


class StatePoint(Settings):
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
    state_points: dict[Name, StatePoint] = Field(min_length=1)
    mappings: dict[Name, dict[Name, Mapping]] = Field(description="system: name: mapping")
    collective_variables: dict[Name, dict[Name, CollectiveVariable]] = Field(
        default={}, description="system: name: collective variable"
    )
    campaigns: dict[Name, dict[Name, Campaign]] = Field(description="system: name: campaign")
    potentials: dict[Name, Potential]
    simulations: dict[Name, Simulation] = Field(description="name: how a CG model is run")
    validation: dict[Name, Validation] = Field(default={}, description="system: validation")
    experiments: dict[Name, Experiment] = Field(min_length=1)

    @model_validator(mode="after")
    def _references(self) -> Self:
        for section in ("mappings", "collective_variables", "campaigns", "validation"):
            for system in getattr(self, section):
                _known(f"{section}.{system}", system, self.systems, "system")
        for system, variables in self.collective_variables.items():
            for name, variable in variables.items():
                where = f"collective_variables.{system}.{name}.mapping"
                _known(where, variable.mapping, self.mappings.get(system, {}), "mapping")
        for system, campaigns in self.campaigns.items():
            for name, campaign in campaigns.items():
                self._check_campaign(f"campaigns.{system}.{name}", system, campaign)
        for system, validation in self.validation.items():
            where = f"validation.{system}"
            self._check_variables(f"{where}.surface", system, validation.surface)
            self._check_ends(where, system, validation.surface, validation)
        for name, experiment in self.experiments.items():
            self._check_experiment(f"experiments.{name}", experiment)
        return self

    def variables_of(self, system: str) -> dict[str, CollectiveVariable]:
        """Collective variables of a system by name."""
        return self.collective_variables.get(system, {})

    def _check_variables(self, where: str, system: str, names: Iterable[str]) -> None:
        for name in names:
            _known(where, name, self.variables_of(system), "collective variable")

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

    def _check_campaign(self, where: str, system: str, campaign: Campaign) -> None:
        names = collective_variables_of(campaign)
        self._check_variables(f"{where}.collective_variables", system, names)
        for key in ("stride", "equilibration", "pace"):
            value = getattr(campaign, key, None)
            if value and value < campaign.time_step:
                raise ValueError(f"{where}.{key}: is shorter than one time_step")
        for state in campaign.length_at:
            _known(f"{where}.length_at", state, self.state_points, "state point")
        shortest = min([campaign.length, *campaign.length_at.values()])
        if campaign.stride > shortest:
            raise ValueError(f"{where}.stride: is longer than 'length', so no frame is stored")
        if campaign.kind == "metadynamics":
            _same_number(f"{where}.width", campaign.width, names)
            if campaign.burn_in + campaign.stride > shortest:
                raise ValueError(f"{where}.burn_in: leaves nothing of 'length' to store")
            for name in names:
                if not is_periodic(self.variables_of(system)[name].kind):
                    raise ValueError(
                        f"{where}.collective_variables: '{name}' is not periodic; metadynamics "
                        "takes collective variables of the kind dihedral"
                    )
        if campaign.kind == "static":
            for number, gaussian in enumerate(campaign.gaussians):
                _same_number(f"{where}.gaussians[{number}].center", gaussian.center, names)
                _same_number(f"{where}.gaussians[{number}].width", gaussian.width, names)

    def _check_experiment(self, where: str, experiment: Experiment) -> None:
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
        if experiment.reference is not None:
            _known(f"{where}.reference", experiment.reference, campaigns, "campaign")
        elif self.systems[system].kind != "muller_brown":
            raise ValueError(
                f"{where}.reference: is missing; name the campaign to validate against "
                f"({', '.join(campaigns)})"
            )
        if system not in self.validation:
            raise ValueError(f"validation.{system}: is missing; experiments of it need it")
        potential = self.potentials[experiment.potential]
        if not isinstance(potential, Cgnet):
            self._check_variables(
                f"potentials.{experiment.potential}.collective_variable",
                system,
                [potential.collective_variable],
            )
        if potential.temperature != "none" and len(self._temperatures(experiment)) < 2:
            raise ValueError(
                f"{where}.train: a potential that depends on temperature needs two state points "
                "of different temperature; add one, or set the potential's 'temperature: none'"
            )
        bias = self.simulations[experiment.simulation].bias
        if bias is not None:
            at = f"simulations.{experiment.simulation}.bias"
            self._check_variables(f"{at}.collective_variables", system, bias.collective_variables)
            _same_number(f"{at}.width", bias.width, bias.collective_variables)
            self._check_ends(at, system, bias.collective_variables, bias)

    def _temperatures(self, experiment: Experiment) -> set[float]:
        return {self.state_points[name].temperature for name in experiment.train}


def _known(where: str, name: str, known: Iterable[str], what: str) -> None:
    if name not in known:
        raise ValueError(
            f"{where}: there is no {what} '{name}'; known: {', '.join(sorted(known)) or 'none'}"
        )


def _same_number(where: str, values: list, names: list[str]) -> None:
    if len(values) != len(names):
        raise ValueError(
            f"{where}: {len(values)} given, but {len(names)} collective variables "
            f"({', '.join(names)})"
        )
