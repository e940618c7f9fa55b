"""CG runs are in endless space: several molecules of a periodic system are refused."""

import json
import sys

import numpy as np
import pytest
from potential_examples import cgnet

import simulate
from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdWriter
from meanforce.potentials.files import save

NAMES = tuple("ABCD")
ONE = Topology.of_beads(NAMES, NAMES, ((0, 1), (1, 2), (2, 3)))
TWO = Topology.of_beads(NAMES, NAMES, ((0, 1), (2, 3)))
SETTINGS = {
    "simulation": {
        "chains": 2, "time_step": 0.001, "friction": 1.0, "equilibration": 0.0, "length": 0.01,
        "until": None, "stride": 0.005, "device": "cpu", "compile": "never",
    },
    "windows": None, "temperature": 300.0, "surface": ["x"], "seed": 1,
    "collective_variables": {
        "x": {"kind": "distance", "mapping": "m", "beads": ["A", "B"]},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("molecule", "box", "refused"),
    [(TWO, np.eye(3), True), (TWO, None, False), (ONE, np.eye(3), False)],
)
def test_molecules_that_would_drift_apart(tmp_path, monkeypatch, molecule, box, refused):
    save(cgnet(1, molecule), tmp_path / "model.safetensors", {})
    positions = np.random.default_rng(1).standard_normal((5, 4, 3))
    parameters = molecule.parameters() | {"temperature": 300.0}
    with H5mdWriter(tmp_path / "data.h5", np.full(4, 12.0), parameters, True, box) as writer:
        flat = np.zeros(5)
        writer.append(positions, np.arange(5.0), flat, flat, flat.astype(int), 0 * positions)
    arguments = [
        "simulate.py", "--models", tmp_path / "model.safetensors", "--datasets",
        tmp_path / "data.h5", "--settings", json.dumps(SETTINGS), "--output", tmp_path / "cg.h5",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [str(one) for one in arguments])
    if refused:
        expected = (
            r"data\.h5: has beads of 2 molecules in a periodic box, .* allowed are mappings with"
        )
        with pytest.raises(SystemExit, match=expected):
            simulate.main()
    else:
        simulate.main()
    assert (tmp_path / "cg.h5").exists() is not refused
