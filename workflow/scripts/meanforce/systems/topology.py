"""MDTraj topologies of systems, before and after they are prepared."""

from pathlib import Path

import mdtraj
from openmm import app

from meanforce.errors import InputError
from meanforce.settings.systems.registry import System
from meanforce.systems import peptide, registry


def input_topology(settings: System) -> mdtraj.Topology:
    """Topology as the config describes it, before any job has run.

    Raises:
        InputError: the structure file is missing or unreadable.
    """
    if not settings.input_files:
        return mdtraj.Topology.from_openmm(registry.described(settings).topology)
    return mdtraj.Topology.from_openmm(peptide.read_structure(settings.structure).topology)


def prepared_topology(path: Path) -> mdtraj.Topology:
    """Topology written by the stage `prepare` (`topology.cif`).

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return mdtraj.Topology.from_openmm(app.PDBxFile(str(path)).topology)
    except (OSError, LookupError, ValueError) as error:
        raise InputError(f"{path}: is not the topology of a prepared system ({error})") from error
