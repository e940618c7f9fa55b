"""Normal equations of molecules in a box, frame by frame in one pass.

The design matrix of a few frames is made, its sums are added, and it is forgotten, so that memory
does not grow with the number of frames. The sums of pieces of the time blocks are kept apart: a
piece's score is Σ Aᵀ(f − Ac) = v − Gc with its own G = AᵀA and v = Aᵀf, so that error bars need no
second pass through the frames.
"""

import dataclasses
import itertools

import numpy as np
import torch

from meanforce.fitting.design import Design, Rows
from meanforce.fitting.frames import Frames
from meanforce.fitting.inner_walls import independent_samples
from meanforce.fitting.normal_equations import FLOOR, PIECES, NormalEquations, Passed, Scores
from meanforce.fitting.projection import Run
from meanforce.fitting.sums import Sums

MEMORY = 256 * 2**20
"""Most bytes of the sums of all pieces; with very many functions, pieces are fewer and longer."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """Frames whose sums are kept together.

    Attributes:
        fold: of its frames.
        temperature: K.
        runs: its frames.
        sums: over them.
    """

    fold: int
    temperature: float
    runs: tuple[Run, ...]
    sums: Sums


class StreamedEquations(NormalEquations):
    """The same equations, for potentials of terms whose pairs are found by neighbour search."""

    reads_twice = False

    @property
    def floor(self) -> float:
        """Least ridge; sums are in double precision whatever the potential's type."""
        return FLOOR[torch.float64]

    def _accumulate(self, frames: Frames, passed: Passed) -> None:
        design, done = Design(self.potential, frames), 0
        self._pieces = []
        for key, runs in self._divided(design.size):
            total = Sums(np.zeros((design.size, design.size)), np.zeros(design.size))
            for run in runs:
                for part in run.chunks(design.at_once):
                    total = total + sums_of(design.rows(part))
                    frames.storage.release()
                    done += part.stop - part.start
                    passed(done)
            self._pieces.append(Piece(*key, runs, total))
        for piece in self._pieces:
            key = piece.fold, piece.temperature
            self._sums[key] = self._sums[key] + piece.sums if key in self._sums else piece.sums

    def _divided(self, size: int) -> list[tuple[tuple[int, float], tuple[Run, ...]]]:
        """Runs of each piece, by fold and temperature."""
        keys = sorted({(run.fold, run.temperature) for run in self.runs})
        most = max(1, MEMORY // (8 * size**2) // len(keys))
        # Any fold may be left out.
        fewest = min(sum(run.fold != fold for run in self.runs) for fold in self.folds)
        divided = []
        for key in keys:
            own = [run for run in self.runs if (run.fold, run.temperature) == key]
            runs = [part for run in own for part in run.split(-(-PIECES // max(1, fewest)))]
            count = min(most, len(runs))
            ends = [len(runs) * number // count for number in range(count + 1)]
            divided += [(key, tuple(runs[a:b])) for a, b in itertools.pairwise(ends)]
        return divided

    def independent_samples(self, folds: list[int]) -> np.ndarray | None:
        pieces = [piece for piece in self._pieces if piece.fold in folds]
        activations = np.array([piece.sums.activation for piece in pieces])
        counts = np.array([piece.sums.count for piece in pieces])
        temperatures = np.array([piece.temperature for piece in pieces])
        return independent_samples(activations, counts, temperatures)

    def scores(self, frames, folds, coefficients, passed=lambda frames: None) -> Scores:
        pieces = [piece for piece in self._pieces if piece.fold in folds]
        values, square = [], 0.0
        for piece in pieces:
            form, sums = self._form(piece.temperature), piece.sums
            own = form @ coefficients.reshape(len(form), -1)
            bent = sums.matrix @ own
            values.append(np.outer(form, sums.vector - bent).ravel())
            square += float(own @ bent - 2 * own @ sums.vector + sums.square)
        counts = np.array([piece.sums.count for piece in pieces])
        return Scores(np.array(values).T, counts, max(square, 0.0))


def sums_of(rows: Rows) -> Sums:
    """Sums over some frames."""
    matrix = rows.matrix.reshape(-1, rows.matrix.shape[2])
    forces = rows.forces.ravel()
    if rows.weights is None:
        weighted, pulled = matrix, forces
    else:
        weights = np.tile(rows.weights[:, 0], 3)
        weighted, pulled = matrix * weights[:, None], forces * weights
    return Sums(
        # By PyTorch, which keeps to the job's threads.
        matrix=(torch.from_numpy(weighted).T @ torch.from_numpy(matrix)).numpy(),
        vector=matrix.T @ pulled,
        square=float(forces @ pulled),
        count=rows.count,
        activation=rows.activation,
    )
