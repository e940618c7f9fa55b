"""Numbers of a config that are out of proportion to each other."""

import math
from collections.abc import Iterator

import numpy as np

from meanforce.errors import InputError
from meanforce.settings.campaigns.protocol import ProtocolSettings
from meanforce.settings.campaigns.umbrella import UmbrellaSettings
from meanforce.settings.config import Config
from meanforce.settings.experiments import BLOCKS_PER_FOLD, ExperimentSettings
from meanforce.settings.steps import in_words
from meanforce.units import kt

FEWEST_FRAMES = 100
"""Frames of a run, or of all chains of a CG run, below which there is a notice: with fewer, no
dataset has error bars."""

FARTHEST = 6.0
"""Distance of windows, in standard deviations of each, beyond which 0.3 % of their values overlap
on a flat free energy."""

EXACT = 1 + 1e-9
"""Factor by which rounding may reduce a number of frames."""


def proportion_notices(config: Config) -> list[str]:
    """Sentences on few frames, batches larger than the data, windows apart, a known reference."""
    found = [*_frames(config), *_windows(config), *_cg_frames(config), *_experiments(config)]
    return list(dict.fromkeys(found))


def check_training_frames(config: Config, name: str) -> None:
    """Refuse an experiment whose datasets are too short to be cut into blocks for its folds.

    Args:
        config: the whole config.
        name: of the experiment.

    Raises:
        InputError: names the campaign, its frames and how many are needed.
    """
    experiment = config.experiments[name]
    fewest = 2 * experiment.folds * BLOCKS_PER_FOLD
    stride = config.potentials[experiment.potential].frame_stride
    # Learning curves have a check of their own; frames beside tables are only starts.
    if experiment.atomistic_time or experiment.targets:
        return
    for chosen in experiment.campaigns:
        campaign = config.campaigns[experiment.system][chosen]
        if not isinstance(campaign, ProtocolSettings):
            continue
        for state in experiment.train:
            frames = max(
                _frames_of(campaign, state) * campaign.copies(job) // stride
                for job in campaign.jobs_of(state, experiment.replicas)
            )
            if frames < fewest:
                raise InputError(
                    f"experiments.{name}.folds: are {experiment.folds}, which need {fewest} frames "
                    f"of each replica, but campaign '{chosen}' gives {frames} at '{state}'; give "
                    "the campaign a shorter 'stride' or a longer 'length', or use fewer folds"
                )


def _frames_of(campaign: ProtocolSettings, state: str) -> int:
    """Frames of each copy that can be trained on."""
    return max(0, int((campaign.length_of(state) - campaign.filling) / campaign.stride * EXACT))


def _frames(config: Config) -> Iterator[str]:
    # Beside tables of distributions, frames of campaigns are only starts.
    only_starts = {
        (experiment.system, name)
        for experiment in config.experiments.values()
        for name in experiment.campaigns
        if experiment.targets
    }
    for system, campaigns in config.campaigns.items():
        for name, campaign in campaigns.items():
            if not isinstance(campaign, ProtocolSettings) or (system, name) in only_starts:
                continue
            used = campaign.shortest - campaign.filling
            frames = int(used / campaign.stride * EXACT)
            if frames < FEWEST_FRAMES:
                yield (
                    f"campaigns.{system}.{name}.stride: {in_words(campaign.stride)} gives only "
                    f"{_frames_in_words(frames)} in {in_words(used)} of each copy, too few for "
                    "error bars; give a shorter 'stride' or a longer 'length'"
                )


def _windows(config: Config) -> Iterator[str]:
    """Umbrella windows that spread less than they are apart, so that no weights follow."""
    thermal = kt(max(point.temperature for point in config.state_points.values()))
    for system, campaigns in config.campaigns.items():
        for name, campaign in campaigns.items():
            if not isinstance(campaign, UmbrellaSettings):
                continue
            for index, variable in enumerate(campaign.biased_variables):
                places = np.unique([window[index] for window in campaign.windows()])
                spread = math.sqrt(thermal / campaign.force_constant[index])
                apart = float(np.diff(places).max(initial=0.0))
                # Of centers in two dimensions, neighbours need not differ in each of them.
                if (campaign.rows or len(campaign.biased_variables) == 1) and (
                    apart > FARTHEST * spread
                ):
                    unit = config.variables_of(system)[variable].unit
                    yield (
                        f"campaigns.{system}.{name}.force_constant: lets '{variable}' spread by "
                        f"{spread:.2g} {unit}".rstrip()
                        + f", but windows are up to {apart:.2g} {unit}".rstrip()
                        + " apart, so that neighbours share hardly any values and weights cannot "
                        "be found; give a smaller 'force_constant' or more windows"
                    )


def _frames_in_words(number: int) -> str:
    return f"{number} frame{'s' * (number != 1)}"


def _cg_frames(config: Config) -> Iterator[str]:
    for name in sorted({one.simulation for one in config.experiments.values()}):
        chosen = config.simulations[name]
        frames = int(chosen.length / chosen.stride * EXACT)
        if frames * chosen.ladders < FEWEST_FRAMES:
            yield (
                f"simulations.{name}.stride: {in_words(chosen.stride)} gives only "
                f"{_frames_in_words(frames)} of each of {chosen.ladders} chains, too few for error "
                "bars; give a shorter 'stride', a longer 'length' or more 'chains'"
            )


def _experiments(config: Config) -> Iterator[str]:
    for name, experiment in config.experiments.items():
        compared = config.reference_campaign(experiment)
        exact = config.is_exact(experiment.system, experiment.mapping)
        if compared in experiment.campaigns and not (experiment.atomistic_time or exact):
            yield (
                f"experiments.{name}.reference: '{compared}' is also in 'campaigns', so that at "
                f"{', '.join(experiment.train)} the model is compared with its own training data, "
                "and its errors look smaller than they are; an independent campaign shows them"
            )
        training = getattr(config.potentials[experiment.potential], "training", None)
        if training is None or experiment.atomistic_time:
            continue
        frames = _trained_frames(config, experiment)
        share = 0.5 if experiment.ensemble > 1 else 1 - 1 / experiment.folds
        enough = frames is not None and frames >= FEWEST_FRAMES
        if enough and training.batch_size > share * frames:
            yield (
                f"potentials.{experiment.potential}.training.batch_size: is {training.batch_size}, "
                f"but each network of experiment '{name}' is trained on about "
                f"{share * frames:.0f} frames, so that an epoch is a single step; give a smaller "
                "'batch_size'"
            )


def _trained_frames(config: Config, experiment: ExperimentSettings) -> int | None:
    """Frames that an experiment is trained on; None where files decide on their number."""
    number = 0
    for name in experiment.campaigns:
        campaign = config.campaigns[experiment.system][name]
        if not isinstance(campaign, ProtocolSettings):
            return None
        for state in experiment.train:
            frames = _frames_of(campaign, state)
            jobs = campaign.jobs_of(state, experiment.replicas)
            number += frames * sum(campaign.copies(job) for job in jobs)
    return number // config.potentials[experiment.potential].frame_stride
