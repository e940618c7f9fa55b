"""Export a spline or rbf of a molecule as tables for OpenMM, LAMMPS or GROMACS."""

import argparse
from pathlib import Path

import numpy as np
import openmm

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError, exits_cleanly
from meanforce.potentials.card import temperature_for
from meanforce.potentials.files import load
from meanforce.progress import report
from meanforce.tables.curve_tables import tables_of
from meanforce.tables.gromacs import write_gromacs
from meanforce.tables.lammps import write_lammps
from meanforce.tables.lammps_start import write_start
from meanforce.tables.openmm_system import build_system


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, required=True, help=".safetensors file")
    parser.add_argument(
        "--temperature",
        required=True,
        help="of the model: 300, '300 K' or a state point such as T300",
    )
    parser.add_argument("--format", choices=("openmm", "lammps", "gromacs"), required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    parser.add_argument(
        "--dataset",
        type=Path,
        help="H5MD file of the beads: masses (openmm); a data file and a script, too (lammps)",
    )
    parser.add_argument(
        "--points", type=int, default=1001, help="points of a table (lammps, gromacs)"
    )
    arguments = parser.parse_args()
    temperature = temperature_for(arguments.temperature, arguments.model)
    if not 10 <= arguments.points <= 10**6:
        raise InputError(f"--points: {arguments.points} is not between 10 and 1000000")
    molecule, tables = tables_of(load(arguments.model)[0], temperature)
    if arguments.format == "openmm" and arguments.dataset is None:
        raise InputError("--dataset: is missing; an OpenMM system needs the beads' masses")
    if arguments.output.is_dir() and any(arguments.output.iterdir()):
        raise InputError(f"--output: the folder '{arguments.output}' has files; give another one")
    arguments.output.mkdir(parents=True, exist_ok=True)
    if arguments.format == "openmm":
        masses, _ = beads_of(arguments.dataset, molecule, arguments.model)
        path = arguments.output / "system.xml"
        path.write_text(openmm.XmlSerializer.serialize(build_system(molecule, tables, masses)))
        paths = [path]
    else:
        write = write_lammps if arguments.format == "lammps" else write_gromacs
        paths = write(molecule, tables, arguments.output, arguments.points)
        if arguments.format == "lammps" and arguments.dataset is not None:
            beads = beads_of(arguments.dataset, molecule, arguments.model)
            paths += write_start(molecule, tables, *beads, arguments.output)
    report(f"{len(tables)} curves at {temperature:g} K: {len(paths)} files in "
           f"{arguments.output}")  # fmt: skip


def beads_of(dataset: Path, molecule: Topology, model: Path) -> tuple[np.ndarray, np.ndarray]:
    """Masses in u, shape (n_beads,), and the first positions in nm, shape (n_beads, 3).

    Raises:
        InputError: the dataset has other beads than the model, or no frame.
    """
    with H5mdReader(dataset) as reader:
        names, masses = reader.parameters["bead_names"], reader.masses
        positions = reader.positions(slice(0, 1)).astype(float)
    if list(names) != list(molecule.names):
        raise InputError(f"{dataset}: has other beads than {model}")
    if not len(positions):
        raise InputError(f"{dataset}: holds no frame to start from")
    return masses, positions[0]


if __name__ == "__main__":
    main()
