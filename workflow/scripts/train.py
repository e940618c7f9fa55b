"""Fit one member of an experiment's ensemble to its datasets."""

import argparse
from pathlib import Path

import torch

from meanforce.errors import exits_cleanly
from meanforce.potentials.files import save
from meanforce.progress import report
from meanforce.restart.job import work_folder
from meanforce.settings.collective_variables import CollectiveVariable
from meanforce.settings.job import read_settings, validated, validated_each
from meanforce.settings.potentials import Potential
from meanforce.training.frames import read_frames
from meanforce.training.registry import fit
from meanforce.training.weights import summary


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", type=Path, nargs="+", required=True, help="H5MD datasets")
    parser.add_argument(
        "--settings",
        required=True,
        help="JSON text or file: {potential, collective_variables, weights, member, folds, seed}",
    )
    parser.add_argument("--model", type=Path, required=True, help=".safetensors file to write")
    parser.add_argument("--curve", type=Path, required=True, help="CSV of the training curve")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    settings = read_settings(arguments.settings)
    potential = validated(Potential, settings["potential"], "potential")
    variables = validated_each(
        CollectiveVariable, settings["collective_variables"], "collective_variables"
    )
    stride = potential.training.stride if hasattr(potential, "training") else 1
    frames = read_frames(arguments.datasets, settings["folds"], stride, settings["weights"])
    used = {
        "frames": len(frames.positions),
        "effective_sample_size": frames.effective_sample_size,
    }
    if frames.weights is not None:
        report(summary(used["effective_sample_size"], used["frames"]))
    result = fit(potential, frames, variables, settings["member"], settings["seed"], report)
    made_from = {"settings": settings, "datasets": [str(p) for p in arguments.datasets]}
    about = result.about | used | made_from
    with work_folder(arguments.model) as folder:
        save(result.potential, folder / "model.safetensors", about)
        result.curve.to_csv(folder / "curve.csv", index=False)
        (folder / "curve.csv").replace(arguments.curve)
        (folder / "model.json").replace(arguments.model.with_suffix(".json"))
        (folder / "model.safetensors").replace(arguments.model)


if __name__ == "__main__":
    main()
