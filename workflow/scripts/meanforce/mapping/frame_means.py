"""Means over the frames of a dataset, without its bias."""

import dataclasses

import numpy as np

from meanforce.statistics.series_mean import Mean, series_mean

ENOUGH = 100
"""Independent frames above which an error bar is good enough to choose by it."""


@dataclasses.dataclass(frozen=True, eq=False)
class BiasForces:
    """Forces of a campaign's bias alone on some frames, mapped onto beads.

    Attributes:
        frames: their numbers, ascending, shape (m,).
        forces: kJ/mol/nm, shape (m, n_beads, 3).
    """

    frames: np.ndarray
    forces: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class FrameMeans:
    """Quantities of frames that are linear in forces, in columns.

    Attributes:
        values: from forces without a bias, shape (n, n_quantities).
        walkers: of each frame, shape (n,).
        log_weights: shape (n,).
        bias: what the bias's forces add on some frames, shape (m, n_quantities); None if unknown.
        bias_walkers: of these frames, shape (m,).
    """

    values: np.ndarray
    walkers: np.ndarray
    log_weights: np.ndarray
    bias: np.ndarray | None = None
    bias_walkers: np.ndarray | None = None

    @property
    def ways(self) -> list[str]:
        """Ways to take out the bias: `none` where frames have no bias, else what is there."""
        weighted = ["weights"] * bool(np.ptp(self.log_weights) > 0)
        return ["forces"] * (self.bias is not None) + weighted or ["none"]

    def mean(self, quantity: int, chosen: np.ndarray) -> tuple[Mean, str]:
        """Mean of a quantity over some frames, whose numbers are given.

        Returns:
            The mean, and the way to it with the smallest error among those that have enough
            independent frames.
        """
        found = {way: self.mean_by(way, quantity, chosen) for way in self.ways}
        best = min(found, key=lambda w: (found[w].effective < ENOUGH, found[w].error.stderr))
        return found[best], best

    def mean_by(self, way: str, quantity: int, chosen: np.ndarray) -> Mean:
        """The same by one of the `ways`, with `none` with the bias, or with `opposite` weights."""
        biased = way == "forces" and bool(self.bias[:, quantity].any())
        if biased:
            # The forces are those of one window or walker; others may have other biases.
            chosen = chosen[np.isin(self.walkers[chosen], self.bias_walkers)]
        groups = _by_walker(chosen, self.walkers[chosen])
        sign = {"weights": 1.0, "opposite": -1.0}.get(way)
        weights = sign and [sign * self.log_weights[own] for own in groups]
        found = series_mean([self.values[own, quantity] for own in groups], weights)
        if biased:
            parts = _by_walker(np.arange(len(self.bias)), self.bias_walkers)
            found = found.plus(series_mean([self.bias[part, quantity] for part in parts]))
        return found


def _by_walker(numbers: np.ndarray, walkers: np.ndarray) -> list[np.ndarray]:
    """Numbers of frames, separately for each walker."""
    return [numbers[walkers == walker] for walker in np.unique(walkers)]
