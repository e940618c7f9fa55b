"""MDTraj topologies of systems, before and after they are prepared."""

from pathlib import Path

import mdtraj

from meanforce.errors import InputError
from meanforce.settings.systems.base import MoleculeSettings
from meanforce.settings.systems.registry import System
from meanforce.systems import peptide, registry
from meanforce.systems.bead_records import read_topology


def input_topology(settings: System) -> mdtraj.Topology:
    """Topology as the config describes it, before any job has run.

    Raises:
        InputError: the file that describes it is missing or unreadable.
    """
    if not isinstance(settings, MoleculeSettings):
        return mdtraj.Topology.from_openmm(registry.build(settings, 0).topology)
    return mdtraj.Topology.from_openmm(peptide.read_structure(settings.structure).topology)


def prepared_topology(path: Path) -> mdtraj.Topology:
    """Topology written by the stage `prepare` (`topology.cif`).

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return mdtraj.Topology.from_openmm(read_topology(path)[0])
    except (OSError, LookupError, ValueError) as error:
        raise InputError(f"{path}: is not the topology of a prepared system ({error})") from error
