"""Random numbers of the analysis: a stream for each name, independent of all other draws."""

import hashlib

import numpy as np


def stream(seed: int, *names: str) -> np.random.Generator:
    """Generator of one draw, from the job's seed and the names that identify the draw.

    Streams are independent of each other and of the order in which they are requested, so that an
    additional metric does not change the error bars of others.

    Args:
        seed: of the job.
        names: such as the quantity and the side that is resampled.
    """
    text = "\0".join((str(seed), *names))
    return np.random.default_rng(list(hashlib.sha256(text.encode()).digest()))
