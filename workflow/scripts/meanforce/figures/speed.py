"""Tables of speed: atomistic sampling by campaign, CG dynamics by experiment."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from meanforce.figures.numbers import counted, number

PER_DAY = 86400.0


def atomistic(segments: Iterable[Path]) -> list[dict[str, Any]]:
    """One line per campaign and state point; mean rate over its replicas, weighted with time.

    Args:
        segments: files at `{system}/{state}/{campaign}/{replica}/segments.csv` with the columns
            `from_ps, to_ps, wall_s, ns_per_day, platform`: what each process of a job did.
    """
    parts = []
    for path in segments:
        system, state, campaign, _ = path.parts[-5:-1]
        table = pd.read_csv(path)
        table = table[table["wall_s"] > 0]
        parts.append(table.assign(system=system, state=state, campaign=campaign, job=str(path)))
    if not parts:
        return []
    known = pd.concat(parts, ignore_index=True)
    made = []
    names = ["system", "campaign", "state"]
    for (system, campaign, state), some in known.groupby(names, sort=False):
        wall = some["wall_s"].sum()
        sampled = (some["ns_per_day"] * some["wall_s"]).sum() / PER_DAY
        made.append({
            "system": system, "campaign": campaign, "state": state, "jobs": some["job"].nunique(),
            "sampled": number(sampled), "wall": number(wall / 60),
            "rate": sampled / wall * PER_DAY, "text": number(sampled / wall * PER_DAY),
            "platforms": ", ".join(sorted(set(some["platform"].astype(str)))),
        })  # fmt: skip
    return _with_shares(made)


def coarse_grained(speeds: Iterable[Path], time_steps: dict[str, float]) -> list[dict[str, Any]]:
    """One line per experiment and state point.

    Args:
        speeds: files at `{experiment}/{state}/speed.csv`, as `simulate.py` writes them.
        time_steps: experiment: time step of its CG dynamics, ps.
    """
    made = []
    for path in speeds:
        experiment, state = path.parts[-3:-1]
        for _, row in pd.read_csv(path).iterrows():
            rate = row["replica_steps_per_s"]
            if not rate > 0:
                continue
            made.append({
                "experiment": experiment, "state": state, "replicas": int(row["replicas"]),
                "device": _place(row), "rate": rate, "text": counted(rate),
                "time": counted(rate * time_steps[experiment] * PER_DAY / 1e3),
            })  # fmt: skip
    return _with_shares(made)


def _place(row: pd.Series) -> str:
    """Engine and device; files of earlier versions name no engine."""
    return f"{row['engine']}, {row['device']}" if "engine" in row else str(row["device"])


def _with_shares(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With each rate as a percentage of the largest, for the bars."""
    top = max((line["rate"] for line in lines), default=1.0)
    return [line | {"share": round(100 * line["rate"] / top, 1)} for line in lines]
