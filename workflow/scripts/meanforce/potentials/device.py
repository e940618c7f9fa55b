"""Where potentials are trained and run."""

import os

import torch

from meanforce.errors import InputError


def chosen_device(wanted: str, setting: str, before: str | None = None) -> torch.device:
    """The device of a job; a GPU is set to give the same bits every time.

    Args:
        wanted: `auto`, `cpu` or `cuda`.
        setting: its config key, for messages.
        before: device of an earlier process of the job; it is kept, since the state of a
            random-number generator belongs to its device.

    Raises:
        InputError: the job needs a GPU, and there is none.
    """
    there = torch.cuda.is_available()
    kind = before or (wanted if wanted != "auto" else "cuda" if there else "cpu")
    if kind == "cuda" and not there:
        raise InputError(
            "this job has begun on a GPU, but no GPU can be used here; continue on a machine with "
            "a GPU, or delete the job's work folder to start anew"
            if before
            else f"{setting}: is 'cuda', but no GPU can be used here; give 'auto' or 'cpu'"
        )
    if kind == "cuda":
        # cuBLAS reads it when it is first used.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.use_deterministic_algorithms(True)
    return torch.device(kind)
