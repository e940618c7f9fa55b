"""Fit one member of an experiment's ensemble to its datasets."""

from meanforce.errors import exits_cleanly
from meanforce.fitting.program import run
from meanforce.fitting.registry import KINDS


@exits_cleanly
def main() -> None:
    run(__doc__, KINDS)


if __name__ == "__main__":
    main()
