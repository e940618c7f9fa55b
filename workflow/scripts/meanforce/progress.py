"""Progress lines."""

import sys


def report(line: str) -> None:
    """Say on stderr how far a job is."""
    print(line, file=sys.stderr, flush=True)
