"""Synthetic boxes of molecules, and trajectories of them with random forces."""

from pathlib import Path

import numpy as np
from openmm import app

from meanforce.data.forces import force_type, write_forces
from meanforce.data.trajectory import TrajectoryReader
from meanforce.data.trajectory_writer import frame_type, write_trajectory
from meanforce.restart.records import RecordFile

ATOMS = {
    "HOH": ["O", "H1", "H2"],
    "ETH": ["C1", "C2", "H11", "H12", "H13", "H21", "H22", "H23"],
    # A stereo centre with four different atoms.
    "CHI": ["C", "F", "N", "O", "H"],
    "GLC": ["C1", "C2"],
}
BONDS = {
    "HOH": [(0, 1), (0, 2)],
    "ETH": [(0, 1), (0, 2), (0, 3), (0, 4), (1, 5), (1, 6), (1, 7)],
    "CHI": [(0, 1), (0, 2), (0, 3), (0, 4)],
    "GLC": [(0, 1)],
}
SHAPES = {
    "HOH": [[0, 0, 0], [0.0957, 0, 0], [-0.024, 0.0927, 0]],
    "ETH": [
        [0, 0, 0], [0.153, 0, 0], [-0.04, 0.1, 0], [-0.04, -0.05, 0.09], [-0.04, -0.05, -0.09],
        [0.19, -0.1, 0], [0.19, 0.05, 0.09], [0.19, 0.05, -0.09],
    ],
    "CHI": [
        [0, 0, 0], [0.08, 0.08, 0.08], [-0.08, -0.08, 0.08], [-0.08, 0.08, -0.08],
        [0.06, -0.06, -0.06],
    ],
    "GLC": [[0, 0, 0], [0.15, 0, 0]],
}  # fmt: skip


def topology_of(names: list[str]) -> app.Topology:
    """One chain with a residue for each name; residues of GLC are bonded to those before them."""
    topology = app.Topology()
    chain, last = topology.addChain(), None
    for name in names:
        residue = topology.addResidue(name, chain)
        atoms = [
            topology.addAtom(atom, app.Element.getBySymbol(atom[0]), residue)
            for atom in ATOMS[name]
        ]
        for first, second in BONDS[name]:
            topology.addBond(atoms[first], atoms[second])
        if name == "GLC" and last is not None:
            topology.addBond(last, atoms[0])
        last = atoms[-1] if name == "GLC" else None
    return topology


def turned(names: list[str], edge: float, rng: np.random.Generator) -> np.ndarray:
    """Whole molecules turned at random anywhere in a cubic box, nm, shape (n_atoms, 3)."""
    placed = []
    for name in names:
        axes, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        axes *= np.linalg.det(axes)
        placed.append(np.array(SHAPES[name]) @ axes + rng.uniform(0, edge, 3))
    return np.concatenate(placed)


def write_run(
    folder: Path, topology: app.Topology, frames: np.ndarray, forces: np.ndarray, box: np.ndarray
) -> tuple[Path, Path]:
    """Trajectory and forces of given frames, shape (n_frames, n_atoms, 3); returns their paths."""
    folder.mkdir(exist_ok=True)
    n_atoms = frames.shape[1]
    kept = RecordFile(folder / "frames.raw", frame_type(n_atoms, 0))
    own = RecordFile(folder / "forces.raw", force_type(n_atoms))
    for number, (positions, on_atoms) in enumerate(zip(frames, forces, strict=True)):
        record, other = np.zeros(1, kept.kind), np.zeros(1, own.kind)
        record["positions"], record["time"], other["forces"] = positions, number, on_atoms
        kept.append(record)
        own.append(other)
    about = {"platform": "Reference", "temperature": 300.0, "time_step": 0.002}
    write_trajectory(folder / "trajectory.h5", topology, kept, box, {}, about)
    with TrajectoryReader(folder / "trajectory.h5") as reader:
        content = reader.attributes["content"]
    write_forces(folder / "forces.h5", own, {"trajectory": content})
    for records in (kept, own):
        records.close()
    return folder / "trajectory.h5", folder / "forces.h5"
