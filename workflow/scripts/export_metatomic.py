"""Write a trained network as one file that LAMMPS, GROMACS, PLUMED, i-PI and ASE load."""

import argparse
from collections.abc import Callable
from pathlib import Path

from meanforce.errors import InputError, exits_cleanly
from meanforce.progress import report
from meanforce.units import parse


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=Path, nargs="+", required=True, help="ensemble members")
    parser.add_argument("--temperature", required=True, help="of the model, such as '300 K'")
    parser.add_argument("--output", type=Path, required=True, help="file to write, .pt")
    arguments = parser.parse_args()
    temperature = parse(arguments.temperature, "temperature")
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
