"""Make the files of an atomistic run, as you may have them from elsewhere.

    python resources/make_trajectory.py FOLDER [--length PS] [--runs N] [--no-bias]

The program uses OpenMM and MDAnalysis, and nothing of this project. It runs capped alanine in
implicit water at 300 K, biased along φ by a potential that does not change (or not at all), and
writes

    system.xml             the force field, without the bias
    run-1.trr, run-2.trr   positions and forces without the bias of every 20th step
    COLVAR-1, COLVAR-2     φ, ψ and the bias energy of the same frames, as PLUMED would write them
"""

import argparse
from pathlib import Path

import MDAnalysis
import numpy as np
import openmm
from openmm import app, unit

STRUCTURE = Path(__file__).with_name("capped_alanine.pdb")
TEMPERATURE, FRICTION, TIME_STEP = 300.0, 1.0, 0.002
EVERY = 20
"""Steps from frame to frame."""

TORSIONS = {
    "phi": ("ACE-C", "ALA-N", "ALA-CA", "ALA-C"),
    "psi": ("ALA-N", "ALA-CA", "ALA-C", "NME-N"),
}

BIAS = (
    "-0.75*(-4.5*cos(theta) + 17.0*sin(theta) + 4.2*cos(2*theta) - 12.5*sin(2*theta)"
    " + 9.4*cos(3*theta) + 2.7*sin(3*theta))"
)
"""Three quarters of the free energy along φ with the other sign, kJ/mol."""

GROUPS = {"force field": 0, "bias": 1, "phi": 2, "psi": 3}


def molecule() -> tuple[app.PDBFile, openmm.System]:
    """The structure, and its system without a bias."""
    structure = app.PDBFile(str(STRUCTURE))
    force_field = app.ForceField("amber99sbildn.xml", "amber99_obc.xml")
    return structure, force_field.createSystem(
        structure.topology, nonbondedMethod=app.NoCutoff, constraints=app.HBonds
    )


def torsion(topology: app.Topology, name: str, energy: str, group: int) -> openmm.Force:
    """A potential of a torsion."""
    numbers = {f"{atom.residue.name}-{atom.name}": atom.index for atom in topology.atoms()}
    force = openmm.CustomTorsionForce(energy)
    force.addTorsion(*[numbers[atom] for atom in TORSIONS[name]])
    force.setForceGroup(group)
    return force


def context(structure: app.PDBFile, system: openmm.System, seed: int) -> openmm.Context:
    """Dynamics with the bias, started from the structure."""
    integrator = openmm.LangevinMiddleIntegrator(TEMPERATURE, FRICTION, TIME_STEP)
    integrator.setRandomNumberSeed(seed)
    # Dynamics are those of the force field and the bias; the torsions are only evaluated.
    integrator.setIntegrationForceGroups({GROUPS["force field"], GROUPS["bias"]})
    platform = openmm.Platform.getPlatformByName("Reference")
    made = openmm.Context(system, integrator, platform)
    made.setPositions(structure.positions)
    made.setVelocitiesToTemperature(TEMPERATURE, seed)
    integrator.step(5000)
    return made


def run(made: openmm.Context, frames: int, trajectory: Path, colvar: Path) -> None:
    """Sample frames and write them."""
    n_atoms = made.getSystem().getNumParticles()
    universe = MDAnalysis.Universe.empty(n_atoms, trajectory=True, forces=True)
    rows = np.empty((frames, 4))
    with MDAnalysis.Writer(str(trajectory), n_atoms) as writer:
        for number in range(frames):
            made.getIntegrator().step(EVERY)
            state = made.getState(positions=True, forces=True, groups={GROUPS["force field"]})
            frame = universe.trajectory.ts
            # MDAnalysis works in Å and kJ/mol/Å, and writes the units of the format.
            frame.positions = state.getPositions(asNumpy=True).value_in_unit(unit.angstrom)
            frame.forces = 0.1 * state.getForces(asNumpy=True)._value
            frame.frame, frame.time = number, EVERY * TIME_STEP * (number + 1)
            writer.write(universe)
            energies = [
                made.getState(energy=True, groups={GROUPS[name]}).getPotentialEnergy()._value
                for name in ("phi", "psi", "bias")
            ]
            rows[number] = frame.time, *energies
    np.savetxt(colvar, rows, fmt="%.6f", header="! FIELDS time phi psi bias", comments="#")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="to write to")
    parser.add_argument("--length", type=float, default=2000.0, help="of each run, ps")
    parser.add_argument("--runs", type=int, default=3, help="number of independent runs")
    parser.add_argument("--no-bias", action="store_true", help="run without the bias")
    arguments = parser.parse_args()
    folder: Path = arguments.folder
    folder.mkdir(parents=True, exist_ok=True)
    structure, system = molecule()
    (folder / "system.xml").write_text(openmm.XmlSerializer.serialize(system))
    bias = "0" if arguments.no_bias else BIAS
    for name, energy, group in (("phi", bias, "bias"), *((n, "theta", n) for n in TORSIONS)):
        system.addForce(torsion(structure.topology, name, energy, GROUPS[group]))
    frames = round(arguments.length / (EVERY * TIME_STEP))
    for number in range(1, arguments.runs + 1):
        made = context(structure, system, seed=number)
        run(made, frames, folder / f"run-{number}.trr", folder / f"COLVAR-{number}")
        print(f"run {number}: {frames} frames", flush=True)


if __name__ == "__main__":
    main()
