"""Show what a run would do before it starts: jobs, simulated time, disk, and, with --time, hours.

Everything but the hours follows from the config and from the results that exist. The hours come
from short timings on this machine, which take about half a minute for each system.
"""

import argparse
import sys
from pathlib import Path

import torch

from meanforce.errors import InputError, exits_cleanly
from meanforce.jobs.lengths import check_shortened, continued
from meanforce.jobs.replaced import check_replaced, replaced
from meanforce.paths import ConfigPaths, use_output
from meanforce.planning.amounts import Amount, amounts
from meanforce.planning.estimate import estimate, speeds_of
from meanforce.planning.hours import hours
from meanforce.planning.overview import disk, table
from meanforce.planning.sizes import sizes_of
from meanforce.progress import report
from meanforce.sampling.check import check_structures
from meanforce.settings.config import Config
from meanforce.settings.load import load_config
from meanforce.settings.yaml_file import read_config_file

SHOWN = 5
"""Files that would be made anew which are named."""


@exits_cleanly
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configfile", type=Path, help="config of the run")
    parser.add_argument("--cores", type=int, default=2, help="processor cores of the run")
    parser.add_argument("--time", action="store_true", help="estimate hours from short timings")
    arguments = parser.parse_args()
    if arguments.cores < 1:
        raise InputError(f"--cores: {arguments.cores} is not a number of cores; give 1 or more")
    path = config_of(arguments.configfile)
    contents = read_config_file(path)
    try:
        config = load_config(contents)
        use_output(config.output)
        notices = check_structures(config)
    except InputError as error:
        raise InputError(f"{path}: the config cannot be used:\n{error}") from None
    for notice in notices:
        print(f"notice: {notice}", file=sys.stderr)
    sizes, guessed = sizes_of(config)
    work = amounts(config, sizes)
    print(f"{path}: results in {config.output}/")
    print("\n".join(table(work)))
    by = f" (atoms of {', '.join(guessed)}: from the size of the box)" if guessed else ""
    print(f"disk: {disk(work)}{by}")
    for line in _made_anew(config, path.stem):
        print(line)
    if arguments.time:
        _show_hours(config, work, arguments.cores)


def _show_hours(config: Config, work: list[Amount], cores: int) -> None:
    torch.set_num_threads(1)
    speeds = speeds_of(config, work, Path(__file__).parent, cores, report)
    found = estimate(work, speeds, cores)
    print("\n".join(hours(found, speeds, cores)))


def config_of(given: Path | None) -> Path:
    """The config file that is meant.

    Raises:
        InputError: none is given, or it does not exist; names those that do.
    """
    known = [
        str(file) for folder in (Path(), Path("config")) for file in sorted(folder.glob("*.yaml"))
        if file.stem not in ("local", "slurm")
    ]  # fmt: skip
    there = f"; here are: {', '.join(known)}" if known else ""
    if given is None:
        raise InputError(f"--configfile: is missing, such as --configfile my.yaml{there}")
    if not given.is_file():
        raise InputError(f"--configfile: '{given}' does not exist{there}")
    return given


def _made_anew(config: Config, name: str) -> list[str]:
    """Lines on finished results that the run would replace."""
    lines = []
    try:
        check_replaced(config, name)
        check_shortened(config)
    except InputError as error:
        lines.append(f"refused: {error}")
    before = Path(ConfigPaths(name).copy)
    if before.exists():
        longer = continued(config)
        lost = replaced(load_config(read_config_file(before)), config)
        lost = [output for output in lost if output not in longer]
        if longer:
            lines.append(f"continued, since their length has grown: {_some(longer)}")
        if lost:
            lines.append(
                f"made anew, since their settings changed: {_some(lost)}, and what follows from "
                "them; the table counts them as done (`snakemake -n` lists all jobs that run "
                "again, also those whose code changed)"
            )
    return lines


def _some(files: list[str]) -> str:
    more = f" and {len(files) - SHOWN} more" if len(files) > SHOWN else ""
    return ", ".join(files[:SHOWN]) + more


if __name__ == "__main__":
    main()
