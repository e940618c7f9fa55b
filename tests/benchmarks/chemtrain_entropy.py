"""Relative entropy of a network by chemtrain and by us: same start, same frames, one core each.

    snakemake --cores 2 experiment_capped_alanine_metadynamics_backbone_cgnet \
        --configfile config/methods_alanine.yaml
    python tests/benchmarks/chemtrain_entropy.py --epochs 1 --jax PYTHON [--only start ours]

needs a Python of an environment of its own, made by `pip install chemtrain==0.2.0 jax==0.4.36`.
Both start from the same network, trained on forces for some epochs (without `--epochs`, that of the
workflow, which is at the noise floor already), and minimise to the same frames: those of the
metadynamics, drawn by their weights, which chemtrain has no place for. Each model then has the
config's CG run and validation. The table has CPU and wall time of the fit on one thread, without
compilation and without the training on forces; JS of φ and ψ with its noise floor, differences of
free energies from the reference in kcal/mol, root mean square distances of bonds, angles and
dihedrals in noise floors, and the force error in kcal/mol/Å.
"""

import argparse
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402
import torch  # noqa: E402
from methods import in_total  # noqa: E402

from meanforce.analysis.one_comparison import (  # noqa: E402
    ValidateInputs,
    comparison_of,
    metrics_of,
)
from meanforce.core.configuration import Configuration  # noqa: E402
from meanforce.dynamics.one_run import SimulateInputs, simulate  # noqa: E402
from meanforce.fitting import force_matching  # noqa: E402
from meanforce.fitting.frames import FrameChoice, Frames, read_frames  # noqa: E402
from meanforce.fitting.iterative.fit import to_end  # noqa: E402
from meanforce.fitting.iterative.histograms import Histograms  # noqa: E402
from meanforce.fitting.iterative.network_problem import (  # noqa: E402
    NetworkProblem,
    compared,
    copy_of,
    trained_part,
    weights_in,
)
from meanforce.fitting.iterative.states import states_of  # noqa: E402
from meanforce.fitting.network_entropy import NetworkEntropy  # noqa: E402
from meanforce.jobs.stages import simulate_job, train_job, validate_job  # noqa: E402
from meanforce.paths import DatasetPaths, MemberPaths, use_output  # noqa: E402
from meanforce.potentials.cgnet import ENERGY_SCALE  # noqa: E402
from meanforce.potentials.files import load, save  # noqa: E402
from meanforce.potentials.with_prior import WithPrior  # noqa: E402
from meanforce.restart.job import or_temporary  # noqa: E402
from meanforce.settings.fitting import RelativeEntropySettings  # noqa: E402
from meanforce.settings.load import load_config  # noqa: E402
from meanforce.settings.yaml_file import read_config_file  # noqa: E402
from meanforce.units import kt  # noqa: E402

CONFIG = ROOT / "config" / "methods_alanine.yaml"
SYSTEM, STATE, MAPPING = "capped_alanine", "T300", "backbone"
EXPERIMENT = "capped_alanine_metadynamics_backbone_cgnet"
POTENTIAL = "cgnet_relative_entropy"

DESCENT = {"updates": 50, "rate": 5e-4, "reweight_ratio": 1.1, "allowed_reduction": 0.25}
"""Steps of chemtrain's example of alanine after force matching: a new CG run for each; in each, a
line search keeps a quarter of the effective frames."""

LONG = {"equilibration": 10.0, "length": 100.0, "stride": 0.5}
"""Times of the CG runs in that example, ps."""

CHEMTRAIN: dict[str, dict[str, float]] = {
    "chemtrain": {},
    "chemtrain, runs reused": {"reweight_ratio": 0.5},
    "chemtrain, long runs reused": LONG | {"reweight_ratio": 0.9},
    "chemtrain, long runs, large steps": LONG | {"reweight_ratio": 0.5, "rate": 3e-3},
}
"""What differs from `DESCENT` and from the config's CG runs: fraction of effective frames down to
which a CG run is used again (0.9 is chemtrain's default, 0.5 ours), and the rate of the example's
fit without force matching."""

