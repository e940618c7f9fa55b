"""The table of all datasets: how much is in them, how noisy it is, and whether checks failed."""

import dataclasses
import json
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from meanforce.errors import MAKE_AGAIN, InputError
from meanforce.figures.data_advice import advice_on_amount, advice_on_check
from meanforce.figures.numbers import counted, number
from meanforce.mapping.refusal import failures
from meanforce.paths import DatasetPaths
from meanforce.statistics.errors import THREE_SIGMA

MARKS = {"passed": "✓", "failed": "✗", "undecided": "?", "not_applied": "–"}


@dataclasses.dataclass(frozen=True)
class CheckCell:
    """The result of a check.

    Attributes:
        text: what is shown.
        mark: of the verdict.
        failed: whether the check failed.
        title: more, for those who point at it.
    """

    text: str
    mark: str
    failed: bool
    title: str


@dataclasses.dataclass(frozen=True)
class DatasetLine:
    """One dataset.

    Attributes:
        place: names of its system, state point, campaign, job and mapping.
        values: frames, independent conformations, their autocorrelation time, noise of forces,
            and how much the force map `optimal` gains.
        cells: checks.
        sentences: what is wrong.
        advice: what to do about each of these.
        notes: on the amount of data.
    """

    place: DatasetPaths
    values: tuple[str, ...]
    cells: tuple[CheckCell, ...]
    sentences: tuple[str, ...]
    advice: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def lines(paths: Iterable[Path], imported: Collection[tuple[str, str]] = ()) -> list[DatasetLine]:
    """One line for each dataset, those with failed checks first.

    Args:
        paths: files `{mapping}.checks.json`.
        imported: systems and campaigns whose frames are from files.

    Raises:
        InputError: a file is missing or damaged.
    """
    made = [_line(path, imported) for path in paths]
    return sorted(made, key=lambda line: not line.sentences)


def by_chance(made: list[DatasetLine]) -> float:
    """How many checks fail by chance where all datasets are right."""
    return THREE_SIGMA * sum(cell.mark in "✓✗" for line in made for cell in line.cells)


def _line(path: Path, imported: Collection[tuple[str, str]]) -> DatasetLine:
    try:
        checks = json.loads(path.read_text(encoding="utf-8"))
        identities = checks["identities"]
        cells = tuple(_cell(name, check) for name, check in identities.items())
        wrong, place = failures(identities), DatasetPaths.of(path)
        from_files = (place.system, place.campaign) in imported
        advice = [advice_on_check(name, identities[name], place, from_files) for name in wrong]
        return DatasetLine(
            place,
            _values(checks),
            cells,
            tuple(wrong.values()),
            tuple(dict.fromkeys(advice)),
            tuple(advice_on_amount(checks, place)),
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{path}: is not a file of a dataset's checks ({error!r}); {MAKE_AGAIN}"
        ) from error


def _values(checks: dict[str, Any]) -> tuple[str, ...]:
    memory, noise = checks.get("conformations"), checks.get("irreducible_variance")
    independent = time = spread = ""
    if memory is not None:
        independent = counted(memory["effective_frames"])
        if memory["autocorrelation_time"] is not None:
            time = number(memory["autocorrelation_time"], memory["stderr"])
    if noise is not None and noise["variance"] is not None:
        spread = number(max(0.0, noise["variance"]) ** 0.5)
    return counted(checks["frames"]), independent, time, spread, _gain(checks.get("force_map"))


def _gain(force_map: dict[str, Any] | None) -> str:
    """Frames that `aggregate` needs for the noise of one with `optimal`, and which map is used."""
    if force_map is None or force_map["data_saving"] is None:
        return ""
    gain = number(force_map["data_saving"], force_map["data_saving_stderr"])
    return gain if force_map["used"] == "optimal" else f"{gain} (not used)"


def _cell(name: str, check: dict[str, Any]) -> CheckCell:
    verdict = check["verdict"]
    mark, failed = MARKS[verdict], verdict == "failed"
    if check.get("deviation") is None:
        return CheckCell("", mark, failed, check.get("reason", ""))
    deviation = f"{abs(check['deviation']):.1f} standard errors from what is right"
    title = f"{deviation}; {check['reason']}" if "reason" in check else deviation
    if name != "virial":
        return CheckCell(f"{abs(check['deviation']):.1f}", mark, failed, title)
    levels = [
        f"{level['temperature']:.0f} K: {number(level['ratio'], level['stderr'])}"
        for level in check.get("levels", [])
    ]
    return CheckCell(
        number(check["ratio"], check["stderr"]), mark, failed, "; ".join([title, *levels])
    )
