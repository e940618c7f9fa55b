"""Where a CG run is: all that it needs to continue, as arrays and plain values."""

import dataclasses
from typing import Any

import numpy as np
import torch

from meanforce.dynamics.course import Course
from meanforce.dynamics.engine import Chains

PLAIN = ("step", "compiled", "ended")
"""Plain values of `Chains`."""


@dataclasses.dataclass(frozen=True)
class Standing:
    """A CG run at one instant, for a restart bundle.

    Attributes:
        arrays: of chains, bias, ladders and random numbers, by name.
        plain: those of the chains, and `engine`: name and device.
    """

    arrays: dict[str, np.ndarray]
    plain: dict[str, Any]


def standing_of(course: Course, chains: Chains) -> Standing:
    """Where a run is."""
    plain = {name: getattr(chains, name) for name in PLAIN}
    plain["engine"] = [course.engine.name, course.engine.device]
    tensors = course.engine.tensors(chains)
    return Standing({name: tensor.cpu().numpy() for name, tensor in tensors.items()}, plain)


def restored(course: Course, standing: Standing) -> Chains:
    """The chains of an earlier process, in a new course of the same run."""
    # Copies lie in memory as PyTorch aligns it, which may change the last bit of a product.
    tensors = {name: torch.from_numpy(array).clone() for name, array in standing.arrays.items()}
    return course.engine.restore(tensors, **{name: standing.plain[name] for name in PLAIN})
