"""A system on the whole way from its settings to mapped frames, in a few steps of dynamics."""

import dataclasses
from pathlib import Path

import numpy as np
import openmm

import torsion
from meanforce.core.beads import Beads
from meanforce.data.forces import ForcesReader
from meanforce.data.h5md import H5mdReader
from meanforce.data.trajectory import TrajectoryReader
from meanforce.mapping.apply import Files, map_replica
from meanforce.mapping.configuration import build_beads
from meanforce.mapping.system_atoms import SystemAtoms
from meanforce.sampling.recompute import recompute
from meanforce.settings.campaigns.unbiased import UnbiasedSettings
from meanforce.settings.job import validated
from meanforce.settings.mappings import MappingSettings
from meanforce.settings.systems.registry import System
from meanforce.systems.atoms import atoms_of
from meanforce.systems.described import Described
from meanforce.systems.prepared import Prepared
from meanforce.systems.registry import build
from meanforce.systems.topology import input_topology, prepared_topology

PROTOCOL = {
    "kind": "unbiased", "length": 0.2, "stride": 0.02, "time_step": 0.001, "friction": 5.0,
    "equilibration": 0.02, "platform": "CPU",
}  # fmt: skip
FRAMES = 10


@dataclasses.dataclass(frozen=True)
class Mapped:
    """Results of the stages.

    Attributes:
        prepared: the system as it is read from its files.
        beads: of the prepared system.
        described: of the system as its settings describe it; the same, if all is well.
        positions, forces: of atoms, shape (n_frames, n_atoms, 3).
        dataset: of beads.
    """

    prepared: Prepared
    beads: Beads
    described: Beads
    positions: np.ndarray
    forces: np.ndarray
    dataset: H5mdReader


def system_of(**values) -> System:
    """Settings of a system, in internal units."""
    return validated(System, values, "system")


def energy_and_forces(
    described: Described, system: openmm.System | None = None
) -> tuple[float, np.ndarray]:
    """Potential energy in kJ/mol and forces in kJ/mol/nm of the start structure."""
    context = openmm.Context(
        system or described.parametrised(),
        openmm.VerletIntegrator(0.001),
        openmm.Platform.getPlatformByName("Reference"),
    )
    context.setPositions(described.positions)
    state = context.getState(energy=True, forces=True)
    return state.getPotentialEnergy()._value, state.getForces(asNumpy=True)._value


def sampled_and_mapped(settings: System, mapping: dict, folder: Path, **changes) -> Mapped:
    """Prepare, sample, recompute forces and map, through the files of each stage."""
    folder.mkdir(exist_ok=True, parents=True)
    build(settings, 1).write(folder / "prepared")
    prepared = Prepared.read(folder / "prepared")
    campaign = validated(UnbiasedSettings, PROTOCOL | changes, "campaign")
    torsion.run(campaign, folder, system=prepared).__exit__()
    recompute(
        prepared, folder / "trajectory.h5", folder / "forces.h5", 1,
        torsion.job_in(folder / "f"), lambda line: None,
    )  # fmt: skip
    return mapped(settings, mapping, folder / "prepared", folder)


def mapped(settings: System, mapping: dict, prepared_folder: Path, folder: Path) -> Mapped:
    """Map the trajectory and the forces in a folder, wherever they come from."""
    prepared = Prepared.read(prepared_folder)
    topology = prepared_topology(prepared_folder / "topology.cif")
    chosen = validated(MappingSettings, mapping, "mapping")
    beads = build_beads(chosen, topology, "m", atoms_of(prepared))
    before = build_beads(chosen, input_topology(settings), "m")
    files = Files(
        folder / "trajectory.h5", folder / "forces.h5", None, folder / "beads.h5",
        folder / "table.csv",
    )  # fmt: skip
    map_replica(
        chosen, beads, SystemAtoms.moving(topology, prepared.system, beads), files, None,
        lambda line: None,
    )  # fmt: skip
    with ForcesReader(folder / "forces.h5") as forces, TrajectoryReader(files.trajectory) as frames:
        atoms = frames.positions(slice(None)).astype(float)
        found = np.array(forces.forces(slice(None)), dtype=float)
    return Mapped(prepared, beads, before, atoms, found, H5mdReader(files.dataset))


def check_mapped(found: Mapped) -> None:
    """The beads are those of the config's check, and the dataset holds mapped frames."""
    before, after = found.described, found.beads
    assert (before.names, before.atoms, before.bonds) == (after.names, after.atoms, after.bonds)
    assert before.types == after.types
    dataset = found.dataset
    assert dataset.n_frames == FRAMES
    mapped = dataset.positions().astype(float)
    assert np.isfinite(dataset.forces()).all() and (dataset.forces() != 0).any()
    box = dataset.box()
    for bead, (atoms, weights) in enumerate(zip(after.atoms, after.weights, strict=True)):
        first = found.positions[:, [atoms[0]]]
        steps = found.positions[:, list(atoms)] - first
        if box is not None:
            steps -= np.rint(steps @ np.linalg.inv(box)) @ box
        centre = first[:, 0] + np.einsum("i,nid->nd", weights, steps)
        difference = mapped[:, bead] - centre
        if box is not None:
            difference -= np.rint(difference @ np.linalg.inv(box)) @ box
        np.testing.assert_allclose(difference, 0.0, atol=2e-6)
