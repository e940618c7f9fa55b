"""Which time blocks a member of an ensemble is trained on.

Members differ in their data, so that the spread of what they predict is the error that the draw of
the data causes; `analysis.members` turns it into one. There are three ways:

- `half_samples`, for networks. Members come in pairs: 2k is trained on a half of the folds and
  validated on the others, 2k + 1 the other way round. Halves of different pairs have as little in
  common with each other as with each other's complement: balanced repeated replication; McCarthy,
  Rev. Int. Stat. Inst. 37, 239 (1969). A network has to be validated on data that it was not
  trained on in any case, and half the data cost half the time.
- `jackknife`, for fits without randomness: each member leaves out a fold.
- `validation_fold`, for a single network: it leaves out a fold, which chooses the best epoch.
"""

import dataclasses
import functools
import itertools
import math
from typing import Any

import numpy as np
import torch

from meanforce.fitting.frames import Frames
from meanforce.settings.experiments import Resampling

CANDIDATES = 5000
"""Most halves to choose from; all possible ones for up to 14 folds."""

REST = 1
"""Fold of the validation data where the folds of a half are put together."""


@dataclasses.dataclass(frozen=True)
class Split:
    """Training and validation data of one member.

    Attributes:
        kind: see above.
        folds: their number.
        member: number from 0.
        left_out: folds that are not trained on.
    """

    kind: Resampling
    folds: int
    member: int
    left_out: tuple[int, ...]

    @classmethod
    def of(cls, kind: Resampling, folds: int, member: int) -> "Split":
        """What a member leaves out; it depends on no other member, nor on how many there are."""
        if kind != "half_samples":
            return cls(kind, folds, member, (member,))
        pair, second = divmod(member, 2)
        half = half_sample(folds, pair)
        others = tuple(fold for fold in range(folds) if fold not in half)
        return cls(kind, folds, member, half if second else others)

    def frames(self, frames: Frames) -> tuple[Frames, int]:
        """The frames, and the number of the fold that is left out of them.

        Half samples have two folds, so that time blocks of the same half that follow each other
        are read in one go. Nothing is copied.
        """
        if self.kind != "half_samples":
            return frames, self.left_out[0]
        rest = torch.isin(frames.folds, torch.tensor(self.left_out, dtype=frames.folds.dtype))
        return dataclasses.replace(frames, folds=rest.to(frames.folds.dtype) * REST), REST

    def about(self) -> dict[str, Any]:
        """Plain values for the model's file; `analysis.members.Scheme` reads them."""
        values = dataclasses.asdict(self)
        return {"resampling": values | {"left_out": list(self.left_out)}}


def half_sample(folds: int, pair: int) -> tuple[int, ...]:
    """Folds of the first half of a pair.

    The first folds are dealt to the halves by the sign of a contrast. Contrasts are chosen one
    after the other, each as orthogonal to all before it as can be; among equals, blocks that
    follow each other are as often in the same half as not, as their correlation would otherwise
    make halves alike (or unlike).

    Args:
        folds: their number; where it is odd, the first half has one more.
        pair: number from 0; more than `folds − 1` contrasts cannot be orthogonal.
    """
    return tuple(np.flatnonzero(_contrasts(folds, pair + 1)[pair] > 0).tolist())


@functools.cache
def _contrasts(folds: int, number: int) -> np.ndarray:
    """Signs, shape (number, folds); the first ones are the same for any number."""
    candidates = _candidates(folds)
    neighbours = abs((candidates * np.roll(candidates, -1, axis=1)).sum(axis=1))
    overlap, chosen = np.zeros(len(candidates)), []
    for _ in range(number):
        best = int(np.lexsort((neighbours, overlap))[0])
        chosen.append(candidates[best])
        overlap += (candidates @ candidates[best]) ** 2.0
    return np.array(chosen)


def _candidates(folds: int) -> np.ndarray:
    """Halves that have the first fold, as signs, shape (n, folds)."""
    others = (folds + 1) // 2 - 1
    if math.comb(folds - 1, others) <= CANDIDATES:
        halves = [list(half) for half in itertools.combinations(range(1, folds), others)]
    else:
        rng = np.random.default_rng(folds)
        halves = [1 + rng.permutation(folds - 1)[:others] for _ in range(CANDIDATES)]
    signs = -np.ones((len(halves), folds), dtype=int)
    signs[:, 0] = 1
    for row, half in zip(signs, halves, strict=True):
        row[half] = 1
    return signs
