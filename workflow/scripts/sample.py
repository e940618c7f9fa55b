"""Sample one replica of a campaign with OpenMM: trajectory.h5, log.csv and segments.csv."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.mapping.configuration import build_beads
from meanforce.progress import report
from meanforce.restart.job import add_options, digest, resumable
from meanforce.sampling.collective_variables import as_variable
from meanforce.sampling.engine import Engine
from meanforce.sampling.registry import dynamics_of
from meanforce.sampling.task import Host, Task
from meanforce.settings.campaigns.registry import Campaign
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import read_settings, validated, validated_each
from meanforce.settings.mappings import MappingSettings
from meanforce.systems.atoms import atoms_of
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prepared", type=Path, required=True, help="folder made by prepare.py")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file: "
        "{campaign, job, temperature, collective_variables, mappings, seed}",
    )
    parser.add_argument("--start", type=Path, help="state.xml made by equilibrate.py")
    parser.add_argument("--bias-of", type=Path, help="trajectory whose final bias is used, frozen")
    parser.add_argument("--shared", type=Path, help="folder in which jobs exchange their hills")
    parser.add_argument("--trajectory", type=Path, required=True, help="HDF5 file to write")
    parser.add_argument("--log", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--segments", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--threads", type=int, default=1)
    add_options(parser)
    arguments = parser.parse_args()
    settings = read_settings(arguments.settings)
    inputs = [arguments.prepared / "system.xml", arguments.prepared / "state.xml"]
    optional = {"start": arguments.start, "bias_of": arguments.bias_of}
    identity = {
        "settings": dict(settings),
        "inputs": {path.name: digest(path) for path in inputs}
        | {name: digest(path) for name, path in optional.items() if path},
    }
    with resumable(
        arguments.trajectory, identity, arguments.time_limit, arguments.bundle_every
    ) as job:
        bundle = job.load()
        prepared = Prepared.read(arguments.prepared, arguments.start)
        task = _task(settings, arguments, prepared)
        platform = bundle.info["platform"] if bundle else None
        dynamics = dynamics_of(task, Host(prepared, arguments.threads, platform))
        engine = Engine(dynamics, task.campaign, task.temperature, prepared.topology, job, report)
        made = {name: job.folder / name for name in ("trajectory.h5", "log.csv", "segments.csv")}
        engine.run(bundle, *made.values())
        made["log.csv"].replace(arguments.log)
        made["segments.csv"].replace(arguments.segments)
        made["trajectory.h5"].replace(arguments.trajectory)


def _task(settings, arguments, prepared: Prepared) -> Task:
    campaign = validated(Campaign, settings["campaign"], "campaign")
    topology = prepared_topology(arguments.prepared / "topology.cif")
    beads = {
        name: build_beads(mapping, topology, f"mappings.{name}", atoms_of(prepared))
        for name, mapping in validated_each(
            MappingSettings, settings["mappings"], "mappings"
        ).items()
    }
    declared = validated_each(
        CollectiveVariableSettings, settings["collective_variables"], "collective_variables"
    )
    shared = {key: settings[key] for key in ("campaign", "collective_variables", "mappings")}
    return Task(
        campaign=campaign,
        # JSON objects are sorted; the campaign has the order.
        variables={
            name: as_variable(
                declared[name], beads[declared[name].mapping], f"collective_variables.{name}"
            )
            for name in campaign.biased_variables
        },
        temperature=settings["temperature"],
        seed=settings["seed"],
        job=settings["job"],
        bias_of=arguments.bias_of,
        shared=arguments.shared,
        identity=shared | {"temperature": settings["temperature"]},
    )


if __name__ == "__main__":
    main()
