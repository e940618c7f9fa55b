"""The error that the draw of the training data causes, from the members of an ensemble.

How members were made is in their files; see `fitting.resampling`. Let θ be linear in the data,
V its variance from all of the data, and S the variance that the initial weights and the order of
frames add to each member.

- Half samples: a member has the variance 2V + S. The members a, b of a pair have no data in
  common, so that (θ_a − θ_b)²/4 estimates V + S/2, the variance of their mean. The estimate is the
  mean over all pairs, with a degree of freedom each: contrasts of different pairs are orthogonal.
  The mean over M members has V + S/M; as S counts too much, the error bar is too large, by less
  than √(M/2), and by 10 % with M = 4 and S = V.
- Jackknife: fits that leave out one of K groups each give (K − 1)/K Σ(θ − θ̄)² over all K; Efron,
  Tibshirani, An Introduction to the Bootstrap (1993), chapter 11. It is scaled up from as many
  members as there are, and has a degree of freedom less than that.

A single member, and members that were made in another way, give no estimate. A potential that was
not trained on data has no such error.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np


@dataclasses.dataclass(frozen=True)
class Scheme:
    """How the members of an ensemble differ in their data.

    Attributes:
        kind: see above; `exact`: there is no error; `unknown`: there is one, but it is not known.
        folds: groups of time blocks.
        members: how many there are; with half samples, fewer values give no error.
        pairs: places in the ensemble of the members of each pair of half samples.
    """

    kind: Literal["half_samples", "jackknife", "exact", "unknown"]
    folds: int = 0
    members: int = 0
    pairs: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(cls, abouts: Sequence[dict[str, Any]]) -> "Scheme":
        """From the contents of the models' files, in the order of the ensemble."""
        made = [_resampling(about) for about in abouts]
        kinds = {(one.get("kind"), one.get("folds")) for one in made}
        if len(kinds) != 1:
            return cls("unknown")
        [(kind, folds)] = kinds
        if kind == "jackknife":
            return cls(kind, folds, len(made))
        if kind != "half_samples":
            return cls("unknown")
        places = {one["member"]: place for place, one in enumerate(made)}
        first = (m for m in sorted(places) if m % 2 == 0 and m + 1 in places)
        pairs = ((places[m], places[m + 1]) for m in first)
        return cls(kind, folds, len(made), tuple(pairs))

    @classmethod
    def paired(cls, members: int, folds: int) -> "Scheme":
        """Half samples in the order in which the workflow trains them."""
        pairs = tuple((m, m + 1) for m in range(0, members - 1, 2))
        return cls("half_samples", folds, members, pairs)


@dataclasses.dataclass(frozen=True)
class TrainingError:
    """Standard error of the mean over members.

    Attributes:
        stderr: shape (...); NaN where there is none, or a member's value is not finite.
        dof: degrees of freedom that it was estimated from, for t-quantiles; 0 where there is none.
    """

    stderr: np.ndarray
    dof: float


def training_error(values: Sequence[float] | np.ndarray, scheme: Scheme) -> TrainingError:
    """Standard error of the mean over members, from how far apart these are.

    Args:
        values: one entry per member, shape (n_members, ...).
        scheme: how members were made.
    """
    values = np.asarray(values, dtype=float)
    if scheme.kind == "exact":
        return TrainingError(np.zeros(values.shape[1:]), math.inf)
    found, dof = contrasts(values, scheme)
    if dof == 0:
        return TrainingError(np.full(values.shape[1:], math.nan), 0.0)
    squares = np.square(found).sum(axis=0)
    return TrainingError(np.sqrt(np.where(np.isfinite(squares), squares, math.nan)), dof)


def contrasts(values: np.ndarray, scheme: Scheme) -> tuple[np.ndarray, float]:
    """Vectors c whose Σ c cᵀ estimates the covariance of the mean over members.

    Args:
        values: one entry per member, shape (n_members, ...).
        scheme: how members were made.

    Returns:
        shape (n, ...), and their degrees of freedom; none, and 0, where there is no estimate.
    """
    n = len(values)
    # Infinities, as of a bin that a member never visits, have no difference.
    with np.errstate(invalid="ignore"):
        if scheme.kind == "half_samples" and scheme.pairs and n == scheme.members:
            first, second = np.array(scheme.pairs).T
            return (values[first] - values[second]) / math.sqrt(4 * len(first)), len(first)
        if scheme.kind == "jackknife" and n > 1:
            scale = (scheme.folds - 1) / math.sqrt(scheme.folds * (n - 1))
            return scale * (values - values.mean(axis=0)), n - 1
    return values[:0], 0


def _resampling(about: dict[str, Any]) -> dict[str, Any]:
    """How a model's data were resampled, from its file; empty where older files do not have it."""
    if "resampling" in about:
        return about["resampling"]
    folds = about.get("jackknife_folds")
    return {} if folds is None else {"kind": "jackknife", "folds": folds}
