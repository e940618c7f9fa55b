"""A CG run is built from a potential and starts, without files of models or a command line."""

import numpy as np
import pytest
from potential_examples import cgnet

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.dynamics.one_run import Starts, run_of
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


def starts() -> Starts:
    along = np.arange(4)[:, None] * [0.15, 0.0, 0.0]
    noise = np.random.default_rng(1).normal(0.0, 0.02, (3, 4, 3))
    return Starts(CHAIN, np.full(4, 12.0), along + noise)


def test_a_run_from_the_library(tmp_path):
    paths = [tmp_path / "once.h5", tmp_path / "again.h5"]
    for path in paths:
        run_of(JOB, cgnet(1, CHAIN), starts()).run(starts().positions, path, lambda line: None)
    with H5mdReader(paths[0]) as one, H5mdReader(paths[1]) as other:
        assert one.positions().shape == (15, 4, 3)
        np.testing.assert_array_equal(one.positions(), other.positions())


def test_a_potential_of_other_beads_is_refused():
    names = tuple("ABCE")
    other = Topology.of_beads(names, names, CHAIN.bonds)
    with pytest.raises(InputError, match="E"):
        run_of(JOB, cgnet(1, other), starts())
