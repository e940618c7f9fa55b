"""MDTraj topologies of systems, before and after they are prepared."""

from pathlib import Path

import mdtraj

from meanforce.errors import InputError
from meanforce.settings.systems.registry import System
from meanforce.systems.bead_records import read_topology
from meanforce.systems.described import Described
from meanforce.systems.registry import describe


def input_topology(settings: System) -> mdtraj.Topology:
    """Topology as the config describes it, before any job has run.

    Raises:
        InputError: a file is missing or unreadable, or files do not fit each other.
    """
    return described_topology(describe(settings))


def described_topology(described: Described) -> mdtraj.Topology:
    """Topology of a system that is described."""
    return mdtraj.Topology.from_openmm(described.topology)


def prepared_topology(path: Path) -> mdtraj.Topology:
    """Topology written by the stage `prepare` (`topology.cif`).

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        return mdtraj.Topology.from_openmm(read_topology(path)[0])
    except (OSError, LookupError, ValueError) as error:
        raise InputError(f"{path}: is not the topology of a prepared system ({error})") from error
