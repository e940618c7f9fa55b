"""Where a CG run computes."""

import os

import torch

from meanforce.errors import InputError


def chosen_device(wanted: str, before: str | None = None) -> torch.device:
    """The device of a run; a GPU is told to give the same bits every time.

    Args:
        wanted: `auto`, `cpu` or `cuda`.
        before: what an earlier process computed this run on; it is kept, since the state of a
            random-number generator belongs to its device.

    Raises:
        InputError: it needs a GPU and there is none.
    """
    there = torch.cuda.is_available()
    kind = before or (wanted if wanted != "auto" else "cuda" if there else "cpu")
    if kind == "cuda" and not there:
        raise InputError(
            "the CG run has begun on a GPU, and there is none here; go on where there is one, or "
            "delete its work folder to start anew"
            if before
            else "simulation.device: is 'cuda', but no GPU can be used here; give 'auto' or 'cpu'"
        )
    if kind == "cuda":
        # cuBLAS reads it when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    return torch.device(kind)
