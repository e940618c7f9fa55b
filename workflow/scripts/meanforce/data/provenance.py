"""What a run was made with: versions of packages, and the machine."""

import importlib.metadata
import platform
from typing import Any


def provenance() -> dict[str, Any]:
    """Versions of Python and of every installed package, and the machine's kind."""
    installed = importlib.metadata.distributions()
    versions = {item.metadata["Name"].lower(): item.version for item in installed}
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "packages": dict(sorted(versions.items())),
    }
