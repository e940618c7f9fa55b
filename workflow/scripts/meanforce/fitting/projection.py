"""Training frames in coordinates: what normal equations need of positions and forces.

With J the gradients of the coordinates q, Φ' the slopes of their basis functions, and A the design
matrix of a frame, A = −JᵀΦ'. So AᵀA = Φ'ᵀ(JJᵀ)Φ', where JJᵀ vanishes for coordinates that share
no bead, and Aᵀf = −Φ'ᵀ(Jf): far fewer operations than with A itself, which has three rows per bead
and a column per basis function.
"""

import dataclasses
import itertools
from collections.abc import Iterator
from typing import Any

import torch

from meanforce.fitting.frames import Frames
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.linear import LinearPotential


@dataclasses.dataclass(frozen=True)
class Run:
    """Consecutive frames of one time block.

    Attributes:
        frames: their numbers.
        fold: fold that they belong to.
        temperature: K.
    """

    frames: range
    fold: int
    temperature: float

    def chunks(self, size: int) -> Iterator[slice]:
        """Slices of at most `size` frames."""
        for start in range(self.frames.start, self.frames.stop, size):
            yield slice(start, min(start + size, self.frames.stop))

    def split(self, number: int) -> list["Run"]:
        """At most `number` shorter runs, none of them empty."""
        n = len(self.frames)
        edges = sorted({self.frames.start + n * part // number for part in range(number + 1)})
        return [
            dataclasses.replace(self, frames=range(first, last))
            for first, last in itertools.pairwise(edges)
        ]


def runs_of(frames: Frames) -> list[Run]:
    """Runs of consecutive frames of the same block, fold and temperature, in order."""
    changes = torch.zeros(len(frames.blocks) - 1, dtype=torch.bool)
    for column in (frames.blocks, frames.folds, frames.temperatures):
        changes |= torch.as_tensor(column[1:] != column[:-1])
    edges = [0, *(torch.nonzero(changes)[:, 0] + 1).tolist(), len(frames.blocks)]
    return [
        Run(range(first, last), int(frames.folds[first]), float(frames.temperatures[first]))
        for first, last in itertools.pairwise(edges)
    ]


@dataclasses.dataclass(frozen=True)
class Block:
    """Some frames in coordinates; n frames, m coordinates.

    Attributes:
        coordinates: shape (m, n).
        gradients: of coordinates in positions, shape (m, n_beads, 3, n).
        forces: shape (n_beads, 3, n).
        weights: shape (n,), or None.
    """

    coordinates: torch.Tensor
    gradients: torch.Tensor
    forces: torch.Tensor
    weights: torch.Tensor | None

    def along(self, forces: torch.Tensor) -> torch.Tensor:
        """−Jf of forces of shape (n_beads, 3, n), times weights: shape (m, n)."""
        result = -torch.einsum("mbxn,bxn->mn", self.gradients, forces)
        return result if self.weights is None else result * self.weights

    @property
    def square(self) -> float:
        """Weighted sum of the squared forces."""
        squares = self.forces.square().sum((0, 1)).double()
        return float((squares if self.weights is None else squares * self.weights).sum())

    @property
    def count(self) -> float:
        """Weighted number of frames."""
        return float(len(self.forces[0, 0]) if self.weights is None else self.weights.sum())


class Projection:
    """Takes frames to coordinates of a linear potential.

    Args:
        potential: gives the coordinates.
        frames: of the training.
    """

    def __init__(self, potential: LinearPotential, frames: Frames) -> None:
        self._potential, self._frames = potential, frames

    def coordinates(self, part: slice) -> torch.Tensor:
        """Coordinates only, shape (m, n)."""
        return self._evaluated(part)[0].T

    def _evaluated(self, part: slice) -> tuple[torch.Tensor, Any]:
        """Coordinates, shape (n, m), and what their gradients need."""
        some = self._frames.configurations.select(part)
        some = some.map(lambda tensor: tensor.to(self._potential.dtype))
        return self._potential.coordinates.evaluate(some.positions, some.cell)

    def block(self, part: slice) -> Block:
        """Frames in coordinates."""
        dtype, source = self._potential.dtype, self._potential.coordinates
        values, vectors = self._evaluated(part)
        if isinstance(source, InternalCoordinates):
            gradients = source.jacobian(vectors)
        else:
            gradients = source.pull_back(torch.ones_like(values), vectors).permute(1, 2, 0)[None]
        weights = self._frames.weights
        return Block(
            coordinates=values.T.contiguous(),
            gradients=gradients.contiguous(),
            forces=self._frames.forces[part].to(dtype).permute(1, 2, 0).contiguous(),
            weights=None if weights is None else weights[part].to(dtype),
        )
