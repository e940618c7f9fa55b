"""Results of one config are not replaced by a run of another one, unless the user insists.

Each run leaves a copy of its config in the folder of its results. Where another config is used with
the same folder, the copy shows which of the results would be made anew.
"""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

from meanforce.errors import InputError
from meanforce.jobs import stages
from meanforce.paths import CONFIGS, ConfigPaths, PreparedPaths, RunPaths
from meanforce.restart.noted import copies_in, record_of, source_of
from meanforce.settings import inputs
from meanforce.settings.config import Config
from meanforce.settings.load import load_config
from meanforce.settings.yaml_file import read_config_file


def check_replaced(now: Config, file: Path) -> list[Path]:
    """Refuse a run that would replace results of another config in the same folder.

    Args:
        now: the config of the run.
        file: that it is from.

    Returns:
        Copies of configs of which results will be replaced, since the user insists.

    Raises:
        InputError: results would be replaced, or those of another file with the same name could no
            longer be recognised, or it is not known what made them, and `replace` is not set; or
            results of this config would pass for those of its new settings.
    """
    found, own = [], Path(ConfigPaths(file.stem).copy)
    copies = copies_in(Path(now.output))
    if not copies:
        _refuse_unknown(now, f"of the config that made them, in {now.output}/{CONFIGS}, is missing")
    for copy in copies:
        other = _other_file(copy, file) if copy == own else None
        try:
            before = load_config(read_config_file(copy))
        except InputError:
            _refuse_unknown(now, f"{copy} of the config that made them cannot be read here")
            found.append(copy)
            continue
        if copy == own and other is None:
            _check_records(before, now, copy)
            continue
        if other is not None and other.exists():
            _check_same_name(before, now, other, file)
            continue
        lost = replaced(before, now)
        if lost and not now.replace:
            gone = "" if other is None else f" ('{_shown(other)}', which is gone)"
            raise InputError(
                f"output: '{now.output}' has results of the config '{copy.stem}'{gone}, and this "
                f"run would replace {len(lost)} of them, {lost[0]} among them; give this config an "
                "'output' of its own, or insist with: --config replace=true"
            )
        if copy == own:
            _check_records(before, now, copy)
        else:
            found += [copy] if lost else []
    return found


def _other_file(copy: Path, file: Path) -> Path | None:
    """The file that a copy of the same name is from, if it is another one or gone."""
    source = source_of(copy)
    if source is None or file.absolute() in (copy.absolute(), source):
        return None
    return None if source.exists() and source.samefile(file) else source


def _refuse_unknown(now: Config, why: str) -> None:
    """Refuse to go on with results of which it is not known how they were made.

    Raises:
        InputError: there are such results.
    """
    made = next((path for path, _ in _outputs(now) if Path(path).exists()), None)
    if made is not None and not now.replace:
        raise InputError(
            f"output: '{now.output}' has results, {made} among them, but the copy {why}, so that "
            "it is not known whether this run would replace them; give this config another "
            "'output', or insist with: --config replace=true"
        )


def shared_notice(now: Config, file: Path) -> str | None:
    """A sentence on another config whose report a run replaces, with results that both share."""
    own = Path(ConfigPaths(file.stem).copy)
    others = [copy.stem for copy in copies_in(Path(now.output)) if copy != own]
    if not others or not Path(RunPaths.page).exists():
        return None
    return (
        f"output: '{now.output}' also has results of the config '{others[0]}', and the report, the "
        "summary and run.yaml there will be those of this run; to keep both, give this config an "
        "'output' of its own"
    )


def _check_records(before: Config, now: Config, copy: Path) -> None:
    """Refuse to go on with results of other settings that Snakemake has no records of.

    It takes results without records, as after a copy of the folder of results alone, for those of
    any settings.

    Raises:
        InputError: names such a file.
    """
    old = [path for path in replaced(before, now) if not record_of(Path(path)).is_file()]
    if old:
        more = f" (and {len(old) - 1} more)" if len(old) > 1 else ""
        raise InputError(
            f"{old[0]}{more}: was made with the settings in {copy}, which are others now, but "
            "Snakemake's records of it (folder .snakemake) are missing, so that it would not be "
            "made again; copy that folder here as well, give this config another 'output', or "
            "delete these results"
        )


def _check_same_name(before: Config, now: Config, other: Path, file: Path) -> None:
    """Refuse a run that leaves its config in the place of that of another file.

    Results of the other file would then pass for earlier ones of this file. Equal configs have
    equal results.

    Raises:
        InputError: names both files.
    """
    made = next((path for path, _ in _outputs(before) if Path(path).exists()), None)
    if made is not None and not now.replace and dict(_outputs(before)) != dict(_outputs(now)):
        raise InputError(
            f"output: '{now.output}' has results of '{_shown(other)}', {made} among them, and "
            f"'{_shown(file)}' has the same name, so that each would replace results of the "
            "other; rename this file, give it an 'output' of its own, or insist with: "
            "--config replace=true"
        )


def _shown(file: Path) -> str:
    """A path as short as it can be."""
    path = Path(os.path.normpath(file.absolute()))
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def replaced(before: Config, now: Config) -> list[str]:
    """Finished files of a config that another one would make anew, in the order of stages.

    Both have the same folder of results. A file is made anew if its job has other settings; what
    only follows from such a file is not listed.
    """
    made, planned = dict(_outputs(before)), dict(_outputs(now))
    return [
        output
        for output, settings in made.items()
        if planned.get(output, settings) != settings and Path(output).exists()
    ]


def _outputs(config: Config) -> Iterator[tuple[str, str]]:
    """The main output of each job, and the job's settings."""
    datasets = dict.fromkeys(inputs.all_datasets(config))
    for system in dict.fromkeys(dataset.system for dataset in datasets):
        yield PreparedPaths(system).state_xml, stages.prepare_job(config, system).canonical()
    for dataset in datasets:
        names = dataclasses.asdict(dataset)
        mapped = stages.map_job(config, **names)
        del names["mapping"]
        yield dataset.trajectory, stages.trajectory_job(config, **names).canonical()
        yield dataset.dataset, mapped.canonical()
    for member in inputs.all_members(config):
        job = stages.train_job(config, **dataclasses.asdict(member))
        yield member.model, job.canonical()
    for place in inputs.compared(config):
        names = dataclasses.asdict(place)
        yield place.trajectory, stages.simulate_job(config, **names).canonical()
        yield place.metrics, stages.validate_job(config, **names).canonical()
