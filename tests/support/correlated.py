"""Random series whose memory is known."""

import numpy as np
from scipy.signal import lfilter


def correlated(shape: tuple[int, ...], memory: float, rng: np.random.Generator) -> np.ndarray:
    """Of unit variance, stationary along the last dimension, with ρ(t) = memory^t."""
    noise = np.sqrt(1 - memory**2) * rng.standard_normal(shape)
    noise[..., 0] /= np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise)
