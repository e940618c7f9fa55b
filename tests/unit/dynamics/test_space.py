"""The space of CG runs: no cell, or the periodic cell of data with several molecules."""

import json
import sys

import numpy as np
import pytest
import torch
from potential_examples import cgnet, mace, terms

import simulate
from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.data.h5md import EACH, FrameBlock, H5mdReader, H5mdWriter
from meanforce.dynamics.engine import CgRun, TorchEngine
from meanforce.dynamics.sample import sample
from meanforce.dynamics.stability import KINDS, IntegrityCheck
from meanforce.dynamics.system import CgSystem
from meanforce.errors import InputError
from meanforce.fitting.frames import read_frames
from meanforce.potentials.files import save
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.simulations import SimulationSettings

NAMES = tuple("ABCD")
ONE = Topology.of_beads(NAMES, NAMES, ((0, 1), (1, 2), (2, 3)))
TWO = Topology.of_beads(NAMES, NAMES, ((0, 1), (2, 3)))
RUN = {
    "chains": 2, "time_step": 0.001, "friction": 1.0, "equilibration": 0.0, "length": 0.01,
    "until": None, "stride": 0.005, "device": "cpu", "compile": "never",
}  # fmt: skip
SETTINGS = {
    "simulation": RUN,
    "windows": None, "temperature": 300.0, "surface": ["x"], "seed": 1,
    "collective_variables": {
        "x": {"kind": "distance", "mapping": "m", "beads": ["A", "B"]},
    },
}  # fmt: skip


def write_data(path, molecule: Topology, box, frames: int = 5) -> None:
    positions = np.random.default_rng(1).standard_normal((frames, 4, 3))
    parameters = molecule.parameters() | {"temperature": 300.0}
    boxes = None
    if isinstance(box, str):
        boxes = np.linspace(6, 7, frames)[:, None, None] * np.eye(3)
    with H5mdWriter(path, np.full(4, 12.0), parameters, True, box) as writer:
        flat, times = np.zeros(frames), np.arange(float(frames))
        writer.append(
            FrameBlock(positions, times, flat, flat, flat.astype(int), 0 * positions, boxes=boxes)
        )


def run_stage(tmp_path, monkeypatch) -> None:
    arguments = [
        "simulate.py", "--models", tmp_path / "model.safetensors", "--datasets",
        tmp_path / "data.h5", "--settings", json.dumps(SETTINGS), "--output", tmp_path / "cg.h5",
    ]  # fmt: skip
    monkeypatch.setattr(sys, "argv", [str(one) for one in arguments])
    simulate.main()


@pytest.mark.parametrize(
    ("molecule", "box", "refused"),
    [(TWO, np.eye(3), True), (TWO, None, False), (ONE, np.eye(3), False)],
)
def test_molecules_that_would_drift_apart(tmp_path, monkeypatch, molecule, box, refused):
    save(cgnet(1, molecule), tmp_path / "model.safetensors", {})
    write_data(tmp_path / "data.h5", molecule, box)
    if refused:
        expected = (
            r"data\.h5: has beads of 2 molecules in a periodic box, .* allowed are mappings with "
            r"beads of one molecule, or a potential that supports a periodic cell \(.*'cgnet'"
        )
        with pytest.raises(SystemExit, match=expected):
            run_stage(tmp_path, monkeypatch)
        assert not (tmp_path / "cg.h5").exists()
        return
    run_stage(tmp_path, monkeypatch)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        assert reader.box() is None


BOX = np.array([[9.0, 0.0, 0.0], [2.0, 8.0, 0.0], [-1.0, 1.5, 8.5]])


def test_a_run_of_several_molecules_has_the_box_of_the_data(tmp_path, monkeypatch):
    save(terms("spline", 1, TWO), tmp_path / "model.safetensors", {})
    write_data(tmp_path / "data.h5", TWO, BOX)
    run_stage(tmp_path, monkeypatch)
    with H5mdReader(tmp_path / "cg.h5") as reader:
        np.testing.assert_array_equal(reader.boxes(), np.broadcast_to(BOX, (4, 3, 3)))


