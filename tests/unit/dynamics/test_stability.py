"""Broken chains are classified and counted, and fail a run when there are too many."""

import types

import numpy as np
import pytest
import torch
from double_well import cg_run, settings

from meanforce.analysis.metrics import convergence
from meanforce.analysis.samples import model_sample
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.job import sample_to_file
from meanforce.dynamics.stability import KINDS, IntegrityCheck, counts, gate
from meanforce.dynamics.system import CgSystem
from meanforce.errors import InputError
from meanforce.potentials.interface import Potential
from meanforce.settings.collective_variables import CollectiveVariableSettings

# A centre (1) with neighbours 0, 2, 3, and a tail 4 on 2.
SHAPE = np.array(
    [[0.1, 0.0, 0.0], [0.0, 0.0, 0.0], [-0.05, 0.09, 0.0], [-0.05, -0.04, 0.08], [-0.2, 0.09, 0.0]]
)
SIGN = int(np.sign(np.linalg.det(SHAPE[[0, 2, 3]])))
NAMES = tuple("ABCDE")
MOLECULE = Topology.of_beads(NAMES, NAMES, ((0, 1), (1, 2), (1, 3), (2, 4)), ((1, 0, 2, 3, SIGN),))
VARIABLE = CollectiveVariableSettings(kind="coordinate", mapping="m", beads=["A"], axis="x")
CODES = {kind: number for number, kind in enumerate(KINDS, 1)} | {"intact": 0}
MIRROR = np.array([1.0, 1.0, -1.0])


def shaken(count: int, seed: int = 1) -> np.ndarray:
    """The molecule with the thermal noise of stiff bonds."""
    return SHAPE + np.random.default_rng(seed).normal(0, 0.004, (count, 5, 3))


def codes_of(positions: np.ndarray) -> list[int]:
    intact = IntegrityCheck(
        MOLECULE, torch.from_numpy(np.repeat(shaken(1, seed=9), len(positions), 0))
    )
    return intact.codes(torch.from_numpy(positions)).tolist()


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("intact", lambda beads: beads),
        ("intact", lambda beads: beads @ np.linalg.qr(np.arange(9.0).reshape(3, 3) + np.eye(3))[0]),
        ("chirality", lambda beads: beads * MIRROR),
        ("chirality", lambda beads: beads[:, [3, 1, 2, 0, 4]]),
        # The tail has taken the place of the bead it is bonded to, and the other way round.
        ("permuted", lambda beads: beads[:, [0, 1, 4, 3, 2]]),
        ("exploded", lambda beads: np.where(np.arange(5)[:, None] == 4, beads * 2.5, beads)),
        ("exploded", lambda beads: np.where(np.arange(5)[:, None] == 4, np.nan, beads)),
        ("exploded", lambda beads: beads * 0.4),
    ],
)
def test_kinds_of_broken_chains(kind, change):
    beads = change(shaken(50))
    if kind == "intact":
        # A rotation of negative determinant would mirror.
        volumes = np.linalg.det(beads[:, [0, 2, 3]] - beads[:, [1]])
        beads = beads * np.sign(volumes * SIGN)[:, None, None]
    assert codes_of(beads) == [CODES[kind]] * 50


def test_molecules_of_a_type_show_each_other_how_long_their_bonds_are():
    """In a melt a bond opens from gauche to trans, and beads of other chains are nearer."""
    pair = MoleculeType("PAR", ("A", "B"), ("A", "A"), ((0, 1),))
    short, long = [[0.0, 0, 0], [0.29, 0, 0]], [[0.0, 1, 0], [0.39, 1, 0]]
    later = np.array([[[0.0, 0, 0], [0.38, 0, 0], [0.0, 0.36, 0], [0.39, 0.4, 0]]])
    # A third molecule, alone of its type, has no other to be compared with.
    other = [[1.0, 0, 0], [1.29, 0, 0]]
    alone = MoleculeType("ONE", ("A", "B"), ("B", "B"), ((0, 1),))
    whole = Topology(((pair, 2), (alone, 1)))
    starts = torch.tensor([short + long + other], dtype=torch.float64)
    check = IntegrityCheck(whole, starts)
    positions = np.concatenate([later, np.array([other])], axis=1)
    assert check.codes(torch.from_numpy(positions)).tolist() == [CODES["intact"]]
    stretched = positions + np.eye(6)[5][:, None] * [0.09, 0, 0]
    stretched[:, 3] = [1.0, 0.36, 0]
    stretched[:, 2] = [0.7, 0.36, 0]
    assert check.codes(torch.from_numpy(stretched)).tolist() == [CODES["permuted"]]


