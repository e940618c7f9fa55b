"""Data files for LAMMPS."""

import io

import numpy as np

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.tables.lammps_data import DataFile


def test_positions_and_velocities_come_back_to_the_last_bit(tmp_path):
    molecule = Topology(((MoleculeType("ATM", ("a",), ("P",)), 50),))
    rng = np.random.default_rng(1)
    positions, velocities = rng.normal(0, 30, (2, 50, 3))
    positions[0], velocities[0] = [0.0, 1e-300, -1e22], [1 / 3, -0.0, 5e-324]
    data = DataFile(molecule, [], np.full(50, 20.0), 2.0 * np.eye(3))
    data.write(tmp_path / "start.data", positions, velocities)
    text = (tmp_path / "start.data").read_text()
    atoms, speeds = text.split("Atoms # molecular\n\n")[1].split("\nVelocities\n\n")
    for part, columns, values in (
        (atoms, 6, 10.0 * positions), (speeds, 4, 0.01 * velocities),
    ):  # fmt: skip
        found = np.loadtxt(io.StringIO(part))
        assert found.shape == (50, columns)
        np.testing.assert_array_equal(found[:, 0], np.arange(1, 51))
        np.testing.assert_array_equal(found[:, -3:], values)
        # Whole numbers are written as such.
        assert part.split()[0] == "1"
