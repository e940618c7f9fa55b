"""The stage `beads`: the beads of a mapping on a prepared system."""

from pathlib import Path

from meanforce.jobs.beads import BeadsJob
from meanforce.mapping.beads_file import MASSES, MappedSystem
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.virtual_sites import refuse_placed_atoms
from meanforce.systems.atoms import atoms_of
from meanforce.systems.prepared import Prepared
from meanforce.systems.topology import prepared_topology


def beads_of(job: BeadsJob, prepared: Path) -> MappedSystem:
    """Beads of a mapping on a prepared system.

    Args:
        job: which beads.
        prepared: folder made by the stage `prepare`.

    Raises:
        InputError: the mapping does not fit the system.
    """
    topology = prepared_topology(prepared / "topology.cif")
    system = Prepared.read(prepared)
    atoms = atoms_of(system)
    where, found = f"mappings.{job.name}", {}
    for kind in MASSES:
        mapping = job.mapping.model_copy(update={"masses": kind})
        found[kind] = build_beads(mapping, topology, where, atoms)
    refuse_placed_atoms(found["sum"], system.system, topology, where)
    return MappedSystem(job.name, topology.n_atoms, found)
