"""A run in a few lines of text: jobs by stage, simulated time, disk, and estimated hours."""

import collections
from collections.abc import Sequence

from meanforce.planning.amounts import Amount
from meanforce.settings.plan import STAGES

WIDTH = 26
"""Characters of the longest name of a stage, and two."""


def table(amounts: Sequence[Amount]) -> list[str]:
    """Lines with the jobs of each stage: done and to do, and what those to do take."""
    lines = [f"{'stage':{WIDTH}}{'done':>6}{'to do':>7}  work to do"]
    for stage in STAGES:
        own = [one for one in amounts if one.job.stage == stage]
        if own:
            left = [one for one in own if not one.done]
            line = f"{stage:{WIDTH}}{len(own) - len(left):6}{len(left):7}  {_work(stage, left)}"
            lines.append(line.rstrip())
    left = sum(not one.done for one in amounts)
    return [*lines, f"{'all':{WIDTH}}{len(amounts) - left:6}{left:7}"]


def disk(amounts: Sequence[Amount]) -> str:
    """Bytes that the jobs to do write, in words."""
    return f"{_bytes(sum(one.stored for one in amounts if not one.done))} in new files"


def _work(stage: str, left: Sequence[Amount]) -> str:
    if not left:
        return ""
    time = sum(one.atomistic for one in left)
    if stage in ("sample", "equilibrate"):
        systems = collections.Counter()
        for one in left:
            systems[one.job.place.system] += one.atomistic
        parts = ", ".join(f"{name} {_time(each)}" for name, each in systems.items())
        return f"{_time(time)} ({parts})" if len(systems) > 1 else parts
    steps, most = sum(one.steps for one in left), sum(one.most for one in left)
    if not steps:
        return ""
    if stage == "forces":
        return f"forces of {_count(steps)} frames"
    if stage in ("map", "validate"):
        return _range(steps, most, "frames")
    if stage == "train":
        frames = sum(one.steps for one in left if one.key[:1] == ("fit",))
        parts = [(frames, "frames of linear fits"), (steps - frames, "optimisation steps")]
        return ", ".join(f"{_count(number)} {what}" for number, what in parts if number)
    return _range(steps, most, "CG steps, each of all chains")


def _range(least: float, most: float, what: str) -> str:
    low, high = _count(least), _count(most)
    return f"{low} {what}" if low == high else f"{low} to {high} {what}"


def _time(ps: float) -> str:
    for unit, size in (("µs", 1e6), ("ns", 1e3)):
        if ps >= 10 * size or unit == "ns":
            return f"{ps / size:,.4g} {unit}"
    raise AssertionError


def _count(number: float) -> str:
    return f"{number:,.0f}" if number < 1e6 else f"{number / 1e6:,.3g} million"


def _bytes(number: float) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if number >= size:
            return f"about {number / size:.3g} {unit}"
    return f"about {number / 1e6:.0f} MB"
