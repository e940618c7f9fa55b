"""Fit one member of an experiment's ensemble to its datasets."""

import argparse
import contextlib
from collections.abc import Iterator
from pathlib import Path

import torch

from meanforce.data.h5md import contents
from meanforce.errors import exits_cleanly
from meanforce.fitting.frames import read_frames
from meanforce.fitting.registry import fit
from meanforce.fitting.resampling import Split
from meanforce.fitting.weights import summary
from meanforce.potentials.files import save
from meanforce.progress import report
from meanforce.restart.job import Job, add_options, resumable, work_folder
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.job import read_settings, validated, validated_each
from meanforce.settings.potentials.registry import Potential


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=Path, nargs="+", required=True, help="H5MD datasets")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file: {potential, collective_variables, weights, windows, "
        "datasets_per_replica, member, folds, resampling, seed}",
    )
    parser.add_argument("--model", type=Path, required=True, help=".safetensors file to write")
    parser.add_argument("--curve", type=Path, required=True, help="CSV of the training curve")
    parser.add_argument("--threads", type=int, default=1)
    add_options(parser)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = read_settings(arguments.settings)
    potential = validated(Potential, settings["potential"], "potential")
    variables = validated_each(
        CollectiveVariableSettings, settings["collective_variables"], "collective_variables"
    )
    identity = {"settings": dict(settings), "datasets": contents(arguments.datasets)}
    with _job(potential, identity, arguments) as job:
        frames = read_frames(
            arguments.datasets, settings["folds"], potential.frame_stride, settings["weights"],
            job.folder,
            settings["windows"], settings["datasets_per_replica"],
            # A potential that does not depend on temperature is that of its state points.
            potential.depends_on_temperature,
        )  # fmt: skip
        used = {
            "frames": len(frames),
            "effective_sample_size": frames.effective_sample_size,
        }
        if frames.weights is not None:
            report(summary(used["effective_sample_size"], used["frames"]))
        report(frames.cut.text())
        split = Split.of(settings["resampling"], settings["folds"], settings["member"])
        parts, left_out = split.frames(frames)
        result = fit(potential, parts, variables, left_out, settings["seed"], report, job)
        used |= frames.cut.about() | split.about()
        made_from = {"settings": settings, "datasets": identity["datasets"]}
        save(result.potential, job.folder / "model.safetensors", result.about | used | made_from)
        result.curve.to_csv(job.folder / "curve.csv", index=False)
        (job.folder / "curve.csv").replace(arguments.curve)
        (job.folder / "model.json").replace(arguments.model.with_suffix(".json"))
        (job.folder / "model.safetensors").replace(arguments.model)


@contextlib.contextmanager
def _job(potential: Potential, identity: dict, arguments: argparse.Namespace) -> Iterator[Job]:
    """Training of a network can be continued; a linear fit is short and simply starts anew."""
    if potential.resumable:
        limits = arguments.time_limit, arguments.bundle_every
        with resumable(arguments.model, identity, *limits) as job:
            yield job
    else:
        with work_folder(arguments.model) as folder:
            yield Job(folder, identity)


if __name__ == "__main__":
    main()
