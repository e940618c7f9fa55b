"""Paired timings: machines drift, so two functions are timed in turns and compared as ratios."""

import statistics
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since some moment."""


def paired(
    first: Callable[[], None],
    second: Callable[[], None],
    rounds: int,
    clocks: tuple[Clock, Clock] = (time.perf_counter, time.perf_counter),
) -> "Ratio":
    """Time two functions in turns, after one turn that does not count.

    Args:
        first: one function.
        second: the other.
        rounds: turns that count.
        clocks: of the first and of the second, such as their processes' CPU time.

    Returns:
        ratio of speeds, first over second: above 1 where the first is faster.
    """
    ratios, times = [], []
    for number in range(rounds + 1):
        a, b = _seconds(first, clocks[0]), _seconds(second, clocks[1])
        if number:
            ratios.append(b / a)
            times.append((a, b))
    return Ratio(ratios, times)


def _seconds(function: Callable[[], None], clock: Clock) -> float:
    start = clock()
    function()
    return clock() - start


class Ratio:
    """Ratios of several rounds."""

    def __init__(self, ratios: list[float], times: list[tuple[float, float]]) -> None:
        self.ratios, self.times = sorted(ratios), times

    @property
    def median(self) -> float:
        """The ratio to quote."""
        return statistics.median(self.ratios)

    def row(self, what: str, wanted: str) -> str:
        """Row of a Markdown table."""
        return (
            f"| {what} | {wanted} | **{self.median:.3f}** | "
            f"{self.ratios[0]:.3f}–{self.ratios[-1]:.3f} |"
        )
