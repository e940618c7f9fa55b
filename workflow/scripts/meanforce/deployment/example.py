"""Langevin dynamics of this CG model in OpenMM.

    python run.py --steps 10000

writes trajectory.dcd beside this file. CG time is not physical time. The folder may be copied to
any place; Python needs the packages of requirements.txt.
"""

import argparse
import json
import sys
from pathlib import Path

import openmm
from openmm import app, unit

FOLDER = Path(__file__).resolve().parent
# The version of the library that wrote this folder.
sys.path.insert(0, str(FOLDER / "meanforce.zip"))

from meanforce.deployment.folder import load_system  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=10000)
    parser.add_argument("--time-step", type=float, default=5.0, help="fs")
    parser.add_argument("--friction", type=float, default=2.0, help="1/ps")
    parser.add_argument("--platform", default="Reference", help="of OpenMM; models are small")
    arguments = parser.parse_args()
    temperature = json.loads((FOLDER / "deployment.json").read_text())["temperature"]
    start = app.PDBxFile(str(FOLDER / "topology.cif"))
    integrator = openmm.LangevinMiddleIntegrator(
        temperature * unit.kelvin,
        arguments.friction / unit.picosecond,
        arguments.time_step * unit.femtosecond,
    )
    platform = openmm.Platform.getPlatformByName(arguments.platform)
    simulation = app.Simulation(start.topology, load_system(FOLDER), integrator, platform)
    simulation.context.setPositions(start.positions)
    simulation.context.setVelocitiesToTemperature(temperature * unit.kelvin)
    every = max(1, arguments.steps // 100)
    simulation.reporters += [
        app.DCDReporter(str(FOLDER / "trajectory.dcd"), every),
        app.StateDataReporter(
            sys.stdout, 10 * every, step=True, potentialEnergy=True, temperature=True, speed=True
        ),
    ]
    simulation.step(arguments.steps)


if __name__ == "__main__":
    main()
