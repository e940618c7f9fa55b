"""Export datasets of beads as files that cgnet, mlcg or chemtrain train on."""

import argparse
import re
from pathlib import Path

from meanforce.errors import InputError, exits_cleanly
from meanforce.export.cg_dataset import CgDataset
from meanforce.export.cg_dataset_files import FORMATS, write
from meanforce.progress import report
from meanforce.settings.base import NAME


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--dataset", type=Path, required=True, nargs="+", help="H5MD files of one state point"
    )
    parser.add_argument("--format", choices=sorted(FORMATS), required=True)
    parser.add_argument("--output", type=Path, required=True, help="folder to write into")
    parser.add_argument("--name", default="dataset", help="what names of files begin with")
    parser.add_argument("--stride", type=int, default=1, help="take one frame in this many")
    parser.add_argument(
        "--together",
        action="store_true",
        help="weights of all files belong together: they are windows of umbrella sampling",
    )
    arguments = parser.parse_args()
    if arguments.stride < 1:
        raise InputError(f"--stride: {arguments.stride} is not a number above 0")
    if not re.fullmatch(NAME, arguments.name):
        raise InputError(
            f"--name: '{arguments.name}' is not a name of letters, digits, '_' and '-'"
        )
    chosen = CgDataset.of(arguments.dataset, arguments.stride, arguments.together)
    files = write(chosen, arguments.format, arguments.output, arguments.name)
    report(f"{len(chosen.dataset)} frames of {chosen.topology.size} beads at "
           f"{chosen.temperature:g} K: {', '.join(path.name for path in files)} in "
           f"{arguments.output}")  # fmt: skip


if __name__ == "__main__":
    main()
