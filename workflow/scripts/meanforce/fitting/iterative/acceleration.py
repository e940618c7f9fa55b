"""Updates of a fixed-point iteration, made better by what those before did.

Anderson, J. ACM 12, 547 (1965); Walker, Ni, SIAM J. Numer. Anal. 49, 1715 (2011). Curves between
the same molecules are each corrected for what all of them do, so that together they overshoot,
while differences that the curves can share among them hardly change. Both are in how the
differences from the targets followed the last updates.
"""

import numpy as np

from meanforce.fitting.iterative.turn import Turn

DEPTH = 3
"""How many updates before are used; more add little."""

ARRAYS = ("coefficients", "update", "differences", "floors")
"""What the next turns are given of each turn, as rows of arrays."""


def accelerated(update: np.ndarray, turn: Turn) -> np.ndarray:
    """u − Σ θ_j (Δx_j + Δu_j), with Δ the changes from turn to turn of coefficients x and updates.

    θ makes |d − Σ θ_j Δd_j|² + Σ θ_j² σ_j² least, with d the differences from the targets in units
    of their noise, and σ_j² the square of Δd_j that is noise at most: what is left were d linear in
    x. The share that is left is the column `expected` of the table of the progress.

    Args:
        update: at full step, kJ/mol, shape (K,).
        turn: where the fit is; without memory the update is as it was.
    """
    now = dict(zip(ARRAYS, (turn.coefficients, update, turn.differences, turn.floors), strict=True))
    # Bundles of earlier versions have another memory.
    known = turn.memory.keys() >= now.keys()
    rows = {
        name: np.vstack([turn.memory[name], value]) if known else value[None]
        for name, value in now.items()
    }
    turn.memory = {name: value[-DEPTH:] for name, value in rows.items()}
    seen = (rows["differences"] / turn.floors[turn.terms]).T
    noise = ((rows["floors"] / turn.floors) ** 2).sum(axis=1)
    changes = np.diff(seen)
    # By least squares of both parts at once, since changes may lie along a line.
    parts = np.vstack([changes, np.diag(np.sqrt(noise[1:] + noise[:-1]))])
    wanted = np.concatenate([seen[:, -1], np.zeros(len(noise) - 1)])
    theta = np.linalg.lstsq(parts, wanted)[0]
    left = seen[:, -1] - changes @ theta
    turn.row["expected"] = float(np.linalg.norm(left) / (np.linalg.norm(seen[:, -1]) or 1.0))
    return update - theta @ np.diff(rows["coefficients"] + rows["update"], axis=0)
