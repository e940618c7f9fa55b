"""Sample one replica of a campaign with OpenMM and write trajectory.h5 and log.csv."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.mapping.configuration import build_beads
from meanforce.progress import report, work_folder
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.engine import Engine
from meanforce.sampling.registry import make_bias
from meanforce.settings.campaigns import Campaign
from meanforce.settings.collective_variables import CollectiveVariable
from meanforce.settings.job import read_settings, validated, validated_each
from meanforce.settings.mappings import Mapping
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file: {campaign, temperature, collective_variables, mappings, seed}",
    )
    parser.add_argument("--trajectory", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--log", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    settings = read_settings(arguments.settings)
    campaign = validated(Campaign, settings["campaign"], "campaign")
    topology = prepared_topology(arguments.prepared / "topology.cif")
    beads = {
        name: build_beads(mapping, topology, f"mappings.{name}")
        for name, mapping in validated_each(Mapping, settings["mappings"], "mappings").items()
    }
    declared = validated_each(
        CollectiveVariable, settings["collective_variables"], "collective_variables"
    )
    variables = {
        name: as_variable(variable, beads[variable.mapping], f"collective_variables.{name}")
        for name, variable in declared.items()
    }
    engine = Engine(
        Prepared.read(arguments.prepared),
        campaign,
        make_bias(campaign, variables, settings["temperature"]),
        settings["temperature"],
        settings["seed"],
        arguments.threads,
    )
    with work_folder(arguments.trajectory) as folder:
        engine.run(folder / "trajectory.h5", folder / "log.csv", report)
        (folder / "log.csv").replace(arguments.log)
        (folder / "trajectory.h5").replace(arguments.trajectory)


if __name__ == "__main__":
    main()
