"""A system that is ready to sample: what the stage `prepare` writes and later stages read."""

import dataclasses
import io
from pathlib import Path

import openmm
from openmm import app, unit

from meanforce.errors import InputError
from meanforce.systems.bead_records import read_topology, with_records
from meanforce.systems.structure_file import write_structure


@dataclasses.dataclass(frozen=True)
class Prepared:
    """An OpenMM system with its topology and a starting configuration.

    Attributes:
        system: without any bias.
        topology: same atom order as the system.
        positions: nm, shape (n_atoms, 3).
        bead_types: types of the atoms where they are beads, which have no elements.
    """

    system: openmm.System
    topology: app.Topology
    positions: unit.Quantity
    bead_types: tuple[str, ...] | None = None

    @property
    def periodic(self) -> bool:
        """Whether it is in a periodic box; without forces only the topology shows it."""
        if self.bead_types is None:
            return self.system.usesPeriodicBoundaryConditions()
        return self.topology.getPeriodicBoxVectors() is not None

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
        text = io.StringIO()
        if self.bead_types is None:
            write_structure(self.topology, self.positions, text)
            (folder / "topology.cif").write_text(text.getvalue())
        else:
            app.PDBxFile.writeFile(self.topology, self.positions, text, keepIds=True)
            records = with_records(text.getvalue(), self.topology, self.bead_types)
            (folder / "topology.cif").write_text(records)

    @classmethod
    def read(cls, folder: Path, start: Path | None = None) -> "Prepared":
        """Read what `write` wrote.

        Args:
            folder: with the files of `write`.
            start: file of an equilibrated state, to take positions and the box from; the box
                becomes the system's default one.

        Raises:
            InputError: a file is missing, of another kind, or of another system.
        """
        try:
            system = _read(folder / "system.xml", "System")
            state = _read(folder / "state.xml", "State")
            topology, types = read_topology(folder / "topology.cif")
        except (OSError, openmm.OpenMMException, LookupError, ValueError) as error:
            raise InputError(f"{folder}: is not a prepared system ({error})") from error
        counts = {system.getNumParticles(), len(state.getPositions()), topology.getNumAtoms()}
        if len(counts) > 1:
            raise InputError(
                f"{folder}: is not a prepared system (its files have "
                f"{' and '.join(map(str, sorted(counts)))} atoms)"
            )
        if start is None:
            return cls(system, topology, state.getPositions(), types)
        state = _read_state(start, system.getNumParticles())
        system.setDefaultPeriodicBoxVectors(*state.getPeriodicBoxVectors())
        topology.setPeriodicBoxVectors(state.getPeriodicBoxVectors())
        return cls(system, topology, state.getPositions(), types)


def deserialised(text: str, root: str) -> openmm.System | openmm.State:
    """Object that OpenMM wrote as XML.

    Args:
        text: the XML.
        root: name of its root.

    Raises:
        ValueError: the text was cut short; OpenMM would read the part that exists, without the
            missing forces.
    """
    if not text.rstrip().endswith(f"</{root}>"):
        raise ValueError(f"it was cut short, or its root is not <{root}>")
    return openmm.XmlSerializer.deserialize(text)


def _read(path: Path, root: str) -> openmm.System | openmm.State:
    try:
        return deserialised(path.read_text(), root)
    except ValueError as error:
        raise ValueError(f"{path.name}: {error}") from error


def _read_state(path: Path, n_atoms: int) -> openmm.State:
    try:
        state = _read(path, "State")
        found = len(state.getVelocities())
    except (OSError, AttributeError, openmm.OpenMMException, ValueError) as error:
        raise InputError(f"{path}: is not an equilibrated state ({error})") from error
    if found != n_atoms:
        raise InputError(f"{path}: has {found} atoms, but the prepared system has {n_atoms}")
    return state


def degrees_of_freedom(system: openmm.System) -> int:
    """Number of quadratic terms of the kinetic energy."""
    massive = sum(system.getParticleMass(i)._value > 0 for i in range(system.getNumParticles()))
    removed = any(isinstance(force, openmm.CMMotionRemover) for force in system.getForces())
    return 3 * massive - system.getNumConstraints() - 3 * removed
