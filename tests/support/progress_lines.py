"""Checks of lines of progress, for any kind of job."""

from meanforce.progress import ProgressLine, parse


def progress_of(lines: list[str]) -> list[ProgressLine]:
    """The lines of progress among all lines of one process.

    Percent never falls, and is at most 99.9 until the last line, which ends the job.
    """
    found = [line for line in map(parse, lines) if line is not None]
    percents = [line.percent for line in found if line.percent is not None]
    assert percents == sorted(percents), percents
    assert percents[-1] == 100.0 and max(percents[:-1], default=0.0) < 100.0, percents
    assert found[-1].phase == "done" and found[-1].left == 0.0
    return found


def phases_of(lines: list[str]) -> list[str]:
    """Phases in the order in which they began; see `progress_of`."""
    return list(dict.fromkeys(line.phase for line in progress_of(lines)[:-1]))
