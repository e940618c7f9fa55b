"""Molecules of the frames of a sample in a periodic box."""

import numpy as np

from meanforce.analysis.samples import Sample
from meanforce.core.molecules import Molecules


def in_boxes(*samples: Sample) -> bool:
    """Whether each sample holds several molecules in a periodic box."""
    return bool(samples) and all(
        one.box is not None and one.masses is not None and Molecules.of(one.molecule).count > 1
        for one in samples
    )


def centres_of(sample: Sample, frames: np.ndarray) -> np.ndarray:
    """Centres of mass of the molecules of some frames, nm, shape (n_frames, n_molecules, 3)."""
    parts = Molecules.of(sample.molecule)
    whole = parts.whole(sample.positions[frames], sample.boxes(frames))
    return parts.centres(whole, sample.masses)


def volumes(sample: Sample, frames: np.ndarray) -> np.ndarray:
    """Volume of the box of each frame, nm³, shape (n_frames,)."""
    return np.broadcast_to(abs(np.linalg.det(sample.boxes(frames))), len(frames))
