"""Lines and cells of the report's tables of experiments × metrics."""

import dataclasses
from collections.abc import Callable, Iterator

import pandas as pd


@dataclasses.dataclass(frozen=True)
class Cell:
    """One error of one experiment at one state point.

    Attributes:
        text: what stands in it.
        below: a second line; empty for none.
        mark: of the verdict or the comparison; empty where there is none.
        look: class of its style; empty for none.
        title: the tooltip.
        order: what the column is sorted by.
    """

    text: str
    below: str = ""
    mark: str = ""
    look: str = ""
    title: str = ""
    order: float = 0.0


@dataclasses.dataclass(frozen=True)
class Line:
    """One experiment at one state point, and a cell or None for each metric."""

    experiment: str
    state: str
    role: str
    cells: list[Cell | None]


def places(
    table: pd.DataFrame, states_of: Callable[[str], list[str]]
) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Experiments at their state points and the rows of each, in the order of the lines.

    Args:
        table: rows of the summary.
        states_of: gives an experiment's state points in the order of their lines.
    """
    parts = dict(iter(table.groupby(["experiment", "state_point"])))
    for experiment in dict.fromkeys(table["experiment"]):
        for state in states_of(experiment):
            yield experiment, state, parts[experiment, state]
