"""A CG run is built from a potential and training data, without a command line."""

import numpy as np
import pytest
from potential_examples import cgnet

from meanforce.core.topology import Topology
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.one_run import run_of
from meanforce.errors import InputError
from meanforce.jobs.simulate import SimulateJob

NAMES = tuple("ABCD")
CHAIN = Topology.of_beads(NAMES, NAMES, ((0, 1), (1, 2), (2, 3)))
SIMULATION = {
    "chains": 3, "time_step": 0.0005, "friction": 1.0, "equilibration": 0.0, "length": 0.005,
    "until": None, "stride": 0.001, "device": "cpu", "compile": "never",
}  # fmt: skip
JOB = SimulateJob.of(
    simulation=SIMULATION,
    windows=None,
    temperature=300.0,
    surface=["x"],
    collective_variables={"x": {"kind": "distance", "mapping": "m", "beads": ["A", "B"]}},
    seed=1,
)


@pytest.fixture
def dataset(tmp_path):
    """Frames of the chain."""
    along = np.arange(4)[:, None] * [0.15, 0.0, 0.0]
    noise = np.random.default_rng(1).normal(0.0, 0.02, (30, 4, 3))
    parameters = CHAIN.parameters() | {"temperature": 300.0}
    with H5mdWriter(tmp_path / "data.h5", np.full(4, 12.0), parameters, True) as writer:
        flat = np.zeros(30)
        writer.append(
            FrameBlock(along + noise, np.arange(30.0), flat, flat, flat.astype(int), 0 * noise)
        )
    return tmp_path / "data.h5"


def test_a_run_of_any_potential_from_training_data(tmp_path, dataset):
    paths = [tmp_path / "once.h5", tmp_path / "again.h5"]
    for path in paths:
        sample_to_file(run_of(JOB, cgnet(1, CHAIN), [dataset]), path, lambda line: None)
    with H5mdReader(paths[0]) as one, H5mdReader(paths[1]) as other:
        assert one.positions().shape == (15, 4, 3)
        np.testing.assert_array_equal(one.positions(), other.positions())
        assert set(one.parameters["starts"]) == {"x"}


def test_a_potential_of_other_beads_is_refused(dataset):
    names = tuple("ABCE")
    other = Topology.of_beads(names, names, CHAIN.bonds)
    with pytest.raises(InputError, match="E"):
        run_of(JOB, cgnet(1, other), [dataset])
