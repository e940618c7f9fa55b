"""Models on disk: safetensors for tensors, JSON beside it for everything else.

Loading executes no code from the files.
"""

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from meanforce.errors import InputError
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.potentials.registry import KINDS

FORMAT = 1


def save(potential: Potential, path: Path, about: dict[str, Any]) -> None:
    """Write `path` (.safetensors) and the .json beside it.

    Args:
        potential: the model.
        path: of the safetensors file.
        about: plain values on how the model was made.
    """
    tensors, values = potential.state()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, path)
    text = {"format": FORMAT, "kind": potential.kind, "values": values, "about": about}
    path.with_suffix(".json").write_text(json.dumps(text, indent=1, sort_keys=True))


def load(path: Path) -> tuple[Potential, dict[str, Any]]:
    """Model and what is known about it.

    Raises:
        InputError: a file is missing, damaged, or of an unknown kind or format.
    """
    try:
        text = json.loads(path.with_suffix(".json").read_text())
        tensors = load_file(path)
        kind, values, about = text["kind"], text["values"], text["about"]
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise InputError(f"{path}: is not a complete model ({error})") from error
    if kind not in KINDS or text.get("format", 0) > FORMAT:
        raise InputError(
            f"{path}: is a model of kind '{kind}', format {text.get('format')}; this version reads "
            f"{', '.join(KINDS)} up to format {FORMAT}"
        )
    return KINDS[kind].from_state(tensors, values), about


def load_ensemble(paths: list[Path]) -> EnsembleMean:
    """Mean of several models."""
    return EnsembleMean([load(path)[0] for path in paths])
