"""Write a trained network as one file that LAMMPS, GROMACS, PLUMED, i-PI and ASE load."""

import argparse
from collections.abc import Callable
from pathlib import Path

from meanforce.errors import InputError, exits_cleanly
from meanforce.potentials.card import temperature_for
from meanforce.progress import report


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="ensemble members")
    parser.add_argument(
        "--temperature",
        required=True,
        help="of the model: 300, '300 K' or a state point such as T300",
    )
    parser.add_argument("--output", type=Path, required=True, help="file to write, .pt")
    arguments = parser.parse_args()
    temperature = temperature_for(arguments.temperature, arguments.models[0])
    if arguments.output.suffix != ".pt":
        raise InputError(f"--output: '{arguments.output}' does not end in .pt")
    writer()(arguments.models, temperature, arguments.output)
    report(f"{arguments.output}: {len(arguments.models)} models at {temperature:g} K")


def writer() -> Callable[[list[Path], float, Path], None]:
    """The function that writes the file.

    Raises:
        InputError: the packages that it needs are not installed.
    """
    try:
        from meanforce.deployment.metatomic_file import write_metatomic
    except ImportError as error:
        raise InputError(
            f"metatomic is not installed ({error}); run "
            "'pip install -r envs/requirements-metatomic.txt'"
        ) from error
    return write_metatomic


if __name__ == "__main__":
    main()
