"""A finished campaign is not replaced by a shorter one, unless the user insists."""

import dataclasses
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
    if config.replace:
        return
    for dataset in inputs.all_datasets(config):
        place = ReplicaPaths(dataset.system, dataset.state, dataset.campaign, dataset.replica)
        if config.campaigns[place.system][place.campaign].imported:
            continue
        about = read_end(Path(place.trajectory)) if Path(place.trajectory).exists() else None
        if about is None:
            continue
        job = stages.sample_job(config, **dataclasses.asdict(place)).plain()
        now, before = job["campaign"]["length"], _length_before(about, job)
        if before is not None and now < before:
            raise InputError(
                f"campaigns.{place.system}.{place.campaign}.length: is {in_words(now)}, but "
                f"{place.trajectory} is finished and has {in_words(before)}, and would be sampled "
                f"anew; give at least {in_words(before)}, or insist with: --config replace=true"
            )


def _length_before(about: dict[str, Any], job: dict[str, Any]) -> float | None:
    """Length in ps of a finished job that differs at most in it; None if it differs elsewhere."""
    try:
        before = about["identity"]["settings"]
        length = float(before["campaign"]["length"])
        same = job | {"campaign": job["campaign"] | {"length": before["campaign"]["length"]}}
        return length if before == same else None
    except (KeyError, TypeError, ValueError):
        return None
