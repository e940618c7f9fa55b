"""Check of what campaigns store, when a run is planned."""

import mdtraj
import numpy as np

from meanforce.core.beads import Beads
from meanforce.mapping.solvent import solute_atoms
from meanforce.mapping.stored_atoms import refuse_missing_atoms, refuse_solute_only
from meanforce.settings.config import Config


def check_store(
    config: Config,
    system: str,
    campaign: str,
    beads: dict[str, Beads],
    topology: mdtraj.Topology,
    solvated: bool,
) -> None:
    """Refuse a campaign that stores the solute only, where a mapping of its frames needs more.

    Args:
        config: the whole config.
        system: its name.
        campaign: its name.
        beads: of the system, by mapping.
        topology: of the system's atoms, as far as they are known before it is prepared.
        solvated: whether water or ions may be added to them.

    Raises:
        InputError: names the campaign, the mapping and what is allowed.
    """
    settings = config.campaigns[system][campaign]
    if settings.imported or settings.store == "all":
        return
    where = f"campaigns.{system}.{campaign}.store: is 'solute', and mapping"
    mapped = {
        experiment.mapping
        for experiment in config.experiments.values()
        if experiment.system == system
        and campaign in (*experiment.campaigns, config.reference_campaign(experiment))
    }
    for name in sorted(mapped & set(beads)):
        mapping = config.mappings[system][name]
        refuse_solute_only(mapping, beads[name], topology, solvated, f"{where} '{name}' is used")
    biased = {config.variables_of(system)[name].mapping for name in settings.biased_variables}
    for name in sorted((biased | {settings.biased_mapping}) & set(beads)):
        refuse_missing_atoms(
            beads[name], np.array(solute_atoms(topology)), f"{where} '{name}' is biased"
        )
