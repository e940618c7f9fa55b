"""Turn a trained CG model into a folder from which OpenMM and ASE run it."""

import argparse
from pathlib import Path

from meanforce.deployment.folder import Source, write_folder
from meanforce.errors import exits_cleanly
from meanforce.potentials.card import ModelCard, temperature_for
from meanforce.progress import report


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="ensemble members")
    parser.add_argument(
        "--trajectory",
        type=Path,
        required=True,
        help="H5MD file of the same beads (cg.h5 or a mapped dataset): bonds, masses, a start",
    )
    parser.add_argument(
        "--temperature",
        required=True,
        help="of the model: 300, '300 K' or a state point such as T300",
    )
    parser.add_argument(
        "--metrics", type=Path, nargs="*", default=[], help="metrics.csv files, for the card"
    )
    parser.add_argument("--output", type=Path, required=True, help="folder to make")
    arguments = parser.parse_args()
    temperature = temperature_for(arguments.temperature, arguments.models[0])
    source = Source(arguments.models, arguments.trajectory, temperature, tuple(arguments.metrics))
    native = write_folder(source, arguments.output)
    kind = "OpenMM's own forces (system.xml)" if native else "a force in Python"
    warning = ModelCard.read(arguments.models[0]).temperature_warning(temperature)
    if warning is not None:
        report(f"warning: {warning}")
    report(f"{arguments.output}: {len(arguments.models)} models as {kind}; see its MODEL_CARD.md")


if __name__ == "__main__":
    main()
