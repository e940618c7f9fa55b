"""Iterative Boltzmann inversion against VOTCA's `csg_inverse` with LAMMPS: the same g(r)."""

import numpy as np
import pytest
import torch
from fluid_table import distribution, inversion, start
from inversions import CUTOFF, TEMPERATURE, fluid, form
from votca_inversion import Inversion, iterates, needs_votca

from meanforce.fitting.boltzmann_inversion import fit
from meanforce.units import kt

ITERATIONS, LAST = 6, 3
"""Iterations of VOTCA, which uses all of them, and how many of the last ones are averaged."""

PEAK, FLANK = 0.8, 0.1
"""g(r) of places on the peak and beyond, and on the steep flank: there, the potential changes by 1
to 2 kT from row to row, over which VOTCA's smoothing of the updates and the averages over the bins
of the table matter. Both continue their curves below it."""


@pytest.mark.slow
@pytest.mark.extended
@needs_votca
def test_potentials_are_those_of_votca(tmp_path):
    """The same table, range and length of runs; both differ from the exact potential by noise.

    VOTCA's tables are shifted to zero at the cutoff, where ours end. The noise of g is 0.03 in runs
    of this length. VOTCA adds it with each iteration: after six, 0.07 kT where g is about one; 0.15
    kT are two such errors, of the mean of three iterates.
    """
    frames = fluid()
    places, g = distribution(frames)
    ours = start(tmp_path / "table", places, g)
    theirs = Inversion(
        TEMPERATURE, float(frames.cells[0, 0, 0]), ours.positions[0].double().numpy(), places, g,
        time_step=0.008, equilibration=500, steps=16000, stride=20, friction=2.0,
    )  # fmt: skip
    theirs.run(tmp_path, ITERATIONS)
    tables = iterates(tmp_path, "pot.new")
    assert len(tables) == ITERATIONS + 1
    mean = np.mean([table[1] for table in tables[-LAST:]], axis=0)
    made = fit(inversion(at_most=12), ours, {}, 0, 1, lambda line: None)
    found = made.potential.curve(torch.from_numpy(places).float(), TEMPERATURE)[0].numpy()
    peak, scale = (g > PEAK) & (places < CUTOFF), kt(TEMPERATURE)
    flank = (g > FLANK) & (g <= PEAK) & (places < 0.34)
    exact, first = form(places), tables[0][1]

    def apart(one: np.ndarray, other: np.ndarray, where: np.ndarray) -> float:
        return abs(one - other)[where].max() / scale

    for where in (peak, flank):
        numbers = [apart(*pair, where) for pair in
                   ((found, mean), (found, exact), (mean, exact), (first, exact))]  # fmt: skip
        print("between {:.3f}, ours {:.3f}, VOTCA {:.3f}, start {:.3f} kT".format(*numbers))
    assert made.about["converged"]
    assert apart(found, mean, peak) < 0.15
    assert apart(found, mean, flank) < 0.3
    for one in (found, mean):
        assert apart(one, exact, peak) < 0.15 < apart(first, exact, peak)
