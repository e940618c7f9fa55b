"""Fitting method `hypernetted_chain`: Gauss-Newton steps with the response of g(r) by HNC."""

import dataclasses
import functools

import numpy as np
import torch

from meanforce.core.pressure import BAR
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting.iterative.direct import HALF
from meanforce.fitting.iterative.fit import fit_with
from meanforce.fitting.iterative.integral_equation import Grid, response
from meanforce.fitting.iterative.method import ByDistances
from meanforce.fitting.iterative.observer import Observed
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.projection import SPREAD, WEAKEST, differences
from meanforce.fitting.iterative.states import State
from meanforce.fitting.iterative.turn import Turn
from meanforce.units import kt


@dataclasses.dataclass(frozen=True)
class Difference:
    """g of a CG run and its target on the places of a grid within the cutoff.

    Attributes:
        sampled: g, shape (n,).
        target: g, shape (n,).
        weights: inverse variance of their difference, shape (n,).
    """

    sampled: np.ndarray
    target: np.ndarray
    weights: np.ndarray


class HypernettedChain(ByDistances):
    """c ← c + Δc, where Δc minimises |g_target − g − J Δu|² with Δu = Σ_k Δc_k φ_k.

    J = ∂g/∂u is that of the hypernetted-chain equation at the g of the run. Bernhardt, Hanke, van
    der Vegt, J. Chem. Phys. 154, 084118 (2021), whose basis are the forces in bins. A wanted
    pressure is a linear constraint on Δc: at the g of the target, the virial of the new potential
    differs from that of the old one, at the g of its run, by what is missing.

    Args:
        problem: what does not change from iteration to iteration.

    Raises:
        InputError: the potential is not one curve between beads of one kind, each a molecule.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem, self._potential = problem, problem.blank.to(torch.float64)
        _check_beads(problem)
        bins = problem.histograms.bins[0]
        self._bins = bins
        self._grid = Grid.of(bins.lower + bins.width * bins.count, bins.width)
        places = self._grid.places[: self._grid.inside]
        self._reached = places >= bins.lower
        values, slopes = self._potential.basis_of(torch.from_numpy(places))
        self._basis = np.where(self._reached[:, None], values.numpy(), 0.0)
        self._slopes = np.where(self._reached[:, None], slopes.numpy(), 0.0)

    def update(self, observed: list[Observed], turn: Turn) -> np.ndarray:
        """See `Method`."""
        return self._problem.combined(
            [
                self._of_state(*pair, turn)
                for pair in zip(self._problem.states, observed, strict=True)
            ]
        )

    def _of_state(self, state: State, observed: Observed, turn: Turn) -> np.ndarray:
        """kJ/mol, shape (K,)."""
        here = self._difference(state, observed)
        n_beads = Topology.of(self._potential.values).size
        # Pairs are counted relative to N(N − 1)/2 of them; h → 0 far away asks for N²/2.
        known = here.sampled * (1 - 1 / n_beads)
        matrix = response(known, n_beads / state.volume, self._grid) @ self._basis
        off, curves = here.target - here.sampled, self._basis.shape[1]
        normal = matrix.T @ (here.weights[:, None] * matrix)
        rows = differences(curves, 1, periodic=False) / SPREAD[1]
        normal += rows.T @ rows + WEAKEST * np.eye(curves)
        right = matrix.T @ (here.weights * off)
        unit = kt(state.temperature)
        wanted = self._problem.settings.wanted_pressure
        if wanted is None:
            return unit * np.linalg.solve(normal, right)
        missing = (wanted - observed.pressure[0]) * BAR
        old = self._potential_slopes(turn.coefficients, state.temperature)
        lever = self._virial(self._slopes, here.target, state)
        missing -= float(self._virial(old, here.target - here.sampled, state))
        # Lagrange's multiplier in the last row and column.
        bordered = np.block(
            [[normal, unit * lever[:, None]], [unit * lever[None], np.zeros((1, 1))]]
        )
        return unit * np.linalg.solve(bordered, np.append(right, missing))[:curves]

    def _difference(self, state: State, observed: Observed) -> Difference:
        """Of the counts of a run and their target, which half a count more keeps finite."""
        inner, bins = slice(1, -1), self._bins
        n, m = observed.counts.number[inner], state.target.number[inner]
        ideal = self._problem.histograms.ideal(0)[inner]
        ideal = ideal * self._problem.histograms.numbers[0] / state.volume
        of_run, of_target = ideal * observed.counts.frames, ideal * state.target.frames
        weights = 1 / ((n + HALF) / of_run**2 + (m + HALF) / of_target**2)
        places = self._grid.places[: self._grid.inside]

        def at(values: np.ndarray) -> np.ndarray:
            return np.where(self._reached, np.interp(places, bins.places[inner], values), 0.0)

        return Difference(at(n / of_run), at(m / of_target), at(weights))

    def _potential_slopes(self, coefficients: np.ndarray, temperature: float) -> np.ndarray:
        """dU/dr of the potential that was run, shape (n,), kJ/mol/nm."""
        potential = self._problem.potential(coefficients).to(torch.float64)
        places = torch.from_numpy(self._grid.places[: self._grid.inside])
        return np.where(self._reached, potential.curve(places, temperature)[1].numpy(), 0.0)

    def _virial(self, slopes: np.ndarray, g: np.ndarray, state: State) -> np.ndarray:
        """−(1/3V) Σ r U'(r) over pairs with a g(r), for slopes of shape (n, …); kJ/mol/nm³."""
        r = self._grid.places[: self._grid.inside]
        pairs = self._problem.histograms.numbers[0] / state.volume**2
        shells = 4 * np.pi / 3 * self._grid.width * r**3 * g * pairs
        return -np.tensordot(shells, slopes, axes=1)


def _check_beads(problem: Problem) -> None:
    """Refuse what the equation does not describe.

    Raises:
        InputError: see above.
    """
    topology = Topology.of(problem.blank.values)
    sizes = sorted({len(kind.names) for kind, _ in topology.composition})
    kinds = [curve.kind for curve in problem.histograms.curves]
    if kinds != ["pairs"] or sizes != [1] or not problem.histograms.molecules_in_a_box:
        raise InputError(
            "fitting: 'hypernetted_chain' is for a box of molecules of one bead each, all of one "
            f"type, but there are {len(kinds)} curves ({', '.join(kinds)}) and molecules of "
            f"{', '.join(map(str, sizes))} beads; give 'inverse_monte_carlo' or 'relative_entropy'"
        )


fit = functools.partial(fit_with, HypernettedChain)
