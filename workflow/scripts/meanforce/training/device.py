"""Where a network is trained."""

import os
from typing import Literal

import torch

from meanforce.errors import InputError


def training_device(wanted: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device of the setting `device`; a GPU is told to give the same bits every time.

    Raises:
        InputError: there is no GPU, but one is asked for.
    """
    available = torch.cuda.is_available()
    if wanted == "cuda" and not available:
        raise InputError(
            "training.device: given cuda, but PyTorch finds no GPU here; allowed here: auto, cpu"
        )
    if wanted == "cpu" or not available:
        return torch.device("cpu")
    # cuBLAS reads it when it is first used.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    return torch.device("cuda")
