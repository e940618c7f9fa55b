"""Cards of models: what training stores, and what running a model beyond it reports."""

import json

import numpy as np
import pytest
from chains import CHAIN, chain_frames
from potential_examples import cgnet

from meanforce.core.domain import Domain
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter
from meanforce.deployment.folder import Source, write_folder
from meanforce.dynamics.one_run import SimulateInputs, simulate
from meanforce.errors import InputError
from meanforce.fitting.one_member import train_member, work_on
from meanforce.jobs.simulate import SimulateJob
from meanforce.jobs.train import TrainJob
from meanforce.potentials.card import ModelCard
from meanforce.potentials.files import save
from meanforce.restart.job import resumable

ORIGIN = {
    "system": "chain", "mapping": "all", "campaigns": ["biased", "plain"],
    "state_points": {"T300": 300.0},
}  # fmt: skip
TRAIN = TrainJob.of(
    potential={
        "kind": "spline",
        "terms": {"bonds": {"functions": 12}},
        "temperature": "none",
    },
    collective_variables={},
    weights="none",
    windows=None,
    datasets_per_replica=[1],
    member=0,
    folds=2,
    resampling="jackknife",
    seed=1,
    origin=ORIGIN,
)
SIMULATION = {
    "chains": 40, "time_step": 0.001, "friction": 5.0, "equilibration": 0.0, "length": 0.3,
    "until": None, "stride": 0.01, "device": "cpu", "compile": "never", "least_stable": 0.01,
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model of a chain at 300 K, and the dataset that it was trained on."""
    folder = tmp_path_factory.mktemp("trained")
    frames = chain_frames(4000, seed=2)
    data, flat = folder / "data.h5", np.zeros(4000)
    parameters = CHAIN.parameters() | {"temperature": 300.0}
    with H5mdWriter(data, np.full(4, 12.0), parameters, with_forces=True) as writer:
        positions, forces = frames.positions.numpy(), frames.forces.numpy()
        times = np.arange(4000) * 0.1
        writer.append(FrameBlock(positions, times, flat, flat, flat.astype(int), force=forces))
    model = folder / "model.safetensors"
    with work_on(TRAIN, [data], model) as work:
        train_member(TRAIN, [data], work, lambda line: None).write(work.folder)
        for name in ("model.json", "model.safetensors"):
            (work.folder / name).replace(folder / name)
    return model, data


def run_at(temperature: float, trained, folder) -> tuple[list[str], list[str]]:
    """Warnings in the log and in the file of a CG run."""
    model, data = trained
    job = SimulateJob.of(
        simulation=SIMULATION, windows=None, temperature=temperature, surface=["x"],
        collective_variables={"x": {"kind": "distance", "mapping": "m", "beads": ["A", "D"]}},
        seed=1,
    )  # fmt: skip
    lines: list[str] = []
    path = folder / f"cg-{temperature:g}.h5"
    with resumable(path, {}) as work:
        simulate(job, SimulateInputs([model], [data]), path, work, lines.append)
    with H5mdReader(path) as reader:
        return [line for line in lines if line.startswith("warning")], reader.parameters["warnings"]


def test_training_stores_where_its_data_come_from_and_lie(trained):
    card = ModelCard.read(trained[0])
    assert card.origin == ORIGIN
    assert card.temperatures == [300.0]
    assert card.about["frames"] == 4000
    with H5mdReader(trained[1]) as reader:
        wanted = Domain.of_frames(CHAIN, reader.positions())
    assert card.domain.names == wanted.names
    np.testing.assert_allclose(card.domain.low, wanted.low, rtol=1e-6)
    np.testing.assert_allclose(card.domain.high, wanted.high, rtol=1e-6)


def test_a_run_beyond_the_training_data_warns(trained, tmp_path):
    """The model has only bonds, so that it bends further than the data do."""
    logged, stored = run_at(900.0, trained, tmp_path)
    assert logged == [f"warning: {line}" for line in stored]
    first, second = stored
    assert "runs at 900 K but was trained at 300 K" in first and "('none')" in first
    assert "% of the frames lie outside of the training data" in second


def test_frames_like_the_training_data_do_not_warn(trained):
    card = ModelCard.read(trained[0])
    inside = chain_frames(4000, seed=3).positions.numpy()
    assert card.domain_warning(card.domain.outside(inside)) is None
    inside[:39, 3] += 0.5
    assert card.domain_warning(card.domain.outside(inside)) is None
    inside[:60, 3] += 0.5
    message = card.domain_warning(card.domain.outside(inside))
    assert message.startswith("1.") and "distance" in message


@pytest.mark.parametrize(
    "form, trained_at, at, warns",
    [
        ("none", [300.0], 300.0, False),
        ("none", [300.0], 301.0, True),
        ("feature", [300.0, 400.0], 350.0, False),
        ("feature", [300.0, 400.0], 450.0, True),
        ("quadratic", [300.0, 400.0], 250.0, True),
        ("linear", [300.0, 400.0], 450.0, False),
        ("linear", [300.0, 400.0], 199.0, True),
        ("linear", [300.0, 400.0], 1000.0, True),
        ("linear", [300.0], 450.0, True),
        ("none", [], 450.0, False),
    ],
)
def test_temperatures_beyond_those_of_training(form, trained_at, at, warns):
    card = ModelCard("cgnet", {"temperatures": trained_at}, form, None)
    assert (card.temperature_warning(at) is not None) == warns


def test_old_models_have_a_card_without_a_domain(root):
    for kind in ("cgnet", "spline", "rbf"):
        card = ModelCard.read(root / "tests" / "data" / "models" / f"{kind}.safetensors")
        assert card.domain is None and card.temperature_warning(500.0) is None


def test_the_page_of_a_deployed_model(trained, tmp_path):
    model, data = trained
    metrics = tmp_path / "metrics.csv"
    metrics.write_text(
        "state_point,metric,value,stderr,noise_floor,unit,verdict\n"
        "T300,js_phi_psi,0.00271,0.0004,0.0014,1,worse\nT300,stable_chains,1.0,,,1,\n"
    )
    write_folder(Source([model], data, 300.0, (metrics,)), tmp_path / "deployed")
    page = (tmp_path / "deployed" / "MODEL_CARD.md").read_text()
    assert "system `chain`, beads of mapping `all`" in page
    assert "campaigns: biased, plain; state points: T300 (300 K)" in page
    assert "0.3999 ns of atomistic dynamics" in page and "4000 frames" in page
    assert "| T300 | js_phi_psi | 0.00271 | 0.0004 | 0.0014 | 1 | worse |" in page
    assert "stable_chains" not in page and "| distance A-B | " in page
    assert "**Warning:**" not in page
    broken = tmp_path / "text.csv"
    broken.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="is not a table of metrics"):
        write_folder(Source([model], data, 300.0, (broken,)), tmp_path / "again")
    bare = tmp_path / "bare.safetensors"
    save(cgnet(1, CHAIN), bare, {})
    write_folder(Source([bare], data, 450.0), tmp_path / "bare")
    page = (tmp_path / "bare" / "MODEL_CARD.md").read_text()
    assert "Not stored with this model." in page and "No domain is stored" in page
    text = json.loads(bare.with_suffix(".json").read_text())
    bare.with_suffix(".json").write_text(json.dumps(text | {"about": {"domain": {"names": []}}}))
    with pytest.raises(InputError, match="is not the description of a model"):
        ModelCard.read(bare)
