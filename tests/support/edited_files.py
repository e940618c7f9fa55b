"""Files that a test changes for a while."""

import contextlib
from pathlib import Path


@contextlib.contextmanager
def edited(*paths: Path):
    """Files that may be written, and are then as they were before."""
    before = {path: path.read_text() for path in paths}
    try:
        yield before
    finally:
        for path, text in before.items():
            path.write_text(text)
