"""Fit one member of an experiment's ensemble to its datasets, with CG runs within the fit."""

from meanforce.errors import exits_cleanly
from meanforce.fitting.iterative.registry import KINDS
from meanforce.fitting.program import run


@exits_cleanly
def main() -> None:
    run(__doc__, KINDS)


if __name__ == "__main__":
    main()