def test_a_box_that_changes_is_refused(tmp_path, monkeypatch):
    save(terms("spline", 1, TWO), tmp_path / "model.safetensors", {})
    write_data(tmp_path / "data.h5", TWO, EACH)
    with pytest.raises(SystemExit, match=r"data\.h5: has a periodic box that changes"):
        run_stage(tmp_path, monkeypatch)


def test_training_frames_have_cells_where_there_are_several_molecules(tmp_path):
    write_data(tmp_path / "two.h5", TWO, EACH, frames=100)
    cells = read_frames([tmp_path / "two.h5"], folds=2).cells
    assert cells.dtype == torch.float32
    np.testing.assert_allclose(cells[:, 0, 0], np.linspace(6, 7, 100), rtol=1e-6)
    # A single molecule is whole, as without periodic boundaries.
    write_data(tmp_path / "one.h5", ONE, BOX, frames=100)
    assert read_frames([tmp_path / "one.h5"], folds=2).cells is None


def settings(**changes) -> SimulationSettings:
    return SimulationSettings.model_validate(RUN | changes, context={"internal": True})


def run_of(potential, positions, cell, **changes):
    """Frames of a short run."""
    starts = Configuration(positions, 300.0, cell)
    system = CgSystem(TWO, np.full(4, 12.0))
    chosen = settings(**{"length": 0.3, "stride": 0.05} | changes)
    generator = torch.Generator().manual_seed(1)
    return sample(potential, starts, chosen, generator, system)


@pytest.mark.parametrize("kind", ["spline", "mace"])
def test_runs_from_other_images_are_the_same_runs(kind):
    """Chains that start in other images of their beads move as the others do."""
    potential = (terms("spline", 1, TWO) if kind == "spline" else mace(1, CHAIN_OF[TWO])).to(
        torch.float64
    )
    positions = np.random.default_rng(1).standard_normal((2, 4, 3))
    turns = np.random.default_rng(2).integers(-2, 3, positions.shape) @ BOX
    short = {"length": 0.04, "stride": 0.02} if kind == "mace" else {}
    here = run_of(potential, positions, BOX, **short)
    there = run_of(potential, positions + turns, BOX, **short)
    moved = here.positions - positions[None]
    assert np.abs(moved[-1]).max() > 0.01
    np.testing.assert_allclose(there.positions - turns, here.positions, rtol=0, atol=2e-5)
    np.testing.assert_array_equal(here.cell, BOX)
    # Molecules meet through the boundary: without a cell, the run is another one.
    apart = run_of(potential, positions + turns, None, **short)
    assert np.abs(apart.positions - there.positions).max() > 1e-4


CHAIN_OF = {TWO: Topology.of_beads(NAMES, ("P", "Q", "P", "Q"), TWO.bonds)}
"""With the types that the example network has."""


def test_broken_molecules_are_found_through_the_boundary():
    positions = torch.randn(20, 4, 3, generator=torch.Generator().manual_seed(1)).double() / 2
    cell = torch.from_numpy(BOX)
    turns = torch.randint(-2, 3, positions.shape, generator=torch.Generator().manual_seed(2))
    moved = positions + turns.double() @ cell
    bonds = Topology.of_beads(NAMES, NAMES, TWO.bonds, ((1, 0, 2, 3, 1),))
    wanted = IntegrityCheck(bonds, positions).codes(1.1 * positions)
    found = IntegrityCheck(bonds, moved, cell).codes(1.1 * positions - turns.double() @ cell)
    assert found.tolist() == wanted.tolist()
    assert {KINDS.index("chirality") + 1, 0} <= set(wanted.tolist())
    # Bonds of less than half their length are broken, in whatever image.
    shrunk = 0.4 * positions + turns.double() @ cell
    assert (IntegrityCheck(TWO, moved, cell).codes(shrunk) == KINDS.index("exploded") + 1).all()


