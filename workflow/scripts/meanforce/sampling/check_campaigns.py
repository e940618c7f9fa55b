"""Checks of campaigns when a run is planned: their files, formulas and models."""

from pathlib import Path

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.sampling.network_bias import read_model
from meanforce.sampling.static import check_formula
from meanforce.settings.config import Config


def check_files_and_formula(config: Config, system: str, name: str) -> None:
    """Refuse files that do not exist, and formulas that OpenMM cannot read."""
    campaign = config.campaigns[system][name]
    for key, file in campaign.input_files:
        if not Path(file).is_file():
            raise InputError(f"{key}: '{file}' does not exist")
    if campaign.bias_formula is not None:
        try:
            check_formula(campaign.bias_formula, campaign.biased_variables)
        except InputError as error:
            raise InputError(f"formula: {error}") from None


def check_models(config: Config, beads: dict[str, Beads], system: str, name: str) -> None:
    """Refuse models of a bias that cannot be read, or are of other beads than its mapping's."""
    campaign, where = config.campaigns[system][name], f"campaigns.{system}.{name}"
    if campaign.biased_mapping not in beads:
        known = ", ".join(config.mappings.get(system, {})) or "none"
        raise InputError(
            f"{where}.mapping: '{campaign.biased_mapping}' is not a mapping of this system; known: "
            f"{known}"
        )
    own = beads[campaign.biased_mapping]
    any_temperature = 300.0
    paths = [Path(path) for path in campaign.models]
    read_model(paths, own, any_temperature, f"{where}.models")


def check_one_molecule(
    config: Config, beads: dict[str, Beads], periodic: bool, place: tuple[str, str]
) -> None:
    """Refuse a network's bias on several molecules in a periodic box."""
    system, name = place
    mapping = config.campaigns[system][name].biased_mapping
    own = beads[mapping]
    if periodic and own.n_molecules > 1:
        raise InputError(
            f"campaigns.{system}.{name}.mapping: '{mapping}' has beads of {own.n_molecules} "
            "molecules in a periodic box, but a network on all distances takes only a single "
            "molecule there"
        )
