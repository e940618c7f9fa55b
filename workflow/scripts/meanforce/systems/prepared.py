"""A system that is ready to sample: what the stage `prepare` writes and later stages read."""

import dataclasses
from pathlib import Path

import openmm
from openmm import app, unit

from meanforce.errors import InputError


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An OpenMM system with its topology and a starting configuration.

    Attributes:
        system: without any bias.
        topology: same atom order as the system.
        positions: nm, shape (n_atoms, 3).
    """

    system: openmm.System
    topology: app.Topology
    positions: unit.Quantity

    def write(self, folder: Path) -> None:
        """Write `system.xml`, `topology.cif` and `state.xml` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        context = openmm.Context(
            self.system,
            openmm.VerletIntegrator(0.001),
            openmm.Platform.getPlatformByName("Reference"),
        )
        context.setPositions(self.positions)
        state = context.getState(positions=True, energy=True)
        (folder / "system.xml").write_text(openmm.XmlSerializer.serialize(self.system))
        (folder / "state.xml").write_text(openmm.XmlSerializer.serialize(state))
        with (folder / "topology.cif").open("w") as file:
            app.PDBxFile.writeFile(self.topology, self.positions, file, keepIds=True)

    @classmethod
    def read(cls, folder: Path) -> "Prepared":
        """Read what `write` wrote.

        Raises:
            InputError: a file is missing or was not written by `write`.
        """
        try:
            system = openmm.XmlSerializer.deserialize((folder / "system.xml").read_text())
            state = openmm.XmlSerializer.deserialize((folder / "state.xml").read_text())
            topology = app.PDBxFile(str(folder / "topology.cif")).topology
        except (OSError, openmm.OpenMMException, ValueError) as error:
            raise InputError(f"{folder}: is not a prepared system ({error})") from error
        return cls(system, topology, state.getPositions())
