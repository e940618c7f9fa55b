"""Numbers of a config that are possible but unusual, as by a slip of a unit or of a digit."""

from collections.abc import Iterator

from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.settings.campaigns.protocol import ProtocolSettings
from meanforce.settings.config import Config
from meanforce.settings.systems.base import ExactlySolvableSettings
from meanforce.settings.systems.registry import System
from meanforce.units import KCAL, kt

TEMPERATURES = (50.0, 1500.0)
"""K."""

FRICTIONS = (0.001, 100.0)
"""1/ps, of atomistic runs."""

HIGHEST, STRONGEST = 3.0, 50.0
"""First hills of metadynamics, in kT, and bias factors."""

SOONEST = 10
"""Steps from hill to hill: the molecule has hardly moved before."""

LONGEST_STEP = 0.02
"""ps, of CG runs of molecules."""

ROUNDED = 1 + 1e-9
"""Factor by which rounding may lengthen a step."""

DEEPEST = 25.0
"""Free energies that surfaces are compared up to, in kT of the hottest state point."""


def magnitude_notices(config: Config) -> list[str]:
    """Sentences on temperatures, frictions, hills, steps and cutoffs beyond what is usual."""
    found = [
        f"state_points.{name}.temperature: {point.temperature:g} K is unusual for molecules "
        f"({TEMPERATURES[0]:g} to {TEMPERATURES[1]:g} K); it is in kelvins"
        for name, point in config.state_points.items()
        if not TEMPERATURES[0] <= point.temperature <= TEMPERATURES[1]
    ]
    coldest = kt(min(point.temperature for point in config.state_points.values()))
    for system, campaigns in config.campaigns.items():
        for name, campaign in campaigns.items():
            if isinstance(campaign, ProtocolSettings):
                where = f"campaigns.{system}.{name}"
                found += [f"{where}.{text}" for text in _of_campaign(campaign, coldest)]
    return [*found, *_of_cg_runs(config), *_of_surfaces(config)]


def _of_cg_runs(config: Config) -> Iterator[str]:
    """Time steps of the CG runs of molecules."""
    used = {
        experiment.simulation
        for experiment in config.experiments.values()
        if _is_molecular(config.systems[experiment.system])
    }
    for name in sorted(used):
        step = config.simulations[name].time_step
        if step > LONGEST_STEP * ROUNDED:
            yield (
                f"simulations.{name}.time_step: {1000 * step:g} fs is long for beads of a few "
                "atoms, whose bonds vibrate within some 30 to 100 fs; usual are 2 to 10 fs"
            )


def _is_molecular(system: System) -> bool:
    """Whether masses and stiffnesses are those of atoms, unlike in a model of one's own units."""
    return system.has_force_field and not isinstance(system, ExactlySolvableSettings)


def _of_surfaces(config: Config) -> Iterator[str]:
    """Free energies up to which surfaces are compared."""
    for system, validation in config.validation.items():
        temperatures = [
            config.state_points[state].temperature
            for experiment in config.experiments.values()
            if experiment.system == system
            for state in (*experiment.train, *experiment.held_out)
        ]
        if validation.surface and temperatures:
            thermal = kt(max(temperatures))
            if validation.cutoff > DEEPEST * thermal:
                yield (
                    f"validation.{system}.cutoff: {validation.cutoff / KCAL:.3g} kcal/mol is "
                    f"{validation.cutoff / thermal:.0f} kT, far above all free energies that "
                    "sampling finds; usual are 3 to 6 kcal/mol"
                )


def _of_campaign(campaign: ProtocolSettings, thermal: float) -> Iterator[str]:
    if not FRICTIONS[0] <= campaign.friction <= FRICTIONS[1]:
        yield (
            f"friction: {campaign.friction:g} / ps is unusual ({FRICTIONS[0]:g} to "
            f"{FRICTIONS[1]:g} / ps): less does not keep the temperature, more stops all motion"
        )
    if not isinstance(campaign, MetadynamicsSettings):
        return
    if campaign.height > HIGHEST * thermal:
        yield (
            f"height: hills of {campaign.height:g} kJ/mol are {campaign.height / thermal:.0f} kT "
            f"high at first, which tears molecules apart; usual are less than {HIGHEST:g} kT"
        )
    if campaign.bias_factor > STRONGEST:
        yield (
            f"bias_factor: {campaign.bias_factor:g} fills free energies far above those of "
            f"interest; usual are 5 to 20, and up to {STRONGEST:g}"
        )
    if campaign.pace < SOONEST * campaign.time_step:
        yield (
            f"pace: a hill every {campaign.pace / campaign.time_step:.0f} steps piles hills up "
            f"where the molecule has not moved; usual are {SOONEST} steps at least, such as 0.5 ps"
        )
