"""Where potentials are trained and run."""

import os

import torch

from meanforce.errors import InputError


def chosen_device(wanted: str, setting: str, before: str | None = None) -> torch.device:
    """The device of a job; a GPU is told to give the same bits every time.

    Args:
        wanted: `auto`, `cpu` or `cuda`.
        setting: that says so, for messages.
        before: what an earlier process of the job computed on; it is kept, since the state of a
            random-number generator belongs to its device.

    Raises:
        InputError: it needs a GPU and there is none.
    """
    there = torch.cuda.is_available()
    kind = before or (wanted if wanted != "auto" else "cuda" if there else "cpu")
    if kind == "cuda" and not there:
        raise InputError(
            "this job has begun on a GPU, and there is none here; go on where there is one, or "
            "delete its work folder to start anew"
            if before
            else f"{setting}: is 'cuda', but no GPU can be used here; give 'auto' or 'cpu'"
        )
    if kind == "cuda":
        # cuBLAS reads it when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    return torch.device(kind)
