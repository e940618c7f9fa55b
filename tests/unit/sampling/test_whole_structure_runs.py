"""Biased runs along functions of whole structures: restarts, and exact free energies."""

import numpy as np
import pytest
from interruptions import stopped_after

from meanforce.data.trajectory import TrajectoryReader
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import validated
from torsion import dihedral, exact_populations, make_engine, metadynamics, molecule

START = molecule().positions._value
VARIABLES = {
    "rmsd": {"references": ["a.pdb"], "structures": [START.tolist()]},
    "radius_of_gyration": {},
    "native_contacts": {
        "references": ["a.pdb"], "structures": [START.tolist()], "cutoff": 0.6, "separation": 2,
        "tolerance": 1.1,
    },
    "path_s": {
        "references": ["a.pdb"],
        "structures": [
            (START * [1, 1, scale]).tolist() for scale in (1.0, 4.0, 7.0)
        ],
    },
}  # fmt: skip
ENDS = {
    "rmsd": ([0.0], [0.2], [0.01]),
    "radius_of_gyration": ([0.1], [0.3], [0.005]),
    "native_contacts": ([0.0], [1.0], [0.05]),
    "path_s": ([0.0], [1.0], [0.05]),
}


def variable(kind: str) -> CollectiveVariableSettings:
    values = {"kind": kind, "mapping": "all", "beads": list("ABCD"), "residues": [0, 1, 2, 3]}
    return validated(CollectiveVariableSettings, values | VARIABLES[kind], kind)


def campaign(kind: str, **changes):
    lower, upper, width = ENDS[kind]
    return metadynamics(
        collective_variables=["s"], lower=lower, upper=upper, width=width, **changes
    )


def run(kind: str, folder, stops: tuple[int, ...] = (), **changes) -> TrajectoryReader:
    for checks in stops:
        engine, job = make_engine(campaign(kind, **changes), folder, variable=variable(kind))
        stopped_after(engine, job, folder, checks, job.load())
    engine, job = make_engine(campaign(kind, **changes), folder, variable=variable(kind))
    engine.run(job.load(), folder / "trajectory.h5", folder / "log.csv", folder / "segments.csv")
    return TrajectoryReader(folder / "trajectory.h5")


@pytest.mark.parametrize("kind", VARIABLES)
def test_an_interrupted_run_is_the_same_to_the_last_bit(tmp_path, kind):
    short = {"length": 20.0, "burn_in": 5.0}
    once = run(kind, tmp_path / "once", **short)
    twice = run(kind, tmp_path / "twice", (60, 70), **short)
    np.testing.assert_array_equal(once.positions(slice(None)), twice.positions(slice(None)))
    for name in ("bias_grid", "variables", "log_weight"):
        np.testing.assert_array_equal(once.array(name), twice.array(name))
    assert np.ptp(once.array("bias_grid")) > 0.1


def test_metadynamics_along_an_rmsd_reweights_to_the_exact_population(tmp_path):
    """Of the cis half of the torsion, with the error of 14 blocks.

    Six standard errors, Student's t with 13 degrees of freedom: false-alarm rate below 1e-4.
    """
    reader = run("rmsd", tmp_path, length=200.0, burn_in=40.0)
    inside = np.abs(dihedral(reader.positions(slice(None)))) < np.pi / 2
    weights = np.exp(reader.array("log_weight"))
    sums = np.array([(w[b].sum(), w.sum()) for w, b in _blocks(weights, inside, 14)])
    found = sums[:, 0].sum() / sums[:, 1].sum()
    rest = sums[:, 0] - found * sums[:, 1]
    error = np.sqrt((rest**2).sum() * 14 / 13) / sums[:, 1].sum()
    wanted = exact_populations(4)[1:3].sum()
    assert error < 0.05
    assert abs(found - wanted) < 6 * error


def _blocks(weights: np.ndarray, inside: np.ndarray, count: int):
    return zip(np.array_split(weights, count), np.array_split(inside, count), strict=True)