def test_beads_without_bonds_can_only_explode():
    free = Topology.of_beads(("X",), ("X",), ())
    intact = IntegrityCheck(free, torch.zeros(3, 1, 3))
    positions = torch.tensor([[[0.0, 0, 0]], [[1e6, 0, 0]], [[float("inf"), 0, 0]]])
    assert intact.codes(positions).tolist() == [0, 0, CODES["exploded"]]


def test_the_gate_says_how_many_broke_and_how():
    codes = torch.tensor([0] * 95 + [CODES["chirality"]] * 3 + [CODES["exploded"]] * 2)
    assert counts(codes) == {"exploded": 2, "permuted": 0, "chirality": 3}
    gate(codes, 0.95, "at 300 K")
    with pytest.raises(
        InputError,
        match=r"5 of 100 chains of the CG run broke at 300 K \(exploded: 2, beads changed places: "
        r"0, chirality flipped: 3\), but 'least_stable' asks for 0\.96",
    ):
        gate(codes, 0.96, "at 300 K")
    with pytest.raises(InputError, match="3 of 3 chains"):
        gate(torch.ones(3), 0.1, "")


class Tethers(Potential):
    """Every chain on springs to where it started."""

    kind = "tethers"

    def __init__(self, starts: np.ndarray) -> None:
        super().__init__(torch.float64)
        self._starts = torch.from_numpy(starts)

    def compute(self, configuration):
        away = configuration.positions - self._starts
        return 1e5 * (away**2).sum((1, 2)), -2e5 * away

    def state(self):
        raise NotImplementedError

    @classmethod
    def from_state(cls, tensors, values):
        raise NotImplementedError


def tethered(starts: np.ndarray, **changes) -> CgRun:
    changes = {
        "chains": 40, "time_step": 0.002, "equilibration": 0.1, "length": 0.4, "stride": 0.1,
    } | changes  # fmt: skip
    system = CgSystem(MOLECULE, np.full(5, 12.0))
    return cg_run(Tethers(starts), starts, settings(**changes), 1, system)


def test_a_run_counts_broken_chains_by_kind(tmp_path):
    starts = shaken(40)
    starts[[3, 17]] *= MIRROR
    path = tmp_path / "cg.h5"
    sample_to_file(tethered(starts), path, lambda line: None)
    with H5mdReader(path) as reader:
        assert reader.parameters["broken"] == {"exploded": 0, "permuted": 0, "chirality": 2}
        weights = reader.observable("log_weight").reshape(-1, 40)
        assert reader.parameters["ended"] == "at its longest"
    assert np.isneginf(weights[:, [3, 17]]).all()
    assert (np.delete(weights, [3, 17], axis=1) == 0).all()
    comparison = types.SimpleNamespace(model=model_sample(path, [VARIABLE], 4), watched=())
    found = {row.metric: row.value for row in convergence.rows(comparison)}
    assert found == pytest.approx(
        {
            "stability": 0.95, "stability_exploded": 1.0, "stability_permuted": 1.0,
            "stability_chirality": 0.95,
        }
    )  # fmt: skip
    with pytest.raises(InputError, match=r"2 of 40 chains .*chirality flipped: 2.*asks for 0\.96"):
        sample_to_file(tethered(starts, least_stable=0.96), path, lambda line: None)


def test_a_ladder_breaks_as_one(tmp_path):
    starts = shaken(40)
    # Chain 13 is at the second level of ladder 3 of 10.
    starts[13] *= MIRROR
    exchange = {"highest": 310.0, "levels": 4, "every": 0.4}
    run = tethered(starts, exchange=exchange, least_stable=0.9)
    sample_to_file(run, tmp_path / "cg.h5", lambda line: None)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        weights = reader.observable("log_weight").reshape(-1, 10)
        assert reader.parameters["broken"]["chirality"] == 1
    assert np.isneginf(weights[:, 3]).all()
    assert (np.delete(weights, 3, axis=1) == 0).all()


@pytest.mark.parametrize("left", [1, 3, 30])
def test_chains_that_broke_leave_no_empty_units(tmp_path, left):
    """Otherwise the noise of a single chain that is left would seem to be zero."""
    starts = shaken(40)
    starts[left:] *= MIRROR
    path = tmp_path / "cg.h5"
    run = tethered(starts, length=2.0, least_stable=0.01)
    sample_to_file(run, path, lambda line: None)
    sample = model_sample(path, [VARIABLE], 4)
    counts = np.bincount(sample.units, minlength=sample.n_units)
    assert sample.n_units == 4
    assert counts.min() > 0.7 * counts.max()
