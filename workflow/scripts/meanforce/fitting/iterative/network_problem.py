"""What a fit that iterates is given, where the potential is a network."""

import dataclasses
from typing import ClassVar

import numpy as np
import torch

from meanforce.core.cell import smallest_width
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.linear import without_coefficients
from meanforce.potentials.interface import Potential, TrainablePotential
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.with_prior import WithPrior
from meanforce.settings.job import validated
from meanforce.settings.potentials.spline import SplineSettings

REACH = 1.0
"""Distances up to this one are compared, nm; in a small box, those that have one image only."""


@dataclasses.dataclass(frozen=True)
class NetworkProblem(Problem):
    """As `Problem`; its `blank` potential gives the coordinates that are compared.

    Attributes:
        start: the first potential, all but whose weights stay.
        at_once: frames whose energies are computed together.
        left_out: fold whose frames are not trained on.
    """

    keeps_frames: ClassVar[bool] = True

    start: Potential | None = None
    at_once: int = 1
    left_out: int = -1

    def potential(
        self,
        coefficients: np.ndarray,
        errors: dict[str, torch.Tensor] | None = None,
        **place: torch.device,
    ) -> Potential:
        """The potential of some weights; see `weights_in`."""
        potential = copy_of(self.start)
        put_weights(trained_part(potential), torch.from_numpy(coefficients))
        return potential.to(**place)


def compared(frames: Frames) -> LinearPotential:
    """A potential of all bonds, angles, dihedrals and pairs, without coefficients."""
    reach = REACH
    if frames.cells is not None:
        reach = min(reach, 0.5 * smallest_width(frames.cells))
    terms = {"pairs": {"cutoff": reach}}
    values = {"kind": "spline", "terms": terms, "temperature": "none"}
    return without_coefficients(validated(SplineSettings, values, "fitting"), frames, {})


def trained_part(potential: Potential) -> TrainablePotential:
    """The part of a potential that has weights: all but its prior."""
    return potential.residual if isinstance(potential, WithPrior) else potential


def copy_of(potential: Potential) -> Potential:
    """The same potential with tensors of its own."""
    tensors, values = potential.state()
    return type(potential).from_state({n: t.detach().clone() for n, t in tensors.items()}, values)


def weights_in(potential: Potential) -> np.ndarray:
    """All weights, one after the other, float64, shape (K,)."""
    parts = [tensor.detach().reshape(-1) for tensor in trained_part(potential).trainable()]
    return torch.cat(parts).double().cpu().numpy()


@torch.no_grad()
def put_weights(potential: TrainablePotential, weights: torch.Tensor) -> None:
    """The inverse of `weights_in`, in place."""
    tensors = potential.trainable()
    parts = weights.split([tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.view_as(tensor))


def gradient_in(potential: TrainablePotential) -> torch.Tensor:
    """Gradients of all weights, one after the other; it sets them to none for the next one."""
    tensors = potential.trainable()
    parts = [torch.zeros_like(tensor) if tensor.grad is None else tensor.grad for tensor in tensors]
    for tensor in tensors:
        tensor.grad = None
    return torch.cat([part.reshape(-1) for part in parts])
