"""Radial distribution of water against VOTCA's `csg_stat`, on one trajectory of GROMACS."""

import numpy as np
import pytest
from comparisons import sample_of
from votca_water import FRAMES, WATERS, run, water

from meanforce.analysis.metrics.rdf import unit_sums

STEP, BINS = 0.02, 44

OPTIONS = f"""<cg>
  <non-bonded>
    <name>W-W</name><type1>W</type1><type2>W</type2>
    <min>{STEP / 2}</min><max>{STEP * (BINS - 0.5)}</max><step>{STEP}</step>
  </non-bonded>
</cg>
"""
"""VOTCA's bins lie about their places, so that the first one begins at 0."""


@pytest.mark.slow
def test_radial_distribution_is_that_of_votca(tmp_path):
    """VOTCA divides by N²/2 pairs, we by the N(N − 1)/2 that there are."""
    found = water(tmp_path, "csg_stat")
    (found.folder / "stat.xml").write_text(OPTIONS)
    run(found.folder, "csg_stat", "--top", "topol.tpr", "--trj", "traj.trr", "--cg", "water.xml",
        "--options", "stat.xml")  # fmt: skip
    r, theirs = np.loadtxt(found.folder / "W-W.dist.new", usecols=(0, 1)).T
    frames = found.frames
    sample = sample_of(
        frames.positions.numpy(), frames.molecule, 20, box=frames.cells[0].double().numpy()
    )
    assert len(sample.weights) == FRAMES + 1
    ((_, sums),) = unit_sums(sample, STEP * BINS, BINS).items()
    ours = sums[:, :-1].sum(axis=0) / sums[:, -1].sum()
    np.testing.assert_allclose(r, STEP * (np.arange(BINS) + 0.5), atol=1e-6)
    difference = abs(ours * (WATERS - 1) / WATERS - theirs)
    print(f"largest difference {difference.max():.5f}, largest g {ours.max():.3f}")
    assert ours.max() > 2.2
    assert difference.max() < 1e-3