CASES = ("start", "ours", "ours, no bias", *CHEMTRAIN)

CHECKED = 256
"""Frames on which both implementations of the network are compared."""


@dataclasses.dataclass(frozen=True)
class Fitted:
    """A model, and what its fit took.

    Attributes:
        potential: the model.
        updates: steps of Adam.
        runs: CG runs.
        steps: CG steps of all chains.
        cpu: CPU seconds.
        wall: s.
    """

    potential: WithPrior
    updates: int = 0
    runs: int = 0
    steps: float = 0.0
    cpu: float = 0.0
    wall: float = 0.0


class Case:
    """The work: frames, the model to start from, and how a model is judged.

    Args:
        folder: where files are put.
        epochs: of the training on forces; None: the model of the workflow.
    """

    def __init__(self, folder: Path, epochs: int | None) -> None:
        self.folder = folder
        self.config = load_config(read_config_file(CONFIG))
        self.job = train_job(self.config, EXPERIMENT, 0)
        data = DatasetPaths(SYSTEM, STATE, "metadynamics", 1, MAPPING)
        self.datasets = [Path(data.dataset)]
        self.references = [
            Path(DatasetPaths(SYSTEM, STATE, "reference", number, MAPPING).dataset)
            for number in (1, 2)
        ]
        choice = FrameChoice(weights="bias")
        biased = read_frames(self.datasets, self.job.folds, choice)
        # The workflow's model was trained on all frames alike, as no bias changes a mean force.
        self.start, self.about = load(Path(MemberPaths(EXPERIMENT, 0).model))
        if epochs is not None:
            self.start = self._briefly(dataclasses.replace(biased, weights=None), epochs)
        self.frames = unbiased(biased, np.random.default_rng(self.job.seed))

    def _briefly(self, frames: Frames, epochs: int) -> WithPrior:
        """The same network after a shorter training on forces."""
        potential = self.job.potential
        training = potential.training.model_copy(update={"epochs": epochs})
        chosen = potential.model_copy(update={"training": training})
        return force_matching.fit(chosen, frames, {}, 0, self.job.seed, print).potential

    @property
    def trained_on(self) -> Frames:
        """Target frames without the fold that our fit leaves out."""
        return self.frames.select(self.frames.folds != self.job.member)

    @property
    def fitting(self) -> RelativeEntropySettings:
        """The config's."""
        return self.config.potentials[POTENTIAL].fitting

    def ours(self, biased: bool) -> Fitted:
        """Our fit, by the config's settings.

        Args:
            biased: whether CG runs have the config's bias.
        """
        simulation = self.fitting.simulation
        if not biased:
            simulation = simulation.model_copy(update={"bias": None})
        chosen = self.fitting.model_copy(update={"simulation": simulation})
        member, frames = self.job.member, self.frames
        variables = self.config.variables_of(SYSTEM) if simulation.bias else {}
        begin = time.perf_counter(), time.process_time()
        blank = compared(frames)
        histograms = Histograms(blank)
        problem = NetworkProblem(
            chosen, blank, frames, states_of(frames, member, histograms, chosen.smallest_sample),
            histograms, self.job.seed, variables=variables, start=copy_of(self.start),
            at_once=self.job.potential.training.batch_size, left_out=member,
        )  # fmt: skip
        with or_temporary(None) as job:
            made = to_end(problem, NetworkEntropy(problem), weights_in(self.start), print, job)
        wall, cpu = time.perf_counter() - begin[0], time.process_time() - begin[1]
        print(made.curve.to_string())
        curve, build = made.curve, simulation.bias.build if simulation.bias else 0.0
        # At most: a run may end early where distributions are far from their targets.
        each = simulation.chains * (build + simulation.equilibration + simulation.length)
        steps = len(curve) * each
        updates = int(curve["adam_steps"].sum())
        return Fitted(made.potential, updates, len(curve), steps / simulation.time_step, cpu, wall)

    def chemtrain(self, python: str, changes: dict[str, float]) -> Fitted:
        """Chemtrain's fit in a process of its own, with CG runs without a bias, as it has none.

        Args:
            python: interpreter of its environment.
            changes: of `DESCENT` and of the config's CG runs.
        """
        names = ("chains", "time_step", "friction", "equilibration", "length", "stride")
        run = {name: getattr(self.fitting.simulation, name) for name in names}
        chosen = run | DESCENT | changes
        folder = Path(tempfile.mkdtemp(dir=self.folder))
        chains = chosen["chains"]
        positions = self.trained_on.positions.numpy()
        # Its batches have as many frames as there are chains.
        positions = positions[: len(positions) // chains * chains]
        rng = np.random.default_rng(self.job.seed)
        starts = positions[rng.choice(len(positions), chains, replace=False)]
        arrays = arrays_of(self.start) | {
            "positions": positions, "starts": starts, "masses": self.frames.masses,
        }  # fmt: skip
        some = self.frames.positions[:: max(1, len(self.frames) // CHECKED)]
        temperature = self.job.origin.state_points[STATE]
        energies, forces = self.start.compute(Configuration(some, temperature))
        arrays |= {"check_positions": some.numpy(), "check_energies": energies.detach().numpy(),
                   "check_forces": forces.detach().numpy()}  # fmt: skip
        np.savez(folder / "start.npz", **arrays)
        chosen |= {"kt": kt(temperature), "seed": self.job.seed}
        (folder / "settings.json").write_text(json.dumps(chosen))
        program = Path(__file__).with_name("chemtrain_fit.py")
        subprocess.run([python, str(program), str(folder)], check=True)
        about = json.loads((folder / "fit.json").read_text())
        print(about)
        steps = (chosen["equilibration"] + chosen["length"]) / chosen["time_step"]
        return Fitted(
            self._with_weights(folder / "fitted.npz"), about["updates"], about["runs"],
            chains * steps * about["runs"], about["cpu"], about["wall"],
        )  # fmt: skip

    def _with_weights(self, path: Path) -> WithPrior:
        potential = copy_of(self.start)
        with np.load(path) as file:
            for name, tensor in trained_part(potential).tensors.items():
                if name in file:
                    tensor.copy_(torch.from_numpy(file[name]))
        return potential

    def judged(self, name: str, potential: WithPrior) -> pd.DataFrame:
        """Metrics of a model by the config's CG run and validation at the training state point."""
        stem = name.replace(", ", "_").replace(" ", "_")
        model, trajectory = (self.folder / f"{stem}.{end}" for end in ("safetensors", "h5"))
        save(potential, model, self.about)
        job = simulate_job(self.config, EXPERIMENT, STATE)
        with or_temporary(None) as work:
            simulate(job, SimulateInputs([model], self.datasets), trajectory, work, print)
        judge = validate_job(self.config, EXPERIMENT, STATE).model_copy(update={"training": []})
        inputs = ValidateInputs(trajectory, [model], self.references)
        metrics = metrics_of(judge, inputs, comparison_of(judge, inputs, print), print)
        metrics.to_csv(self.folder / f"{stem}.csv", index=False)
        return metrics


def unbiased(frames: Frames, rng: np.random.Generator) -> Frames:
    """As many frames as the weighted ones are worth, drawn evenly over time by their weights."""
    weights = frames.weights.double().numpy()
    number = int(frames.effective_sample_size)
    places = (np.arange(number) + rng.random()) / number * weights.sum()
    chosen = np.searchsorted(np.cumsum(weights), places).clip(max=len(frames) - 1)
    return dataclasses.replace(frames.select(torch.from_numpy(chosen)), weights=None)


def arrays_of(potential: WithPrior) -> dict[str, np.ndarray]:
    """A `cgnet` with plain distances and a harmonic prior, for `chemtrain_fit.py`."""
    network, prior = potential.residual, potential.prior
    coordinates = network.internal.coordinates
    pairs, values = [tuple(pair) for pair in coordinates.distances], prior.values
    assert not values["dihedrals"] and not values["excluded"] and not values.get("stereo")
    assert not values.get("mixtures") and network.values["distances"] == "plain"
    angles = [tuple(angle) for angle in coordinates.angles]
    arrays = {name: tensor.detach().numpy() for name, tensor in network.tensors.items()}
    arrays |= {name: tensor.numpy() for name, tensor in prior.tensors.items()}
    return arrays | {
        "distances": np.array(pairs),
        "angles": np.array(angles),
        "dihedrals": np.array(coordinates.dihedrals),
        "prior_bonds": np.array([pairs.index(tuple(sorted(pair))) for pair in values["bonds"]]),
        "prior_angles": np.array([angles.index(tuple(angle)) for angle in values["angles"]]),
        "energy_scale": np.array(ENERGY_SCALE),
        "layers": np.array(len(network.values["hidden"])),
    }


def row(name: str, fitted: Fitted, metrics: pd.DataFrame) -> str:
    """A line of the table."""
    found = metrics[metrics.source == "model"].set_index("metric")

    def off(metric: str) -> str:
        reference = metrics[metrics.metric == f"{metric}_reference"].value.iloc[0]
        return f"{found.value[metric] - reference:+.2f}"

    structure = []
    for kind in ("bond", "angle", "dihedral"):
        value, floor = in_total(metrics, f"wasserstein_{kind}")
        structure.append(f"{value / floor:.1f}")
    js = found.loc["js_phi_psi"]
    cells = [
        name, fitted.updates, fitted.runs, f"{fitted.steps:.2g}", f"{fitted.cpu / 60:.1f}",
        f"{fitted.wall / 60:.1f}", f"{js.value:.4f} ({js.noise_floor:.4f})",
        off("delta_f_alphaR_beta"), off("delta_f_phi_positive"), off("barrier_phi"), *structure,
        f"{found.value['force_rmse']:.2f}",
    ]  # fmt: skip
    return "| " + " | ".join(map(str, cells)) + " |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jax", help="Python of an environment with chemtrain")
    parser.add_argument("--results", default="results/methods_alanine")
    parser.add_argument("--folder", type=Path, help="for models and CG runs; default: temporary")
    parser.add_argument("--epochs", type=int, help="of the training on forces of the start")
    parser.add_argument("--updates", type=int, default=DESCENT["updates"], help="of chemtrain")
    parser.add_argument("--only", nargs="+", choices=CASES, default=CASES)
    arguments = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    torch.set_num_threads(1)
    use_output(arguments.results)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        case, rows = Case(folder, arguments.epochs), []
        for name in arguments.only:
            if name == "start":
                fitted = Fitted(case.start)
            elif name.startswith("ours"):
                fitted = case.ours(biased=name == "ours")
            elif not arguments.jax or not Path(arguments.jax).exists():
                print(f"({name} skipped: give --jax PYTHON of an environment with chemtrain)")
                continue
            else:
                changes = CHEMTRAIN[name] | {"updates": arguments.updates}
                fitted = case.chemtrain(arguments.jax, changes)
            rows.append(row(name, fitted, case.judged(name, fitted.potential)))
            print(rows[-1], flush=True)
    head = [
        "fit", "updates", "CG runs", "CG steps", "CPU min", "wall min", "JS",
        "ΔF(αR−β)", "ΔF(φ>0)", "φ barrier", "bonds", "angles", "dihedrals", "force error",
    ]  # fmt: skip
    print("\n| " + " | ".join(head) + " |\n" + "|---" * len(head) + "|\n" + "\n".join(rows))


if __name__ == "__main__":
    main()
