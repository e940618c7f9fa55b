"""Functions that Numba compiles to machine code, and keeps for later processes where it can."""

import hashlib
import tempfile
from collections.abc import Callable
from importlib import resources
from pathlib import Path

import numba

OPTIONS = {
    # Not a number stays that, and a division by zero is infinite, as in NumPy.
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}


def compiled(function: Callable) -> Callable:
    """The function as machine code, made at its first call with arguments of some types."""
    # Numba looks whether the function's own file has changed, but not those of what it calls.
    function.__qualname__ += f"-{SOURCES}"
    try:
        kept = numba.njit(cache=True, **OPTIONS)(function)
        _check_writable(Path(kept.stats.cache_path))
    except (OSError, RuntimeError):
        return numba.njit(**OPTIONS)(function)
    return kept


def _check_writable(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _sources() -> str:
    """Hash of this package's code, which may lie in a zip file."""
    files = [file for file in resources.files(__package__).iterdir() if file.name.endswith(".py")]
    contents = b"".join(file.read_bytes() for file in sorted(files, key=lambda file: file.name))
    return hashlib.sha256(contents).hexdigest()[:16]


SOURCES = _sources()
