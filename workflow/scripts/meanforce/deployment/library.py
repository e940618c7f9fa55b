"""The library beside a deployed model: one file that Python imports it from, and what it needs."""

import zipfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path

import meanforce

LIBRARY = "meanforce.zip"
STAMP = (1980, 1, 1, 0, 0, 0)
"""Time of all entries, so that the same library gives the same file."""

PACKAGES = (
    "h5py",
    "numba",
    "numpy",
    "openmm",
    "pandas",
    "pydantic",
    "safetensors",
    "scipy",
    "torch",
    "vesin",
)
"""What running a model imports, besides the standard library."""

FURTHER = {"mace": ("mace-torch", "e3nn")}
"""What kinds of potentials need besides."""


def requirements(kinds: Iterable[str]) -> str:
    """Text of requirements.txt with the versions that are installed here, without local labels."""
    names = [*PACKAGES, *(name for kind in dict.fromkeys(kinds) for name in FURTHER.get(kind, ()))]
    return "".join(f"{name}=={version(name).partition('+')[0]}\n" for name in names)


def write_library(folder: Path) -> Path:
    """Write all modules of this version of the library; returns the file."""
    root = Path(meanforce.__file__).parent
    path = folder / LIBRARY
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for module in sorted(root.rglob("*.py")):
            entry = zipfile.ZipInfo(str(module.relative_to(root.parent)), STAMP)
            archive.writestr(entry, module.read_bytes(), zipfile.ZIP_DEFLATED)
    return path
