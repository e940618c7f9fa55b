"""Models on disk: safetensors for tensors, JSON beside it for everything else.

Loading executes no code from the files.
"""

import contextlib
import importlib.metadata
import json
import platform
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from meanforce.errors import InputError
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.potentials.registry import KINDS
from meanforce.potentials.with_prior import WithPrior

FORMAT = 2
"""Format 2 has versions of packages, and may have a prior; format 1 can be read, too."""

PACKAGES = ("numpy", "torch", "safetensors", "vesin", "mace-torch", "e3nn")
"""Packages that a model's numbers may depend on."""


def save(potential: Potential, path: Path, about: dict[str, Any]) -> None:
    """Write `path` (.safetensors) and the .json beside it.

    Args:
        potential: the model.
        path: of the safetensors file.
        about: plain values on how the model was made.
    """
    tensors, values = potential.state()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    text = {
        "format": FORMAT,
        "kind": potential.kind,
        "values": values,
        "versions": versions(),
        "about": about,
    }
    path.with_suffix(".json").write_text(json.dumps(text, indent=1, sort_keys=True))


def load(path: Path) -> tuple[Potential, dict[str, Any]]:
    """Model, and the plain values stored with it.

    Raises:
        InputError: a file is missing, damaged, or of an unknown kind or format.
    """
    try:
        text = json.loads(path.with_suffix(".json").read_text())
        # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
        tensors = {name: tensor.clone() for name, tensor in load_file(path).items()}
        kind, values, about = text["kind"], text["values"], text["about"]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"{path}: is not a complete model ({error})") from error
    if kind not in KINDS or text.get("format", 0) > FORMAT:
        raise InputError(
            f"{path}: is a model of kind '{kind}', format {text.get('format')}; this version reads "
            f"{', '.join(KINDS)} up to format {FORMAT}"
        )
    made = WithPrior if "prior" in values else KINDS[kind]
    try:
        return made.from_state(tensors, values), about
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise InputError(
            f"{path}: its tensors and the values beside it do not make a model of kind '{kind}' "
            f"({error}); both files must come from the same run"
        ) from error


def versions() -> dict[str, str]:
    """Versions of Python and of those packages that are installed."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def load_ensemble(paths: list[Path]) -> EnsembleMean:
    """Mean of several models."""
    return EnsembleMean([load(path)[0] for path in paths])
