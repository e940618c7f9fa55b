"""Finished sampling with another `length`: longer runs continue it, shorter ones are refused."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.paths import ReplicaPaths
from meanforce.restart.ended import read_end
from meanforce.settings import inputs
from meanforce.settings.config import Config
from meanforce.settings.steps import in_words


def check_shortened(config: Config) -> None:
    """Refuse a run that would replace finished sampling by shorter sampling.

    Snakemake deletes a trajectory before the job that makes it anew runs, so this comes first.

    Raises:
        InputError: names the campaign, both lengths and the file.
    """
    for place, before, now in _changed(config):
        if now < before and not config.replace:
            raise InputError(
                f"campaigns.{place.system}.{place.campaign}.length: is {in_words(now)}, but "
                f"{place.trajectory} is finished and has {in_words(before)}, and would be sampled "
                f"anew; give at least {in_words(before)}, or insist with: --config replace=true"
            )


def continued(config: Config) -> dict[str, float]:
    """Finished trajectories that a run continues, as only their length has grown.

    Returns:
        The part of the length that is new, by the path of the trajectory.
    """
    return {
        place.trajectory: 1.0 - before / now
        for place, before, now in _changed(config)
        if now > before
    }


def _changed(config: Config) -> Iterator[tuple[ReplicaPaths, float, float]]:
    """Finished sampling jobs with another length, and both lengths in ps."""
    places = dict.fromkeys(
        ReplicaPaths(one.system, one.state, one.campaign, one.replica)
        for one in inputs.all_datasets(config)
        if not config.campaigns[one.system][one.campaign].imported
    )
    for place in places:
        about = read_end(Path(place.trajectory)) if Path(place.trajectory).exists() else None
        if about is None:
            continue
        job = stages.sample_job(config, **dataclasses.asdict(place)).plain()
        before, now = _length_before(about, job), job["campaign"]["length"]
        if before is not None and before != now:
            yield place, before, now


def _length_before(about: dict[str, Any], job: dict[str, Any]) -> float | None:
    """Length in ps of a finished job that differs at most in it; None if it differs elsewhere."""
    try:
        before = about["identity"]["settings"]
        length = float(before["campaign"]["length"])
        same = job | {"campaign": job["campaign"] | {"length": before["campaign"]["length"]}}
        return length if before == same else None
    except (KeyError, TypeError, ValueError):
        return None
