"""Times that a run counts in whole time steps."""

import math

EXACT = 1e-6
"""Deviation from a whole number of steps that counts as rounding of the config's numbers."""


def uneven(time: float, time_step: float) -> str | None:
    """What is wrong with a time that is not a multiple of the time step; None if it is one.

    Rounding it would store frames, or add hills, at other times than the config has.

    Args:
        time: ps.
        time_step: ps.

    Returns:
        The predicate of a sentence, with the nearest times that are allowed.
    """
    steps = time / time_step
    if abs(steps - round(steps)) <= EXACT * max(1.0, 1e-3 * steps):
        return None
    nearest = [n * time_step for n in (math.floor(steps), math.ceil(steps)) if n]
    return (
        f"is {in_words(time)}, which is not a multiple of the time_step of {in_words(time_step)}; "
        f"nearest: {' or '.join(map(in_words, nearest))}"
    )


def in_words(time: float) -> str:
    """A time in ps with a unit that suits it."""
    factor, unit = (1000.0, "fs") if time < 1 else (1.0, "ps") if time < 1000 else (1e-3, "ns")
    return f"{factor * time:.10g} {unit}"
