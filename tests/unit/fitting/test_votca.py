"""Force matching of water against VOTCA's `csg_fmatch`, on one trajectory of GROMACS."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.neighbours import pair_vectors
from meanforce.core.topology import Topology
from meanforce.fitting.frames import Frames
from meanforce.fitting.registry import fit
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential

WATERS, FRAMES, CUTOFF, FUNCTIONS = 216, 200, 0.85, 60
MASSES = np.array([15.9994, 1.008, 1.008])

TOPOLOGY = f"""#include "oplsaa.ff/forcefield.itp"
#include "oplsaa.ff/spce.itp"
[ system ]
water
[ molecules ]
SOL {WATERS}
"""

RUN = f"""integrator = md
dt = 0.002
nsteps = {100 * FRAMES}
nstxout = 100
nstfout = 100
cutoff-scheme = Verlet
coulombtype = reaction-field
epsilon-rf = 78
rcoulomb = 0.8
rvdw = 0.8
vdw-modifier = force-switch
rvdw-switch = 0.7
tcoupl = v-rescale
tc-grps = System
tau-t = 0.2
ref-t = 300
gen-vel = yes
gen-temp = 300
gen-seed = 1
ld-seed = 1
"""

MAPPING = f"""<cg_molecule>
  <name>SOL</name><ident>SOL</ident>
  <topology><cg_beads><cg_bead>
    <name>W</name><type>W</type><mapping>A</mapping>
    <beads>1:SOL:OW 1:SOL:HW1 1:SOL:HW2</beads>
  </cg_bead></cg_beads></topology>
  <maps><map><name>A</name><weights>{" ".join(map(str, MASSES))}</weights></map></maps>
</cg_molecule>
"""

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


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclasses.dataclass(frozen=True)
class Water:
    """A trajectory of SPC/E water, mapped to centres of mass."""

    folder: Path
    frames: Frames


@pytest.fixture(scope="module")
def water(tmp_path_factory) -> Water:
    for program in ("gmx", "csg_fmatch"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (Debian: apt-get install gromacs votca)")
    folder = tmp_path_factory.mktemp("water")
    for name, text in (("topol.top", TOPOLOGY), ("md.mdp", RUN), ("water.xml", MAPPING)):
        (folder / name).write_text(text)
    start = Path(shutil.which("gmx")).resolve().parents[1] / "share/gromacs/top/spc216.gro"
    run(folder, "gmx", "-quiet", "grompp", "-f", "md.mdp", "-c", str(start), "-p", "topol.top",
        "-o", "topol.tpr", "-maxwarn", "2")  # fmt: skip
    run(folder, "gmx", "-quiet", "mdrun", "-s", "topol.tpr", "-nt", "1", "-pin", "off")
    positions, forces = [], []
    with TRRFile(str(folder / "traj.trr")) as trajectory:
        for frame in trajectory:
            atoms = frame.x.astype(float).reshape(WATERS, 3, 3)
            edge = float(frame.box[0, 0])
            whole = atoms - edge * np.rint((atoms - atoms[:, :1]) / edge)
            positions.append(np.einsum("i,wix->wx", MASSES / MASSES.sum(), whole))
            forces.append(frame.f.astype(float).reshape(WATERS, 3, 3).sum(axis=1))
    n = len(positions)
    block = torch.arange(n) * 20 // n
    frames = Frames(
        torch.tensor(np.array(positions), dtype=torch.float32),
        torch.tensor(np.array(forces), dtype=torch.float32),
        torch.full((n,), 300.0), block % 5, block,
        Topology(((MoleculeType("SOL", ("W",), ("W",)), WATERS),)),
        cells=edge * torch.eye(3).repeat(n, 1, 1),
    )  # fmt: skip
    return Water(folder, frames)


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
    seen = r > seen_from(water.frames)
    difference = abs(ours - theirs)[seen] / abs(theirs[seen]).max()
    print(f"largest difference {difference.max():.4f}, rms {np.sqrt((difference**2).mean()):.5f}")
    assert seen.sum() > 100
    assert difference.max() < 0.01
