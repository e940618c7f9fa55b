"""Weights of umbrella-sampling frames by MBAR, and the overlap of the windows.

Shirts, Chodera, J. Chem. Phys. 129, 124105 (2008). The free energies of the windows come from a
thinned set of frames; with them every frame gets its weight, so that memory does not grow with
the product of frames and windows.

Each replica is solved by itself, so that replicas are independent and some of them can be used
without the others. MBAR determines weights up to a common factor. Here it is fixed by a mean
weight of 1, so that each replica counts by its number of frames wherever replicas are pooled.
Readers of datasets could not do this, because log-weights of other kinds of campaigns have one
constant for all replicas (0, βV, β(V − c(t))), which must be kept. Analyses use all frames of a
replica; training, which may use fewer, normalises the weights of these again.
"""

import dataclasses
import logging
import math

import numpy as np

from meanforce.errors import InputError
from meanforce.units import kt

LARGEST_MATRIX = 10**7
"""Reduced potentials that are kept in memory at once."""

LEAST_OVERLAP = 0.03
"""Overlap matrix element below which two windows do not count as connected; Klimovich, Shirts,
Mobley, J. Comput.-Aided Mol. Des. 29, 397 (2015)."""


@dataclasses.dataclass(frozen=True)
class Windows:
    """Harmonic windows ½k_d(s_d − c_d)².

    Reduced potentials come from the stored variables of all frames at once. openmmtools evaluates
    them in an OpenMM context, frame by frame and window by window, from positions and the whole
    energy; a test shows that its differences of reduced potentials are these numbers.

    Attributes:
        centers: nm or rad, shape (n_windows, n_variables).
        force_constants: kJ/mol/nm² or kJ/mol/rad², shape (n_variables,).
        periodic: whether each variable lives on [-π, π].
    """

    centers: np.ndarray
    force_constants: np.ndarray
    periodic: list[bool]

    def distances(self, variables: np.ndarray) -> np.ndarray:
        """Differences to all centres, shape (n, n_windows, n_variables)."""
        difference = variables[:, None, :] - self.centers[None]
        wrapped = difference - 2 * math.pi * np.round(difference / (2 * math.pi))
        return np.where(np.array(self.periodic), wrapped, difference)

    def reduced(self, variables: np.ndarray, temperature: float) -> np.ndarray:
        """Bias energies of all windows in kT, shape (n, n_windows)."""
        square = self.distances(variables) ** 2
        return 0.5 * (square * self.force_constants).sum(-1) / kt(temperature)


@dataclasses.dataclass(frozen=True)
class Solution:
    """Results of MBAR.

    Attributes:
        log_weights: of all frames, shape (n_frames,); the weights have mean 1.
        free_energies: of the windows, kT, shape (n_windows,).
        overlap: overlap matrix, shape (n_windows, n_windows).
    """

    log_weights: np.ndarray
    free_energies: np.ndarray
    overlap: np.ndarray


def solve(
    windows: Windows, variables: np.ndarray, owner: np.ndarray, temperature: float
) -> Solution:
    """MBAR weights of the frames of a replica.

    Args:
        windows: of the campaign.
        variables: of all frames, shape (n_frames, n_variables).
        owner: window in which each frame was sampled, shape (n_frames,).
        temperature: K.

    Raises:
        InputError: a window has no frames, or windows do not overlap.
    """
    # pymbar recommends other packages in its log.
    logging.getLogger("pymbar").setLevel(logging.ERROR)
    from pymbar import MBAR

    n_windows = len(windows.centers)
    counts = np.bincount(owner, minlength=n_windows)
    if (counts == 0).any():
        raise InputError(f"window {int(np.argmin(counts))} has no frames")
    thinning = max(1, math.ceil(len(owner) * n_windows / LARGEST_MATRIX))
    chosen = np.concatenate([np.flatnonzero(owner == k)[::thinning] for k in range(n_windows)])
    kept = np.bincount(owner[chosen], minlength=n_windows)
    mbar = MBAR(windows.reduced(variables[chosen], temperature).T, kept)
    overlap = np.asarray(mbar.compute_overlap()["matrix"])
    _check_overlap(windows, overlap)
    free_energies = np.asarray(mbar.f_k)
    log_weights = np.empty(len(owner))
    block = max(1, LARGEST_MATRIX // n_windows)
    for start in range(0, len(owner), block):
        reduced = windows.reduced(variables[start : start + block], temperature)
        exponent = free_energies + np.log(counts) - reduced
        log_weights[start : start + block] = -np.logaddexp.reduce(exponent, axis=1)
    largest = log_weights.max()
    log_weights -= largest + np.log(np.exp(log_weights - largest).mean())
    return Solution(log_weights, free_energies, overlap)


def _check_overlap(windows: Windows, overlap: np.ndarray) -> None:
    """Refuse windows that fall into groups that do not overlap."""
    from scipy.sparse.csgraph import connected_components

    connected = np.minimum(overlap, overlap.T) >= LEAST_OVERLAP
    n_groups, group = connected_components(connected, directed=False)
    if n_groups == 1:
        return
    gaps = []
    for number in range(1, n_groups):
        here, there = np.flatnonzero(group == number), np.flatnonzero(group < number)
        distance = windows.distances(windows.centers[here])[:, there]
        scaled = (distance**2 * windows.force_constants).sum(-1)
        a, b = np.unravel_index(np.argmin(scaled), scaled.shape)
        gaps.append(f"{_center(windows, there[b])} and {_center(windows, here[a])}")
    raise InputError(
        f"the umbrella windows fall into {n_groups} groups that do not overlap (matrix element "
        f"below {LEAST_OVERLAP:g}); windows are missing between {'; between '.join(gaps)}, or a "
        "smaller force_constant is needed"
    )


def _center(windows: Windows, window: int) -> str:
    values = ", ".join(f"{value:.4g}" for value in windows.centers[window])
    return f"window {window} at ({values})"
