"""Compare a CG run with its reference at one state point: metrics, profiles, and a figure."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from meanforce.analysis import baseline
from meanforce.analysis.comparison import Comparison, axes_of
from meanforce.analysis.curves import table
from meanforce.analysis.leakage import refuse_leaks, trained_on
from meanforce.analysis.members import Scheme
from meanforce.analysis.metrics.exact_pmf import exact_pmf_of
from meanforce.analysis.metrics.registry import METRICS, all_curves, all_rows
from meanforce.analysis.protocol import Protocol
from meanforce.analysis.rows import Row
from meanforce.analysis.samples import model_sample, reference_sample
from meanforce.analysis.surface_table import surface_table
from meanforce.analysis.variables import judged_variables
from meanforce.data.h5md import H5mdReader
from meanforce.errors import exits_cleanly
from meanforce.figures.free_energy import draw
from meanforce.potentials.files import load
from meanforce.potentials.interface import EnsembleMean
from meanforce.progress import Progress, Rate, report
from meanforce.restart.job import work_folder
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import read_settings, validated, validated_each
from meanforce.settings.validation import ValidationSettings

COLUMNS = [
    "experiment", "system", "mapping", "force_map", "campaign", "potential", "state_point",
    "role", "metric", "value", "stderr", "noise_floor", "unit", "stderr_noise", "dof",
    "noise_floor_reference", "resolution", "data_limit",
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
        "--training",
        type=Path,
        nargs="*",
        default=[],
        help="datasets of this state point that the models were trained on: the baseline",
    )
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file: {validation, temperature, collective_variables, reference, "
        "training, ...}",
    )
    parser.add_argument("--metrics", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--profiles", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--surface", type=Path, required=True, help="CSV file to write")
    parser.add_argument("--figure", type=Path, required=True, help="PNG file to write")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = read_settings(arguments.settings)
    validation = validated(ValidationSettings, settings["validation"], "validation")
    labels = settings["labels"]
    members = [load(path) for path in arguments.models]
    trained = trained_on(members[0][1], arguments.reference)
    if labels["role"] == "held-out":
        refuse_leaks(trained, labels["state_point"])
    variables = judged_variables(
        validation,
        validated_each(
            CollectiveVariableSettings, settings["collective_variables"], "collective_variables"
        ),
        _bead_names(arguments.trajectory),
        labels["mapping"],
    )
    # Steps: the reference, the model, each metric, the baseline, and what is drawn.
    progress = Progress(report, len(METRICS) + 4, rate=Rate("steps/min", 60))
    reference, forces, exact = None, None, None
    with progress.step("reading the reference"):
        if arguments.reference:
            reference = reference_sample(
                arguments.reference,
                list(variables.values()),
                validation.blocks,
                Protocol.of(
                    settings["reference"],
                    settings["temperature"],
                    _bead_names(arguments.reference[0]),
                    report,
                ),
            )
            forces = np.concatenate([_forces(path) for path in arguments.reference])
    exact_pmf = exact_pmf_of(
        settings["system_kind"],
        [variables[name] for name in validation.surface],
        len(_bead_names(arguments.trajectory)),
    )
    if exact_pmf is not None:
        edges = axes_of(validation, variables).edges[0]
        exact = exact_pmf.populations(edges, settings["temperature"])
    with progress.step("reading the CG run"):
        model = model_sample(arguments.trajectory, list(variables.values()), 2 * validation.blocks)
        comparison = Comparison(
            validation=validation,
            variables=variables,
            temperature=settings["temperature"],
            model=model,
            reference=reference,
            exact=exact,
            reference_forces=forces,
            ensemble=EnsembleMean([potential for potential, _ in members]),
            scheme=Scheme.of([about for _, about in members]),
            rng=np.random.default_rng(settings["seed"]),
            weighted_forces=settings["weights"] == "bias",
            effective_sample_size=members[0][1].get("effective_sample_size"),
            held_out=trained == [],
            exact_pmf=exact_pmf,
        )
    rows = all_rows(comparison, progress.step)
    with progress.step("baseline"):
        if settings["training"]:
            rows += _baseline(comparison, arguments, settings)
    metrics = pd.DataFrame([labels | vars(row) for row in rows])[COLUMNS]
    with work_folder(arguments.metrics) as folder, progress.step("curves and figures"):
        metrics.to_csv(folder / "metrics.csv", index=False)
        table(all_curves(comparison)).to_csv(folder / "profiles.csv", index=False)
        surface_table(comparison).to_csv(folder / "surface.csv", index=False)
        title = f"{labels['experiment']}, {labels['state_point']} ({labels['role']})"
        draw(comparison, folder / "figure.png", title)
        (folder / "figure.png").replace(arguments.figure)
        (folder / "surface.csv").replace(arguments.surface)
        (folder / "profiles.csv").replace(arguments.profiles)
        (folder / "metrics.csv").replace(arguments.metrics)
    progress.finish()
    report(f"{len(metrics)} metrics")


def _baseline(
    comparison: Comparison, arguments: argparse.Namespace, settings: dict[str, Any]
) -> list[Row]:
    """What the training data say without a model."""
    apart = baseline.independent(arguments.training, arguments.reference)
    reference = comparison.reference if apart else None
    if not apart:
        report("training data and reference share datasets: no baseline is judged by these")
    sample = baseline.training_sample(
        arguments.training,
        settings["training"],
        list(comparison.variables.values()),
        comparison.validation.blocks,
        settings["temperature"],
        report,
    )
    return baseline.rows(comparison, sample, reference)


def _bead_names(path: Path) -> list[str]:
    with H5mdReader(path) as reader:
        return reader.parameters["bead_names"]


def _forces(path: Path) -> np.ndarray:
    with H5mdReader(path) as reader:
        reader.keep_own_temperature()
        return reader.forces()


if __name__ == "__main__":
    main()
