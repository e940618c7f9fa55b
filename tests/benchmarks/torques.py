"""What the errors of torques in the loss bring: models with and without, on frames of another run.

    python tests/benchmarks/torques.py --training RUN/1/heavy.h5 --unseen RUN/2/heavy.h5 \
        [--frames 10000] [--weights 0 3 10] [--seeds 3] [--kind cgnet] [--decay 0.5] [--epochs 60]

The datasets are of independent runs of the same molecule, such as
results/capped_alanine_300K/capped_alanine/T300/metadynamics/1/heavy.h5 and 2/heavy.h5 of
config/capped_alanine_300K.yaml. `--frames` are taken evenly spaced; 0: all. Prints rows of a table
in docs/results.md: mean squared errors on the unseen run, of forces in (kcal/mol/Å)², of torques in
(kcal/mol)², both for the largest part noise; and CPU seconds of one thread, means over seeds.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.fitting.frames import Frames, read_frames  # noqa: E402
from meanforce.fitting.loss import mean_squared_errors  # noqa: E402
from meanforce.fitting.registry import fit  # noqa: E402
from meanforce.fitting.torques import Torques  # noqa: E402
from meanforce.settings.job import validated  # noqa: E402
from meanforce.settings.potentials.registry import Potential as Settings  # noqa: E402

FOLDS = 8
KCAL = 4.184
PRIOR = {"bonds": "harmonic", "angles": "harmonic"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--training", type=Path, required=True)
    parser.add_argument("--unseen", type=Path, required=True)
    parser.add_argument("--frames", type=int, default=10000)
    parser.add_argument("--weights", type=float, nargs="+", default=[0.0, 3.0, 10.0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--kind", choices=("cgnet", "local_cgnet"), default="cgnet")
    parser.add_argument("--decay", default="0.5", help="weight decay, or auto")
    parser.add_argument("--epochs", type=int, default=60)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    frames = spaced(read_frames([arguments.training], FOLDS), arguments.frames)
    unseen = spaced(read_frames([arguments.unseen], FOLDS), 50000)
    print(
        f"{len(frames)} frames of {frames.molecule.size} beads, {arguments.kind}, weight decay "
        f"{arguments.decay}, {arguments.epochs} epochs, {arguments.seeds} seeds\n\n"
        "| torque_weight | forces | torques | CPU s |\n|---|---|---|---|",
        flush=True,
    )
    decay = arguments.decay if arguments.decay == "auto" else float(arguments.decay)
    torques = Torques(frames.molecule, torch.float32)
    for weight in arguments.weights:
        training = {"epochs": arguments.epochs, "weight_decay": decay, "torque_weight": weight}
        values = {
            "kind": arguments.kind, "temperature": "none", "prior": PRIOR, "training": training
        }  # fmt: skip
        settings = validated(Settings, values, arguments.kind)
        spent, errors = 0.0, []
        for seed in range(1, arguments.seeds + 1):
            begun = time.process_time()
            model = fit(settings, frames, {}, seed % FOLDS, seed, lambda line: None)
            spent += time.process_time() - begun
            errors.append(mean_squared_errors(model.potential, unseen, torques))
        force, torque = torch.stack(errors).mean(0).split([unseen.molecule.size, len(torques)])
        print(
            f"| {weight:g} | {force.mean() / (10 * KCAL) ** 2:.2f} | {torque.mean() / KCAL**2:.2f} "
            f"| {spent / arguments.seeds:.0f} |",
            flush=True,
        )


def spaced(frames: Frames, number: int) -> Frames:
    """About `number` frames, evenly spaced; all where it is 0."""
    stride = max(1, len(frames) // number) if number else 1
    return frames.select(torch.arange(0, len(frames), stride))


if __name__ == "__main__":
    main()
