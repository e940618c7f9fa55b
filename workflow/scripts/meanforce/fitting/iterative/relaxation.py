"""Factor of the updates of a fixed-point iteration, from what the last one did.

Aitken's Δ² for vectors; Irons, Tuck, Int. J. Numer. Methods Eng. 1, 275 (1969). Where differences
from the targets turn round, the last update was too large; the factor that would have left the
smallest ones, had they followed the update linearly, is that of the next. Curves of several pairs
of beads of the same molecules overshoot, as each is corrected for what all of them do.

The differences are those that the fit is judged by, in units of their noise. Coefficients would not
do: those where hardly anything was counted are mostly noise, and larger than the others.
"""

import numpy as np

from meanforce.fitting.iterative.turn import Turn

LEAST = 0.2
"""Smallest factor times step, unless the step itself is smaller: noise of the CG runs, which turns
round from one update to the next, too, asks for ever shorter ones."""

BEFORE, FACTOR = "differences", "factor"
"""Names of what the next turn is given: the differences, and the factor of the update."""


def relaxed(update: np.ndarray, turn: Turn) -> np.ndarray:
    """The update times a factor of at most 1.

    ω ← −ω d·(d' − d)/|d' − d|², with d the differences before and d' those of the turn, both in the
    noise of the turn. The factor is a column of the table of the progress.

    Args:
        update: at full step, kJ/mol, shape (K,).
        turn: where the fit is; without memory the factor is 1.
    """
    step, factor = turn.row["step"], 1.0
    if BEFORE in turn.memory:
        before = turn.memory[BEFORE] / turn.units
        change = turn.differences / turn.units - before
        square = float(change @ change)
        if square > 0:
            wanted = -float(turn.memory[FACTOR]) * float(before @ change) / square
            # Negative: the differences grew, so that nothing overshoots.
            factor = min(1.0, max(LEAST, wanted) / step) if wanted > 0 else 1.0
    turn.memory = {BEFORE: turn.differences, FACTOR: np.array(step * factor)}
    turn.row["relaxation"] = factor
    return factor * update
