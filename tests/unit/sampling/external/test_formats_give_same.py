"""The same run from files of each format becomes the same trajectory."""

import mdtraj
import numpy as np
import pytest
from existing_runs import imported, job, write

from meanforce.data.forces import ForcesReader
from meanforce.data.trajectory import TrajectoryReader

WITH_FORCES = {
    "trr": {},
    "ncdf": {"forces": True},
    "h5md": {"lengthunit": "nm", "timeunit": "ps", "forceunit": "kJ/(mol*nm)"},
}


@pytest.mark.parametrize("suffix", WITH_FORCES)
def test_positions_forces_and_times_of_files_arrive(alanine, run, tmp_path, suffix):
    file = write(tmp_path / f"run.{suffix}", run, **WITH_FORCES[suffix])
    imported(job([file]), alanine, tmp_path / "made")
    with TrajectoryReader(tmp_path / "made" / "trajectory.h5") as frames:
        # Å in single precision and back.
        np.testing.assert_allclose(frames.positions(slice(None)), run.positions, atol=2e-7)
        np.testing.assert_allclose(frames.times(), run.times, rtol=1e-6)
        assert frames.box() is None and frames.temperatures() is None
        content = frames.attributes["content"]
        assert frames.attributes["forces_checked"]["deviation"] < 1e-4
        assert not frames.array("bias_energy").any()
    with ForcesReader(tmp_path / "made" / "forces.h5") as forces:
        assert forces.trajectory == content
        np.testing.assert_allclose(forces.forces(slice(None)), run.forces, rtol=1e-6, atol=1e-3)
    read = mdtraj.load(str(tmp_path / "made" / "trajectory.h5"))
    np.testing.assert_allclose(read.xyz, run.positions, atol=2e-7)
