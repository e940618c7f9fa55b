"""Campaign kind `metadynamics`: well-tempered, with a grid and a list of hills."""

import itertools
import math

import numpy as np
import openmm

from meanforce.data.trajectory import HILLS_OUTSIDE
from meanforce.errors import InputError
from meanforce.sampling.agreement import agreement
from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable, values_in
from meanforce.sampling.grid import BiasGrid
from meanforce.sampling.shared_hills import HillExchange
from meanforce.sampling.task import Host, Task
from meanforce.sampling.walkers import Walkers
from meanforce.settings.campaigns.metadynamics import MetadynamicsSettings
from meanforce.units import kt

OWN = 0
"""Replica number under which a job lists its own hills."""

LATEST = 1000
"""Latest hills of a walker by which it is judged whether it has left the grid."""

OUTSIDE = 100
"""More of these hills outside the grid end the run: a tenth of the time without flattening."""


class WellTempered(Bias):
    """Well-tempered metadynamics.

    A hill of height h·exp[−V(s)/(kΔT)], ΔT = (γ − 1)T, is added at the current s every `pace`
    (Barducci, Bussi, Parrinello, PRL 100, 020603 (2008)). Walkers share the grid.

    Args:
        campaign: settings.
        variables: the biased collective variables, in order.
        temperature: K.
        exchange: of hills with other jobs, or None.

    Attributes:
        hills: rows (time in ps, replica or 0 for this job, walker, centre, height, c(t)).
    """

    def __init__(
        self,
        campaign: MetadynamicsSettings,
        variables: tuple[Variable, ...],
        temperature: float,
        exchange: HillExchange | None = None,
    ) -> None:
        self._campaign, self.variables, self._temperature = campaign, variables, temperature
        self._exchange, self._shared_at = exchange, 0.0
        self._names = tuple(campaign.collective_variables)
        lower = [-math.pi if v.periodic else campaign.lower[i] for i, v in enumerate(variables)]
        upper = [math.pi if v.periodic else campaign.upper[i] for i, v in enumerate(variables)]
        bins = [
            campaign.intervals(low, high, width)
            for low, high, width in zip(lower, upper, campaign.width, strict=True)
        ]
        self.grid = BiasGrid(variables, lower, upper, bins)
        self.hills: list[tuple[float, ...]] = []
        self._offset = 0.0
        self._used: dict[int, int] = {}

    def force(self) -> openmm.CustomCVForce:
        return self.grid.force()

    def period(self, time_step: float) -> int:
        return max(1, round(self._campaign.pace / time_step))

    def update(self, contexts: list[openmm.Context], time: float) -> None:
        k_delta_T = (self._campaign.bias_factor - 1.0) * kt(self._temperature)
        new = []
        for walker, context in enumerate(contexts):
            center = values_in(self.added, context, self.variables)
            energy = context.getState(energy=True, groups={self.group}).getPotentialEnergy()
            height = self._campaign.height * math.exp(-energy._value / k_delta_T)
            new.append((walker, center, height))
        for _, center, height in new:
            self.grid.add(center, self._campaign.width, height)
        self._offset = self.grid.offset(self._temperature, self._campaign.bias_factor)
        self.hills += [(time, OWN, w, *center, height, self._offset) for w, center, height in new]
        self.grid.refresh(self.added, contexts)
        self._refuse_to_go_on_outside(len(contexts))

    def _own_hills(self, most: int | None = None) -> np.ndarray:
        """Rows of this job's hills, the latest first; all, or at most this many."""
        own = itertools.islice((row for row in reversed(self.hills) if row[1] == OWN), most)
        return np.array(list(own)).reshape(-1, 5 + len(self.variables))

    def _refuse_to_go_on_outside(self, walkers: int) -> None:
        """End a run of which a walker has left the grid: outside, hills have no effect.

        A short way beyond an end does no harm, as the bias is constant there and every frame has
        its bias energy. This depends on the hills alone, so that a restart decides the same.

        Raises:
            InputError: more than `OUTSIDE` of the `LATEST` hills of a walker are outside.
        """
        if all(variable.periodic for variable in self.variables):
            return
        # The latest hill of each walker is one of the last rows; without one outside, none is new.
        if not self.grid.outside(np.array([row[3:-2] for row in self.hills[-walkers:]])).any():
            return
        rows = self._own_hills(LATEST * walkers)
        outside = self.grid.outside(rows[:, 3:-2])
        owner = rows[:, 2].astype(int)
        total = np.bincount(owner, minlength=walkers)
        number = np.bincount(owner, outside.any(axis=1), minlength=walkers)
        gone = number > OUTSIDE
        if not gone.any():
            return
        walker = int(np.argmax(gone))
        who = f"walker {walker}" if walkers > 1 else "the run"
        raise InputError(
            f"{who} has left the grid of the bias, where hills have no effect: {number[walker]:.0f}"
            f" of its latest {total[walker]} hills, until {rows[0, 0]:g} ps, are outside; "
            f"{self._ends(outside.any(axis=0))}; give 'lower' and 'upper' that contain these "
            "values, or bias a variable with a bounded range"
        )

    def _ends(self, chosen: np.ndarray) -> str:
        """Where hills were along some variables, and the ends of the grid there."""
        centers = self._own_hills()[:, 3:-2]
        return "; ".join(
            f"'{name}' was from {values.min():.4g} to {values.max():.4g}, but its grid is from "
            f"{axis[0]:.4g} to {axis[-1]:.4g} {variable.unit}".rstrip()
            for name, variable, axis, values, named in zip(
                self._names, self.variables, self.grid.axes, centers.T, chosen, strict=True
            )
            if named
        )

    def offset(self) -> float:
        return self._offset

    def wants_bundle(self, time: float) -> bool:
        if self._exchange is None or time - self._shared_at < self._campaign.share_every:
            return False
        self._shared_at = time
        return True

    def bundle_written(self, contexts: list[openmm.Context]) -> None:
        if self._exchange is None:
            return
        table = self._table()
        self._exchange.publish(table[table[:, 1] == OWN])
        for replica, rows in self._exchange.others().items():
            new = rows[self._used.get(replica, 0) :]
            self._used[replica] = max(len(rows), self._used.get(replica, 0))
            for row in new:
                center, height = row[3:-2], row[-2]
                self.grid.add(center, self._campaign.width, height)
                self.hills.append((row[0], replica, row[2], *center, height, math.nan))
        self._offset = self.grid.offset(self._temperature, self._campaign.bias_factor)
        self.grid.refresh(self.added, contexts)

    def _table(self) -> np.ndarray:
        return np.array(self.hills).reshape(-1, 5 + len(self.variables))

    def state(self) -> dict[str, np.ndarray]:
        used = np.array(sorted(self._used.items()), dtype=int).reshape(-1, 2)
        scalars = np.array([self._offset, self._shared_at])
        return {"grid": self.grid.values, "hills": self._table(), "used": used, "scalars": scalars}

    def restore(self, arrays: dict[str, np.ndarray], contexts: list[openmm.Context]) -> None:
        self.grid.values = arrays["grid"].copy()
        self.hills = [tuple(row) for row in arrays["hills"]]
        self._used = {int(replica): int(count) for replica, count in arrays["used"]}
        self._offset, self._shared_at = map(float, arrays["scalars"])
        self.grid.refresh(self.added, contexts)
        if self._exchange is not None:
            table = self._table()
            self._exchange.publish(table[table[:, 1] == OWN])

    def record(self) -> dict[str, np.ndarray]:
        record = {**self.grid.record(), "bias_hills": self._table()}
        if all(variable.periodic for variable in self.variables):
            return record
        outside = self.grid.outside(self._own_hills()[:, 3:-2]).any(axis=1)
        return record | {HILLS_OUTSIDE: np.array([outside.sum(), len(outside)])}

    def summary(self, frames: np.ndarray) -> list[str]:
        late = BiasGrid.like(self.grid)
        for row in self.hills[len(self.hills) // 2 :]:
            late.add(np.array(row[3:-2]), self._campaign.width, row[-2])
        found = agreement(
            self.grid,
            late,
            self._campaign.width,
            self._campaign.bias_factor,
            frames["variables"],
            frames["log_weight"],
            self._temperature,
        )
        lines = [found.line()] if found else []
        outside = self.grid.outside(self._own_hills()[:, 3:-2])
        if outside.any():
            share = outside.any(axis=1).mean()
            lines.append(
                f"warning: {share:.1%} of the hills are outside the grid, where they have no "
                f"effect; {self._ends(outside.any(axis=0))}"
            )
        return lines


def dynamics(task: Task, host: Host) -> Walkers:
    """Dynamics of a job.

    Raises:
        InputError: replicas share their hills, but no folder to exchange them in is given.
    """
    exchange = None
    if task.campaign.share_every is not None:
        if task.shared is None:
            raise InputError("--shared: is missing; this campaign's replicas share their hills")
        exchange = HillExchange(task.shared, task.job, task.identity)
    variables = tuple(task.variables.values())
    return Walkers(task, WellTempered(task.campaign, variables, task.temperature, exchange), host)
