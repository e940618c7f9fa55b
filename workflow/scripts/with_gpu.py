"""Run a program with some GPUs visible and no others: ``with_gpu.py NUMBER PROGRAM ...``."""

import os
import sys

from meanforce.errors import InputError, exits_cleanly
from meanforce.restart.gpus import show_gpus


@exits_cleanly
def main() -> None:
    if len(sys.argv) < 3 or not sys.argv[1].isdigit():
        given = " ".join(sys.argv[1:])
        raise InputError(f"usage: with_gpu.py NUMBER PROGRAM [ARGUMENT ...] (given '{given}')")
    show_gpus(int(sys.argv[1]))
    program = sys.argv[2:]
    os.execvp(program[0], program)  # noqa: S606


if __name__ == "__main__":
    main()
