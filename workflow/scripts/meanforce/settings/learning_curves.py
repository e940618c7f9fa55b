"""Learning curves: an experiment with `atomistic_time` and `seeds` becomes one run for each pair.

Each run is an experiment. Runs of seed k use the beginning of replica k of the experiment's
campaigns, as far as their atomistic time covers it. So the runs of a seed share one trajectory,
different seeds are independent data, and a further time needs no sampling. The atomistic time,
summed over all copies of the system, is

    c·(equilibration + t + t·time_step/stride) + before

for c copies that are sampled for the time t, including the filling of the bias. Recomputing the
forces of a frame counts as one step. `before` is the equilibration of a solvated box, which
replicas share but each of them needs, and the build-up of a frozen bias, which each seed has for
itself.
"""

from collections.abc import Iterator

from meanforce.errors import InputError
from meanforce.settings.base import NAME_LENGTH, Name
from meanforce.settings.config import Config
from meanforce.settings.experiments import BLOCKS_PER_FOLD, ExperimentSettings

FEMTOSECONDS = 1000
"""Femtoseconds per ps."""


class CurveRunSettings(ExperimentSettings):
    """One point of a learning curve, for one seed.

    Attributes:
        of: experiment of the config that it comes from.
        seed: number from 1.
    """

    of: Name
    seed: int

    @property
    def time(self) -> float:
        """Atomistic time that it may use, ps."""
        return self.atomistic_time[0]


def with_runs(config: Config) -> Config:
    """The config with its runs in place of each experiment that makes a learning curve.

    Raises:
        InputError: the campaigns do not provide the data for them.
    """
    found: dict[str, ExperimentSettings] = {}
    taken: dict[str, str] = {}
    for name, experiment in config.experiments.items():
        runs = {name: experiment}
        if experiment.atomistic_time is not None:
            _check_campaigns(config, name, experiment)
            runs = dict(_runs(config, name, experiment))
        for run in runs:
            _check_name(run, name, taken)
            taken[run.casefold()] = run
        found |= runs
    expanded = config.model_copy(update={"experiments": found})
    for curve, runs in learning_curves(expanded).items():
        _check_same(curve, runs)
    return expanded


def learning_curves(config: Config) -> dict[str, dict[str, CurveRunSettings]]:
    """Runs by name of each learning curve, of an expanded config."""
    curves: dict[str, dict[str, CurveRunSettings]] = {}
    for name, run in config.experiments.items():
        if isinstance(run, CurveRunSettings):
            curves.setdefault(run.learning_curve or run.system, {})[name] = run
    return curves


def windows(config: Config, experiment: ExperimentSettings) -> list[tuple[float, float]] | None:
    """Time window of each dataset that a run uses, by campaign, then by state point.

    Args:
        config: the whole config.
        experiment: a run; other experiments use all of their datasets.

    Returns:
        begin and end in ps since the end of equilibration; None: everything.
    """
    if not isinstance(experiment, CurveRunSettings):
        return None
    return [
        _window(config, experiment, name, state)
        for name in experiment.campaigns
        for state in experiment.train
    ]


def _window(config: Config, run: CurveRunSettings, name: str, state: str) -> tuple[float, float]:
    """Begin and end, ps, of what a run's share covers; nothing, if the end comes first."""
    campaign = config.campaigns[run.system][name]
    share = run.time / len(run.campaigns) / len(run.train) - _before(config, run, name, state)
    copies = campaign.copies(1)
    each = 1.0 + campaign.time_step / campaign.stride
    end = (share / copies - campaign.equilibration) / each
    begin = max(campaign.filling, run.discard * end)
    # A window is open at its end, and a frame's time may be off by rounding.
    return begin + 0.5 * campaign.time_step, end + 0.5 * campaign.time_step


def _before(config: Config, run: CurveRunSettings, name: str, state: str) -> float:
    """Atomistic time in ps that was spent before a campaign starts at a state point."""
    system, campaigns = config.systems[run.system], config.campaigns[run.system]
    spent = system.equilibration_time / len(run.campaigns)
    if (name_of_source := campaigns[name].bias_source) is not None:
        source = campaigns[name_of_source]
        spent += source.copies(1) * (source.equilibration + source.length_of(state))
    return spent


