"""What a run was made with: versions of packages, and the machine."""

import importlib.metadata
import platform
from typing import Any

PACKAGES = (
    "snakemake", "openmm", "mdtraj", "numpy", "scipy", "pandas", "torch", "h5py", "pydantic",
    "pint", "safetensors", "matplotlib",
)  # fmt: skip


def provenance() -> dict[str, Any]:
    """Versions of Python and of the packages that results depend on, and the machine's kind."""
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = "not installed"
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": versions,
    }
