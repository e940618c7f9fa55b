"""Prepare a system: parametrise, minimise, and write system.xml, topology.cif and state.xml."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.progress import report
from meanforce.settings.job import read_settings, validated
from meanforce.settings.systems.registry import System
from meanforce.systems.registry import build


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--settings", required=True, help="JSON text or file: {system, seed}")
    parser.add_argument("--output", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    settings = read_settings(arguments.settings)
    system = validated(System, settings["system"], "system")
    prepared = build(system, settings["seed"])
    prepared.write(arguments.output)
    report(f"{prepared.system.getNumParticles()} atoms")


if __name__ == "__main__":
    main()
