"""A finished campaign is not replaced by a shorter one, unless the user insists."""

from pathlib import Path

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
        settings = config.campaigns[place.system][place.campaign]
        if settings.imported or not Path(place.trajectory).exists():
            continue
        before, now = sampled_length(place.trajectory), settings.length_of(place.state)
        if before is not None and now < before:
            raise InputError(
                f"campaigns.{place.system}.{place.campaign}.length: is {in_words(now)}, but "
                f"{place.trajectory} is finished and has {in_words(before)}, which would be "
                f"sampled anew; give at least {in_words(before)}, or insist with: "
                "--config replace=true"
            )


def sampled_length(trajectory: str) -> float | None:
    """Length in ps of a finished sampling job; None where its last state was not kept."""
    about = read_end(Path(trajectory))
    try:
        return float(about["identity"]["settings"]["campaign"]["length"])
    except (TypeError, KeyError, ValueError):
        return None
