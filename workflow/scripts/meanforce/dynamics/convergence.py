"""Whether a CG run may end: nested R-hat, drift and round trips of the collective variables.

The default limits (nested R-hat 1.01, drift 3 standard errors) were tested with simulated chains,
whose frames begin 25 ps after their start. The table has the percentage of runs that have ended as
converged at the first, second and fourth check:

| chains of …                               | 100 of 50 ps    | 200 of 70 ps    | 400 of 280 ps |
|-------------------------------------------|-----------------|-----------------|---------------|
| memory of 10 ps, four quantities          | 65, 95, 99.9    | 96, 100, 100    | 100, 100, 100 |
| two basins, never left, 5 or 50 % in one  | 0, 0, 0         | 0, 0, 0         | 0, 0, 0       |
| the same, 2 % in one                      | 9, 11, 11       | 0, 0, 0         | 0, 0, 0       |
| two basins that relax within 100 ps       | 0, 0, 2         | 0, 0, 2         | 0, 67, 100    |
| the same, all start in one                | 48, 56, 64      | 6, 6, 7         | 0, 0, 20      |
| all start in one, 200 ps                  | 63, 69, 70      | 18, 18, 18      | 0, 0, 0       |
| all start in one, 500 ps                  | 82, 88, 89      | 61, 63, 63      | 0, 0, 0       |

So a converged run continues for one or two more checks at worst, and memory of the starts is found
where starts differ. Few chains that all start in the same basin and leave it slowly can pass.
"""

from collections.abc import Mapping

import numpy as np
import torch

from meanforce.potentials.variables import evaluate_variables
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic
from meanforce.settings.simulations import UntilSettings
from meanforce.statistics.mixing import drift, nested_r_hat, round_trips, superchains


class Convergence:
    """Checks the frames of a run; the result depends on nothing else.

    Args:
        settings: the criteria; None: the run has a given length, and only its starts are noted.
        variables: name: collective variable that is checked.
        bead_names: names of the beads.
        cell: periodic box vectors, nm, shape (3, 3), or None; variables are then those of nearest
            images.
    """

    def __init__(
        self,
        settings: UntilSettings | None,
        variables: Mapping[str, CollectiveVariableSettings],
        bead_names: list[str],
        cell: np.ndarray | None = None,
    ) -> None:
        self._cell = None if cell is None else torch.from_numpy(np.asarray(cell))
        self._settings, self._bead_names = settings, bead_names
        self._variables = dict(variables)

    def starts(self, positions: np.ndarray) -> dict[str, list[float]]:
        """Values of the variables where chains start.

        Args:
            positions: nm, shape (n_chains, n_beads, 3).

        Returns:
            name of a variable: of each chain, nm, rad or without a unit; plain values, which are
            stored with the run.
        """
        return dict(zip(self._variables, self._evaluate(positions).T.tolist(), strict=True))

    def quantities(self, positions: np.ndarray) -> np.ndarray:
        """Values of the variables; for periodic ones, sine and cosine.

        Args:
            positions: nm, shape (n_frames, n_chains, n_beads, 3).

        Returns:
            shape (n_frames, n_chains, n_quantities).
        """
        s = self._evaluate(positions.reshape(-1, *positions.shape[2:]))
        columns = []
        for variable, values in zip(self._variables.values(), s.T, strict=True):
            periodic = is_periodic(variable.kind)
            columns += [np.sin(values), np.cos(values)] if periodic else [values]
        return np.stack(columns, axis=-1).reshape(*positions.shape[:2], -1)

    def reached(
        self, quantities: np.ndarray, starts: dict[str, np.ndarray], climbed: float | None
    ) -> tuple[bool, str]:
        """Whether all criteria are met, and the values in words.

        Args:
            quantities: of intact chains, shape (n_frames, n_chains, n_quantities).
            starts: of these chains, as `starts` gives them.
            climbed: round trips along temperature, where there is exchange.
        """
        settings, columns = self._settings, np.moveaxis(quantities, -1, 0)
        # A value that cannot be computed compares as false: the criterion is not met.
        holds, found = True, []
        if settings.r_hat is not None:
            names = self._names()
            ratio = np.max(
                [
                    nested_r_hat(column, superchains(np.asarray(starts[name])))[0]
                    for name, column in zip(names, columns, strict=True)
                ]
            )
            holds = holds and bool(ratio <= settings.r_hat)
            found.append(f"nested R-hat {ratio:.4f}")
        if settings.drift is not None:
            moved = np.max([abs(drift(column)) for column in columns])
            holds = holds and bool(moved <= settings.drift)
            found.append(f"drift {moved:.2f} standard errors")
        if settings.round_trips is not None:
            trips = climbed
            if climbed is None:
                trips = min(round_trips(column).mean() for column in columns)
            holds = holds and bool(trips >= settings.round_trips)
            found.append(f"{trips:.2f} round trips per chain")
        return holds, ", ".join(found)

    def _names(self) -> list[str]:
        """Variable that each quantity belongs to."""
        return [
            name
            for name, variable in self._variables.items()
            for _ in range(2 if is_periodic(variable.kind) else 1)
        ]

    def _evaluate(self, positions: np.ndarray) -> np.ndarray:
        """Values of the variables, shape (n, n_variables)."""
        if not self._variables:
            return np.zeros((len(positions), 0))
        beads = torch.from_numpy(positions)
        variables = list(self._variables.values())
        return evaluate_variables(variables, self._bead_names, beads, self._cell).numpy()
