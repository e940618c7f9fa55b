"""Compare a CG run with its reference at one state point: metrics.csv and a figure."""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from meanforce.analysis.calibration import held_out
from meanforce.analysis.comparison import Comparison, axes_of
from meanforce.analysis.exact_pmf import exact_distribution
from meanforce.analysis.registry import all_rows
from meanforce.analysis.samples import model_sample, reference_sample
from meanforce.data.h5md import H5mdReader
from meanforce.errors import exits_cleanly
from meanforce.figures.free_energy import draw
from meanforce.potentials.files import load
from meanforce.potentials.interface import EnsembleMean
from meanforce.progress import report
from meanforce.restart.job import work_folder
from meanforce.settings.collective_variables import CollectiveVariable
from meanforce.settings.job import read_settings, validated, validated_each
from meanforce.settings.validation import Validation

COLUMNS = [
    "experiment", "system", "mapping", "force_map", "campaign", "potential", "state_point",
    "role", "metric", "value", "stderr", "noise_floor", "unit",
]  # fmt: skip


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trajectory", type=Path, required=True, help="file made by simulate.py")
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="ensemble members")
    parser.add_argument(
        "--reference", type=Path, nargs="*", default=[], help="datasets of the reference campaign"
    )
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file: {validation, temperature, collective_variables, weights, ...}",
    )
    parser.add_argument("--metrics", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--figure", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = read_settings(arguments.settings)
    validation = validated(Validation, settings["validation"], "validation")
    variables = validated_each(
        CollectiveVariable, settings["collective_variables"], "collective_variables"
    )
    members = [load(path) for path in arguments.models]
    listed = [variables[name] for name in validation.surface]
    reference, forces, exact = None, None, None
    if arguments.reference:
        reference = reference_sample(arguments.reference, listed, validation.blocks)
        forces = np.concatenate([_forces(path) for path in arguments.reference])
    if settings["system_kind"] == "muller_brown":
        edges = axes_of(validation, variables).edges[0]
        exact = exact_distribution(edges, settings["temperature"])
    comparison = Comparison(
        validation=validation,
        variables=variables,
        temperature=settings["temperature"],
        model=model_sample(arguments.trajectory, listed, 2 * validation.blocks),
        reference=reference,
        exact=exact,
        reference_forces=forces,
        ensemble=EnsembleMean([potential for potential, _ in members]),
        jackknife_folds=members[0][1].get("jackknife_folds"),
        rng=np.random.default_rng(settings["seed"]),
        weighted_forces=settings["weights"] == "bias",
        effective_sample_size=members[0][1].get("effective_sample_size"),
        held_out=held_out(members[0][1].get("datasets"), arguments.reference),
    )
    labels = settings["labels"]
    table = pd.DataFrame([labels | vars(row) for row in all_rows(comparison)])[COLUMNS]
    with work_folder(arguments.metrics) as folder:
        table.to_csv(folder / "metrics.csv", index=False)
        title = f"{labels['experiment']}, {labels['state_point']} ({labels['role']})"
        draw(comparison, folder / "figure.png", title)
        (folder / "figure.png").replace(arguments.figure)
        (folder / "metrics.csv").replace(arguments.metrics)
    report(f"{len(table)} metrics")


def _forces(path: Path) -> np.ndarray:
    with H5mdReader(path) as reader:
        return reader.forces()


if __name__ == "__main__":
    main()
