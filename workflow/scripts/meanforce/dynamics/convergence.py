"""Whether a CG run may end: R-hat and round trips of the stored collective variables."""

import numpy as np
import torch

from meanforce.data.mixing import r_hat, round_trips
from meanforce.potentials.variables import evaluate_variables
from meanforce.settings.collective_variables import CollectiveVariable, is_periodic
from meanforce.settings.simulations import Until


class Convergence:
    """Looks at the frames of a run; what it finds depends on nothing else.

    Args:
        settings: what is asked for.
        variables: the collective variables that are looked at.
        bead_names: names of the beads.
    """

    def __init__(
        self, settings: Until, variables: list[CollectiveVariable], bead_names: list[str]
    ) -> None:
        self._settings, self._bead_names = settings, bead_names
        self._variables = variables

    def quantities(self, positions: np.ndarray) -> np.ndarray:
        """Values of the variables, of periodic ones sine and cosine.

        Args:
            positions: nm, shape (n_frames, n_chains, n_beads, 3).

        Returns:
            shape (n_frames, n_chains, n_quantities).
        """
        beads = torch.from_numpy(positions.reshape(-1, *positions.shape[2:]))
        s = evaluate_variables(self._variables, self._bead_names, beads).numpy()
        columns = []
        for variable, values in zip(self._variables, s.T, strict=True):
            periodic = is_periodic(variable.kind)
            columns += [np.sin(values), np.cos(values)] if periodic else [values]
        return np.stack(columns, axis=-1).reshape(*positions.shape[:2], -1)

    def reached(self, quantities: np.ndarray, climbed: float | None) -> tuple[bool, str]:
        """Whether all that is asked for holds, and the figures.

        Args:
            quantities: of intact chains, shape (n_frames, n_chains, n_quantities).
            climbed: round trips along temperature, where there is exchange.
        """
        n_frames, n_chains, _ = quantities.shape
        holds, found = True, []
        if self._settings.r_hat is not None:
            chains = np.tile(np.arange(n_chains), n_frames)
            ratio = max(r_hat(q.reshape(-1), chains) for q in np.moveaxis(quantities, -1, 0))
            holds = holds and ratio <= self._settings.r_hat
            found.append(f"R-hat {ratio:.4f}")
        if self._settings.round_trips is not None:
            trips = climbed
            if climbed is None:
                trips = min(round_trips(q).mean() for q in np.moveaxis(quantities, -1, 0))
            holds = holds and trips >= self._settings.round_trips
            found.append(f"{trips:.2f} round trips a chain")
        return holds, ", ".join(found)
