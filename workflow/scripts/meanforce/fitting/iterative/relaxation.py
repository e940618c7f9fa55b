"""Factor of the updates of a fixed-point iteration, from how the last one changed the next.

Aitken's Δ² for vectors; Irons, Tuck, Int. J. Numer. Methods Eng. 1, 275 (1969). An iteration that
adds ω r, r being the update at full step, overshoots where r turns round: then the next factor is
smaller. Curves of several pairs of beads of the same molecules do so, as each is corrected for what
all of them do.
"""

import numpy as np

from meanforce.fitting.iterative.turn import Turn

LEAST = 0.2
"""Smallest factor times step, unless the step itself is smaller: noise of the CG runs, which turns
round from one update to the next, too, asks for ever shorter ones."""

BEFORE, FACTOR = "update", "factor"
"""Names of what the next turn is given: the update, and the factor it was added with."""


def relaxed(update: np.ndarray, turn: Turn) -> np.ndarray:
    """The update times a factor of at most 1.

    ω ← −ω r·(r' − r)/|r' − r|², with r the update before and r' the given one. The factor is a
    column of the table of the progress.

    Args:
        update: at full step, kJ/mol, shape (K,).
        turn: where the fit is; without memory the factor is 1.
    """
    step, factor = turn.row["step"], 1.0
    if BEFORE in turn.memory:
        before = turn.memory[BEFORE]
        change = update - before
        square = float(change @ change)
        if square > 0:
            wanted = -float(turn.memory[FACTOR]) * float(before @ change) / square
            # Negative: the update grew in its own direction, so that nothing overshoots.
            factor = min(1.0, max(LEAST, wanted) / step) if wanted > 0 else 1.0
    turn.memory = {BEFORE: update, FACTOR: np.array(step * factor)}
    turn.row["relaxation"] = factor
    return factor * update
