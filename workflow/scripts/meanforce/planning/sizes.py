"""Numbers of atoms and beads of a run's systems, before any job."""

from pathlib import Path

import openmm

from meanforce.errors import MAKE_AGAIN, InputError
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.solvent import solute_atoms
from meanforce.paths import PreparedPaths
from meanforce.planning.amounts import Sizes
from meanforce.settings.config import Config
from meanforce.settings.systems.solvated_peptide import SolvatedPeptideSettings
from meanforce.systems.registry import describe
from meanforce.systems.topology import described_topology
from meanforce.systems.water_box import diameter

WATER = 33.0
"""Molecules of liquid water in a nm³."""

SITES = {"tip3p": 3, "spce": 3, "tip4pew": 4, "tip5p": 5}
"""Particles of a water molecule."""


def sizes_of(config: Config) -> tuple[Sizes, list[str]]:
    """Atoms of all systems and beads of all mappings.

    Returns:
        the sizes, and the systems whose number of atoms was estimated from the volume of their box.

    Raises:
        InputError: a system cannot be read, or a mapping does not fit it.
    """
    atoms, solute, beads, guessed = {}, {}, {}, []
    for system, settings in config.systems.items():
        if system not in config.mappings:
            continue
        described = describe(settings)
        topology = described_topology(described)
        for name, mapping in config.mappings[system].items():
            found = build_beads(mapping, topology, f"mappings.{system}.{name}")
            beads[system, name] = len(found.names)
        solute[system] = len(solute_atoms(topology))
        prepared = Path(PreparedPaths(system).system_xml)
        atoms[system] = topology.n_atoms
        if prepared.exists():
            atoms[system] = particles(prepared)
        elif isinstance(settings, SolvatedPeptideSettings):
            edge = settings.box or diameter(described.positions) + settings.padding
            atoms[system] = max(topology.n_atoms, round(
                edge**3 * WATER * SITES[settings.water_model]
            ))  # fmt: skip
            guessed.append(system)
    return Sizes(atoms, solute, beads), guessed


def particles(system_xml: Path) -> int:
    """Particles of a prepared system.

    Raises:
        InputError: the file is not that of a system.
    """
    try:
        return openmm.XmlSerializer.deserialize(system_xml.read_text()).getNumParticles()
    except (OSError, openmm.OpenMMException, AttributeError, ValueError) as error:
        raise InputError(f"{system_xml}: is not a system ({error}); {MAKE_AGAIN}") from None
