"""The estimated hours of a run, and how they were found, in lines of text."""

from meanforce.planning.estimate import Estimate, Speeds
from meanforce.progress import duration
from meanforce.settings.plan import STAGES


def hours(found: Estimate, speeds: Speeds, cores: int) -> list[str]:
    """Lines with the hours of each stage and of the run, and what they stand on."""
    lines = ["", "timed here, one job at a time:", *(f"  {line}" for line in speeds.found)]
    lines += ["", f"{'stage':26}one job after the other"]
    for stage in STAGES:
        if stage in found.stages:
            more = "more than " if stage in found.missing else ""
            lines.append(f"{stage:26}{more}{_range(*found.stages[stage])}")
    at_once = f"on {cores} core{'s' * (cores > 1)}"
    if found.missing:
        lines.append(f"{'the run':26}not estimated: {', '.join(found.missing)} could not be timed")
    else:
        lines.append(f"{'the run':26}about {_range(found.least, found.most)}, {at_once}")
    started = ""
    if found.short:
        short = ", ".join(stage for stage in STAGES if stage in found.short)
        started = f" Of {short} only the start of a job is counted"
        started += ", of training if it has CG runs of its own." if "train" in found.short else "."
    return [
        *lines,
        "",
        "How: steps of the config times the seconds of a step, and for each job the time that its "
        "program takes to start. Forces of a frame count as a step. Training and CG runs were "
        "timed with a model of the same size on frames with made-up forces, and so were mapping "
        "(the checks of its frames) and validation; CG runs end when they "
        "have converged, hence the range, and long ones are compiled, which makes them about twice "
        f"as fast.{started} Timings are those of the machine as busy as it is now.",
    ]


def _range(least: float, most: float) -> str:
    low, high = duration(least), duration(most)
    return low if low == high else f"{low} to {high}"
