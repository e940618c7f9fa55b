"""Constant pressure: Monte Carlo moves of the volume of a CG run's box.

A move draws a volume V' evenly within ± the width of a step about V, scales the box and the centres
of mass of the molecules with it, and is accepted with the probability min(1, exp(−w)),

    w = [U(V') − U(V) + P(V' − V)]/kT − N ln(V'/V),

N the number of molecules (Chow, Ferguson, Comput. Phys. Commun. 91, 283 (1995); Åqvist et al.,
Chem. Phys. Lett. 384, 288 (2004), as in OpenMM's `MonteCarloBarostat`). Molecules keep their shape,
so that no bond is strained. The density of the sampled volumes is V^N exp(−PV/kT) times the
configuration integral, in which an ideal gas has ⟨V⟩ = (N + 1)kT/P.

Unlike OpenMM's own barostat, the width is adapted during equilibration alone. A width that follows
the acceptance while frames are stored breaks detailed balance, and one that starts anew in every
process would make restarts differ.
"""

import dataclasses
from collections.abc import Callable

import numpy as np

from meanforce.core.cell import smallest_width
from meanforce.core.molecules import Molecules
from meanforce.core.pressure import BAR
from meanforce.errors import InputError
from meanforce.units import kt

EVERY = 25
"""Time steps between attempts: each costs two energies."""

FIRST_WIDTH = 0.5
"""Width of the first steps, in V/√N, the standard deviation of the volume of an ideal gas."""

WINDOW = 10
"""Attempts after which the width is adapted."""

ACCEPTED = (0.3, 0.6)
"""Fractions of accepted moves between which the width stays as it is."""

FACTOR = 1.3
"""By which the width is changed."""

WIDEST = 0.3
"""Largest width in V."""

CLOSE = 1.007
"""Width of a box, in twice the cutoff, below which a run ends: 2 % of the volume above what can be
computed. A run that never comes so close would not have gone beyond."""

EVAPORATED = 50.0
"""Volume, in that of the start, at which a box counts as evaporated."""


@dataclasses.dataclass(frozen=True)
class Box:
    """Periodic box of a chain, and how far its volume moves.

    Attributes:
        cell: box vectors, nm, shape (3, 3).
        width: largest step of the volume, nm³.
    """

    cell: np.ndarray
    width: float

    @property
    def volume(self) -> float:
        """nm³."""
        return float(np.linalg.det(self.cell))


def first_box(cell: np.ndarray, molecules: Molecules) -> Box:
    """The box of a start, nm, shape (3, 3), of some molecules."""
    width = min(WIDEST, FIRST_WIDTH / np.sqrt(molecules.count)) * float(np.linalg.det(cell))
    return Box(np.asarray(cell, dtype=np.float64), width)


@dataclasses.dataclass
class Tally:
    """Moves since the width was adapted."""

    attempts: int = 0
    accepted: int = 0


class VolumeMoves:
    """Moves of the volume at one pressure and temperature.

    Args:
        molecules: that hold their shape.
        masses: of the beads, u, shape (n_beads,).
        pressure: bar.
        temperature: K.
        cell: of the start, nm, shape (3, 3).
        cutoff: of the potential's pairs, nm; 0 without pairs.
    """

    def __init__(
        self,
        molecules: Molecules,
        masses: np.ndarray,
        pressure: float,
        temperature: float,
        cell: np.ndarray,
        cutoff: float = 0.0,
    ) -> None:
        self._molecules, self._masses, self._cutoff = molecules, masses, cutoff
        self._pressure, self._kt, self._bar = pressure * BAR, kt(temperature), pressure
        self._start = float(np.linalg.det(cell))

    def attempt(
        self,
        energy: Callable[[np.ndarray, np.ndarray], float],
        positions: np.ndarray,
        box: Box,
        rng: np.random.Generator,
        settling: bool = False,
    ) -> tuple[np.ndarray, Box] | None:
        """One move; None where it is rejected.

        Args:
            energy: of positions in a cell, kJ/mol.
            positions: nm, shape (n_beads, 3), with whole molecules in any of their images.
            box: that they are in.
            rng: gives two numbers.
            settling: whether the box may come close to two cutoffs, as in equilibration, whose
                first steps may be wide.

        Raises:
            InputError: the box has come close to two cutoffs, or has evaporated.
        """
        if not settling and smallest_width(box.cell) <= CLOSE * 2 * self._cutoff:
            raise self._too_narrow(box.volume)
        step, chance = rng.uniform(-1.0, 1.0), rng.random()
        before, after = box.volume, box.volume + box.width * step
        if after <= 0:
            return None
        scale = (after / before) ** (1 / 3)
        cell = scale * box.cell
        if smallest_width(cell) <= 2 * self._cutoff:
            return None
        if after > EVAPORATED * self._start:
            raise self._evaporated()
        # A common factor maps all images of a molecule onto each other.
        centres = self._molecules.centres(positions[None], self._masses)[0]
        moved = positions + ((scale - 1.0) * centres)[self._molecules.owner]
        change = energy(moved, cell) - energy(positions, box.cell)
        work = (change + self._pressure * (after - before)) / self._kt
        work -= self._molecules.count * np.log(after / before)
        # Not a number, as of beads that overlap, is rejected.
        if not (work <= 0 or chance < np.exp(-work)):
            return None
        return moved, dataclasses.replace(box, cell=cell)

    def adapted(self, box: Box, tally: Tally) -> Box:
        """The box with a width that fits the accepted moves, once there are enough of them."""
        if tally.attempts < WINDOW:
            return box
        share = tally.accepted / tally.attempts
        tally.attempts = tally.accepted = 0
        low, high = ACCEPTED
        factor = FACTOR if share > high else 1 / FACTOR if share < low else 1.0
        return dataclasses.replace(box, width=min(WIDEST * box.volume, factor * box.width))

    def _too_narrow(self, volume: float) -> InputError:
        return InputError(
            f"simulation.pressure: at {self._bar:g} bar the box of the CG run has shrunk to "
            f"{volume:.4g} nm³, where it is hardly wider than twice the cutoff of {self._cutoff:g} "
            "nm; give more molecules, a shorter cutoff or a lower pressure"
        )

    def _evaporated(self) -> InputError:
        return InputError(
            f"simulation.pressure: at {self._bar:g} bar the box of the CG run has grown to "
            f"{EVAPORATED:g} times its volume at the start: the CG model has no liquid at this "
            "pressure and temperature; give a higher pressure, 'pressure: null' for the density "
            "of the reference, or a fit with a correction of the pressure"
        )