X = CollectiveVariableSettings(kind="coordinate", mapping="m", beads=["A"], axis="x")
R = CollectiveVariableSettings(kind="distance", mapping="m", beads=["A", "C"])
BIAS = {
    "collective_variables": ["x"], "width": [0.15], "bias_factor": 8.0, "build": 0.05,
    "bins": 100, "lower": [0.0], "upper": [4.0],
}  # fmt: skip


def test_a_bias_sees_nearest_images_and_is_refused_on_a_place_in_space():
    potential = terms("spline", 1, TWO)
    positions = np.random.default_rng(1).standard_normal((2, 4, 3)) * 0.5
    turns = np.zeros_like(positions)
    turns[:, 2:] = BOX[0] - BOX[2]
    chosen, found = settings(bias=BIAS), []
    for moved in (positions, positions + turns):
        system = CgSystem(TWO, np.full(4, 12.0), {"x": R})
        starts = Configuration(moved, 300.0, BOX)
        found.append(sample(potential, starts, chosen, torch.Generator().manual_seed(1), system))
    assert (found[0].bias_energy > 0.1).all()
    np.testing.assert_allclose(found[0].bias_energy, found[1].bias_energy, rtol=1e-6)
    with pytest.raises(InputError, match="bias: is on a Cartesian coordinate"):
        CgSystem(TWO, np.full(4, 12.0), {"x": X}).bias(chosen, 300.0, potential, BOX)


def test_starts_and_settings_must_fit():
    potential = terms("spline", 1, TWO)
    positions = np.zeros((2, 4, 3))
    with pytest.raises(InputError, match="starts: are 1 configurations, but 'chains' is 2"):
        run_of(potential, positions[:1], None)
    with pytest.raises(InputError, match="allowed is one cell in which all chains start"):
        run_of(potential, positions, np.stack([BOX, BOX]))
    with pytest.raises(InputError, match=r"kind 'cgnet': was given .* periodic cell"):
        run_of(cgnet(1, TWO), positions, BOX)


def test_many_beads_are_checked_as_few_are(monkeypatch):
    """Beads that changed places, found by all distances and by neighbour search; with a cell."""
    rng, starts = np.random.default_rng(5), torch.from_numpy(frames_in_a_row(6))
    positions = starts + torch.from_numpy(rng.normal(0, 0.12, (300, 6, 3)))
    chain = Topology.of_beads(tuple("ABCDEF"), tuple("ABCDEF"), tuple((i, i + 1) for i in range(5)))
    for cell in (None, 4.0 * torch.eye(3).double()):
        wanted = IntegrityCheck(chain, starts[:1], cell).codes(positions)
        assert set(wanted.tolist()) >= {0, KINDS.index("permuted") + 1}
        with monkeypatch.context() as patch:
            patch.setattr("meanforce.dynamics.stability.ALL_PAIRS", 0)
            assert torch.equal(IntegrityCheck(chain, starts[:1], cell).codes(positions), wanted)


def frames_in_a_row(count: int) -> np.ndarray:
    """A bent chain, shape (1, count, 3)."""
    return np.array([[[0.3 * i, 0.2 * (i % 2), 0.1 * i] for i in range(count)]])


def test_the_engine_steps_without_files_or_jobs():
    """`start` and `step` are all that another way of running needs."""
    potential = terms("spline", 1, TWO)
    positions = np.random.default_rng(1).standard_normal((2, 4, 3))
    system = CgSystem(TWO, np.full(4, 12.0))
    run = CgRun(
        potential, Configuration(positions, 300.0, BOX), settings(), torch.Generator(), system
    )
    engine = TorchEngine(run)
    chains = engine.start()
    engine.step(chains)
    frame = engine.frame(chains)
    assert chains.step == 1 and frame.positions.shape == (2, 4, 3)
    assert not np.array_equal(frame.positions.numpy(), positions)