def _runs(
    config: Config, name: str, experiment: ExperimentSettings
) -> Iterator[tuple[str, CurveRunSettings]]:
    fewest = 2 * BLOCKS_PER_FOLD * experiment.folds
    stride = config.potentials[experiment.potential].frame_stride
    fit_time = config.mappings[experiment.system][experiment.mapping].fit_time
    campaigns = config.campaigns[experiment.system]
    for time in experiment.atomistic_time:
        text = _text(time, name)
        for seed in range(1, experiment.seeds + 1):
            values = dict(experiment) | {
                "atomistic_time": [time], "seeds": None, "replicas": [seed], "of": name,
                "seed": seed,
            }  # fmt: skip
            yield f"{name}_{text}_{seed}", (run := CurveRunSettings.model_construct(**values))
        places = ((campaigns[c], c, s) for c in experiment.campaigns for s in experiment.train)
        for (campaign, label, state), (begin, end) in zip(
            places, windows(config, run), strict=True
        ):
            where = f"experiments.{name}.atomistic_time"
            if end > campaign.length_of(state) + campaign.stride:
                raise InputError(
                    f"{where}: {text} corresponds to {end:.6g} ps of campaign '{label}' at "
                    f"'{state}', which has only {campaign.length_of(state):g}; give less, or make "
                    "it longer"
                )
            frames = int(max(0.0, end - begin) / campaign.stride) // stride
            if frames < fewest:
                raise InputError(
                    f"{where}: {text} leaves {frames} frames of campaign '{label}' at '{state}' "
                    f"after equilibration, filling and 'discard'; {experiment.folds} folds need "
                    f"{fewest}"
                )
            # From the first stored frame on; the last one of the fit may be as late as this.
            fitted = campaign.filling + campaign.stride + (fit_time or 0.0)
            if fit_time is not None and fitted > end:
                raise InputError(
                    f"{where}: {text} corresponds to the first {end:.6g} ps of campaign '{label}' "
                    f"at '{state}', but the force map of '{experiment.mapping}' is fitted to the "
                    f"first {fitted:g} ps, filling included; give a shorter 'fit_time', or more "
                    "atomistic time"
                )


def _text(time: float, name: str) -> str:
    """A time as part of a name: 100ps, 2500fs."""
    femtoseconds = round(time * FEMTOSECONDS)
    if femtoseconds < 1 or abs(femtoseconds - time * FEMTOSECONDS) > 1e-9 * femtoseconds:
        raise InputError(
            f"experiments.{name}.atomistic_time: {time:g} ps is not a whole number of "
            "femtoseconds, which the names of its runs need"
        )
    whole, rest = divmod(femtoseconds, FEMTOSECONDS)
    return f"{femtoseconds}fs" if rest else f"{whole}ps"


def _check_campaigns(config: Config, name: str, experiment: ExperimentSettings) -> None:
    """Refuse data with dependent seeds, or data that depend on frames after a window."""
    where = f"experiments.{name}"
    mapping = config.mappings[experiment.system][experiment.mapping]
    if mapping.force_map == "optimal" and mapping.fit_time is None:
        raise InputError(
            f"{where}.mapping: the force map of '{experiment.mapping}' is 'optimal', which is "
            "fitted to whole replicas, so that short times would use data of long ones; give it a "
            "'fit_time', or 'force_map: aggregate'"
        )
    sources = config.campaigns[experiment.system]
    for label in experiment.campaigns:
        campaign = sources[label]
        if campaign.imported:
            raise InputError(
                f"{where}.campaigns: '{label}' has frames from files, whose atomistic time is not "
                "in the config; a learning curve cannot use it"
            )
        if campaign.reweighted_together:
            raise InputError(
                f"{where}.campaigns: '{label}' is umbrella sampling, whose windows are not "
                "independent replicas that can be cut; a learning curve cannot use it"
            )
        if campaign.shares_hills and experiment.seeds > 1:
            raise InputError(
                f"{where}.campaigns: replicas of '{label}' share their hills ('share_every'), so "
                "that seeds would not be independent"
            )
        source = campaign.bias_source
        if source and campaign.bias_from(sources[source], experiment.seeds) != experiment.seeds:
            raise InputError(
                f"{where}.campaigns: replicas of '{label}' share one bias of '{source}', so that "
                f"seeds would not be independent; give '{source}' as many replicas"
            )
        if campaign.replicas < experiment.seeds:
            raise InputError(
                f"{where}.seeds: {experiment.seeds} seeds need as many replicas, but campaign "
                f"'{label}' has {campaign.replicas}"
            )


def _check_name(run: str, name: str, taken: dict[str, str]) -> None:
    """Refuse a run's name that is too long, or the same as another's on some file systems."""
    if len(run) > NAME_LENGTH:
        raise InputError(
            f"experiments.{name}: its run would be called '{run}', more than {NAME_LENGTH} "
            "characters; choose a shorter name"
        )
    if run.casefold() in taken:
        raise InputError(
            f"experiments.{name}: gives the run '{run}', but '{taken[run.casefold()]}' exists "
            "already; choose another name"
        )


def _check_same(curve: str, runs: dict[str, CurveRunSettings]) -> None:
    """Refuse experiments in one figure whose errors cannot be compared."""
    first = next(iter(runs.values()))
    for run in runs.values():
        for key in ("system", "reference", "train", "held_out"):
            if getattr(run, key) != getattr(first, key):
                raise InputError(
                    f"experiments.{run.of}.{key}: differs from that of '{first.of}', with which "
                    f"it shares the learning curve '{curve}'; give them different names as "
                    "'learning_curve'"
                )
