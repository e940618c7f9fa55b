"""Weights e^{βV} of biased training frames, and how many frames they are worth.

Without weights, frames biased by V give ⟨F⟩ at fixed R in the biased ensemble, which is the mean
force where V is a function of R. For any other V, the mean of F over frames that count e^{βV}
each is the mean force; Torrie, Valleau, J. Comput. Phys. 23, 187 (1977).
"""

import numpy as np
import torch

FEW = 0.1
"""Below this fraction of effective frames, the log warns."""


def weights_of(log_weights: np.ndarray) -> np.ndarray:
    """Weights of the frames of one replica, with mean 1.

    e^{βV} has an unknown constant in each replica: the zero of V, c(t) of a metadynamics, the
    free energy of a state point. Any one factor for all frames of a replica leaves its mean forces
    as they are, so each replica counts by its number of frames, as it does without weights.
    (To count it by its effective frames would favour replicas that missed the heavy frames.) The
    windows of umbrella sampling are one replica, however many datasets they are in: alone, each
    has the mean forces of its own place only.

    Args:
        log_weights: βV up to a constant, shape (n,).

    Returns:
        float32, shape (n,).
    """
    weights = np.exp(log_weights - log_weights.max())
    return (weights / weights.mean()).astype(np.float32)


def effective_sample_size(weights: torch.Tensor) -> float:
    """(Σw)²/Σw²; Kish, Survey Sampling (1965). It ignores correlation in time."""
    weights = weights.double()
    return float(weights.sum() ** 2 / weights.square().sum())


def summary(effective: float, n: int) -> str:
    """A line on the weights for the log; a warning, where they leave few frames."""
    line = f"weights: {n} frames count as {effective:.0f} ({effective / n:.1%})"
    if effective < FEW * n:
        return (
            f"warning: {line}; a few frames dominate the fit; sample longer, or use a weaker bias "
            "along coordinates that are not functions of the beads"
        )
    return line
