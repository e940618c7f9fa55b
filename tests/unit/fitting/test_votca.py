"""Force matching of water against VOTCA's `csg_fmatch`, on one trajectory of GROMACS."""

import numpy as np
import pytest
import torch
from votca_water import WATERS, Water, run
from votca_water import water as sampled_water

from meanforce.core.neighbours import pair_vectors
from meanforce.fitting.frames import Frames
from meanforce.fitting.registry import fit
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

CUTOFF, FUNCTIONS = 0.85, 60

OPTIONS = """<cg>
  <non-bonded>
    <name>W-W</name><type1>W</type1><type2>W</type2>
    <fmatch>
      <min>{least:.12f}</min><max>{most:.12f}</max>
      <step>{step:.12f}</step><out_step>{out:.12f}</out_step>
    </fmatch>
  </non-bonded>
  <fmatch>
    <constrainedLS>false</constrainedLS><frames_per_block>{frames}</frames_per_block>
  </fmatch>
</cg>
"""


@pytest.fixture(scope="module")
def water(tmp_path_factory) -> Water:
    return sampled_water(tmp_path_factory.mktemp("water"), "csg_fmatch")


def seen_from(frames: Frames) -> float:
    """Distance from which g(r) is above 0.05, nm."""
    found = pair_vectors(frames.positions.numpy(), frames.cells.numpy(), CUTOFF)
    counts, edges = np.histogram(found.distances, np.linspace(0.2, CUTOFF, 130))
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    volume = float(torch.det(frames.cells[0]))
    g = counts / (len(frames) * WATERS**2 / 2 / volume * shells)
    return float(edges[1:][np.flatnonzero(g <= 0.05).max()])


@pytest.mark.slow
def test_forces_are_those_of_votca_with_the_same_knots(water):
    """VOTCA's forces are cubic splines, ours slopes of cubic splines: the same with many knots.

    The noise of the forces is the same for both, whatever its size: they fit the same frames.
    """
    settings = validated(
        Potential,
        {"kind": "spline", "temperature": "none", "smoothness": [1e-10], "ridge": [1e-12],
         "terms": {"pairs": {"cutoff": CUTOFF, "functions": FUNCTIONS}}}, "potential",
    )  # fmt: skip
    potential = fit(settings, water.frames, {}, 5, 0, lambda line: None).potential
    curve = potential.curves[0]
    (water.folder / "fmatch.xml").write_text(
        OPTIONS.format(least=curve.sampled[0], most=CUTOFF, step=curve.spacing,
                       out=curve.spacing / 2, frames=len(water.frames))
    )  # fmt: skip
    run(water.folder, "csg_fmatch", "--top", "topol.tpr", "--trj", "traj.trr", "--cg", "water.xml",
        "--options", "fmatch.xml")  # fmt: skip
    r, theirs = np.loadtxt(water.folder / "W-W.force", usecols=(0, 1)).T
    ours = -potential.to(torch.float64).curve(torch.from_numpy(r), 300.0)[1].numpy()
    # Between the first two knots there are pairs on one side only.
    seen = r > seen_from(water.frames) + curve.spacing
    difference = abs(ours - theirs)[seen] / abs(theirs[seen]).max()
    print(f"largest difference {difference.max():.4f}, rms {np.sqrt((difference**2).mean()):.5f}")
    assert seen.sum() > 100
    assert difference.max() < 0.01
