"""Weight decay and amount of data: errors of models of few and of many frames of one molecule.

    python tests/benchmarks/weight_decay.py --datasets RUN/1/heavy.h5 RUN/2/heavy.h5 ... \
        [--frames 10000] [--every 1] [--beads five] [--noise 0] [--decays 0 0.5 auto]

The datasets are those that `config/capped_alanine_water_sets.yaml --until map` makes at 300 K,
`results/capped_alanine_water_sets/capped_alanine_water/T300/metadynamics/*/heavy.h5`. Models are
trained on the first `--frames` of every `--every`-th frame of the first one (0: on all of them of
all but the last), on all ten beads or on the five of the backbone, whose forces are noisier, since
they also carry those of the beads that are left out. A CG run of each model is judged against the
tables of `resources/references/capped_alanine_water`. Prints rows of the table in docs/results.md:
validation loss and loss on the last dataset, which no model is trained on (kJ/mol/nm)²; JS (floor);
errors of free-energy differences in kcal/mol; CPU time of the training.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.analysis.metrics import basins, divergence  # noqa: E402
from meanforce.analysis.one_comparison import ValidateInputs, comparison_of  # noqa: E402
from meanforce.data.h5md import FrameBlock, H5mdReader, H5mdWriter  # noqa: E402
from meanforce.dynamics.job import sample_to_file  # noqa: E402
from meanforce.dynamics.one_run import run_of  # noqa: E402
from meanforce.fitting.frames import read_frames  # noqa: E402
from meanforce.fitting.loss import validation_loss  # noqa: E402
from meanforce.fitting.registry import fit  # noqa: E402
from meanforce.jobs.simulate import SimulateJob  # noqa: E402
from meanforce.jobs.validate import ValidateJob  # noqa: E402
from meanforce.potentials.files import save  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.potentials.registry import Potential  # noqa: E402

BEADS = {"ten": list(range(10)), "five": [1, 3, 4, 6, 8]}
"""Of the ten heavy atoms, in their order: C, N, CA, C, N of the backbone are what φ and ψ need."""

VARIABLES = {
    "phi": {
        "kind": "dihedral", "mapping": "heavy", "beads": ["ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C"]
    },
    "psi": {
        "kind": "dihedral", "mapping": "heavy", "beads": ["ALA2-N", "ALA2-CA", "ALA2-C", "NME3-N"]
    },
}  # fmt: skip
SIMULATION = {
    "time_step": "5 fs", "friction": "2 / ps", "equilibration": "10 ps", "stride": "200 fs",
    "compile": "never", "least_stable": 0.05, "until": None,
    "bias": {
        "collective_variables": ["phi", "psi"], "width": ["0.25 rad", "0.25 rad"],
        "bias_factor": 6, "bins": 60, "build": "15 ps",
    },
}  # fmt: skip
VALIDATION = {
    "surface": ["phi", "psi"], "bins": 60, "cutoff": "4 kcal/mol", "blocks": 10,
    "basins": {
        "alphaR": [{"phi": ["-180 deg", "0 rad"], "psi": ["-2 rad", "0.9 rad"]}],
        "beta": [
            {"phi": ["-180 deg", "0 rad"], "psi": ["-180 deg", "-2 rad"]},
            {"phi": ["-180 deg", "0 rad"], "psi": ["0.9 rad", "180 deg"]},
        ],
        "phi_negative": [{"phi": ["-180 deg", "0 rad"]}],
        "phi_positive": [{"phi": ["0 rad", "180 deg"]}],
    },
    "differences": {
        "alphaR_beta": ["alphaR", "beta"], "phi_positive": ["phi_positive", "phi_negative"]
    },
}  # fmt: skip
LABELS = {
    "experiment": "few", "system": "capped_alanine_water", "mapping": "heavy",
    "force_map": "aggregate", "campaign": "reference", "potential": "cgnet", "state_point": "T300",
    "role": "train",
}  # fmt: skip
DIFFERENCES = ("alphaR_beta", "phi_positive")
SEED = 1


def cut(source: Path, path: Path, beads: list[int], frames: slice, noise: float) -> None:
    """Some beads and frames of a dataset, with noise added to the forces (kJ/mol/nm)."""
    with H5mdReader(source) as reader:
        parameters, masses = dict(reader.parameters), reader.masses[beads]
        position = reader.positions(frames)[:, beads]
        force = reader.forces(frames)[:, beads]
        scalars = [reader.observable(n, frames) for n in ("bias_energy", "log_weight", "chain")]
        times = reader.times(frames)
    number = {bead: i for i, bead in enumerate(beads)}
    for name in ("bead_names", "bead_types", "bead_residues"):
        parameters[name] = [parameters[name][bead] for bead in beads]
    parameters["bonds"] = [
        [number[i], number[j]] for i, j in parameters["bonds"] if i in number and j in number
    ]
    if len(beads) < len(BEADS["ten"]):
        parameters["stereo_centers"] = []
    rng = np.random.default_rng(SEED)
    force = force + noise * rng.standard_normal(force.shape)
    with H5mdWriter(path, masses, parameters, with_forces=True) as writer:
        writer.append(FrameBlock(position, times, *scalars, force=force))


def potential(decay: float | str) -> Potential:
    """The network of config/capped_alanine_water_sets.yaml."""
    training = {"epochs": 100, "steps": 8000, "batch_size": 256, "weight_decay": decay}
    values = {
        "kind": "cgnet", "hidden": [128, 128, 128], "temperature": "none",
        "prior": {"bonds": "harmonic", "angles": "harmonic"}, "training": training,
    }  # fmt: skip
    return validated(Potential, values, "potential")


def judged(folder: Path, model, data: list[Path], chains: int, length: str) -> dict[str, str]:
    """A CG run against the tables: JS with its floor, and errors of differences."""
    simulation = SIMULATION | {"chains": chains, "length": length}
    job = validated(
        SimulateJob,
        {
            "simulation": simulation, "windows": None, "temperature": "300 K", "seed": SEED,
            "surface": ["phi", "psi"], "collective_variables": VARIABLES,
        },
        "simulate",
    )  # fmt: skip
    trajectory, saved = folder / "cg.h5", folder / "model.safetensors"
    save(model.potential, saved, model.about | {"datasets": {}})
    sample_to_file(run_of(job, model.potential, data), trajectory, silent)
    tables = sorted((ROOT / "resources/references/capped_alanine_water").glob("T300-*.csv"))
    table = {
        "kind": "table", "files": {"T300": [str(path) for path in tables]},
        "variables": {"phi": "rad", "psi": "rad"}, "unit": "kJ/mol",
    }  # fmt: skip
    job = validated(
        ValidateJob,
        {
            "validation": VALIDATION, "temperature": "300 K", "collective_variables": VARIABLES,
            "reference": None, "table": table, "training": [], "weights": "none",
            "system_kind": "solvated_peptide", "labels": LABELS, "seed": SEED,
        },
        "validate",
    )  # fmt: skip
    inputs = ValidateInputs(trajectory, [saved], tables=tables)
    comparison = comparison_of(job, inputs, silent)
    rows = {r.metric: r for r in (*divergence.rows(comparison), *basins.rows(comparison))}
    js = rows["js_phi_psi"]
    return {
        "js": f"{js.value:.4f} ({js.noise_floor:.4f})",
        **{n: f"{rows['delta_f_' + n + '_error'].value:+.2f}" for n in DIFFERENCES},
    }


def silent(line: str) -> None:
    pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--datasets", type=Path, nargs="+", required=True)
    parser.add_argument("--frames", type=int, default=10000)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--beads", choices=BEADS, default="five")
    parser.add_argument("--noise", type=float, default=0.0, help="added to forces, kJ/mol/nm")
    parser.add_argument("--decays", nargs="+", default=["0", "0.5", "auto"])
    parser.add_argument("--chains", type=int, default=200)
    parser.add_argument("--length", default="40 ps", help="of the CG run")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        folder, beads = Path(name), BEADS[arguments.beads]
        sources = arguments.datasets[:1] if arguments.frames else arguments.datasets[:-1]
        data = [folder / f"{i}.h5" for i in range(len(sources))]
        for source, path in zip(sources, data, strict=True):
            last = arguments.frames * arguments.every or None
            cut(source, path, beads, slice(None, last, arguments.every), arguments.noise)
        cut(arguments.datasets[-1], folder / "unseen.h5", beads, slice(None), 0.0)
        frames, unseen = read_frames(data, 8), read_frames([folder / "unseen.h5"], 8)
        print(
            f"{len(frames)} frames, {arguments.beads} beads, {arguments.noise:g} kJ/mol/nm of noise"
            " added\n\n"
            "| decay | validation | unseen | JS (floor) | ΔF(αR−β) | ΔF(φ>0) | CPU s |\n"
            "|---|---|---|---|---|---|---|",
            flush=True,
        )
        for decay in arguments.decays:
            begun, lines = time.process_time(), []
            chosen = decay if decay == "auto" else float(decay)
            model = fit(potential(chosen), frames, {}, 0, SEED, lines.append)
            spent = time.process_time() - begun
            about = model.about
            tried = [
                f"{t['weight_decay']:g}: {t['loss']:.0f}"
                for t in about.get("weight_decay_trials", [])
            ]
            name = f"auto: {about['weight_decay']:g} (of {', '.join(tried)})" if tried else decay
            loss = validation_loss(model.potential, unseen)
            scores = judged(folder, model, data, arguments.chains, arguments.length)
            print(
                f"| {name} | {about['validation_loss']:.0f} | {loss:.0f} | {scores['js']} | "
                f"{scores['alphaR_beta']} | {scores['phi_positive']} | {spent:.0f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
