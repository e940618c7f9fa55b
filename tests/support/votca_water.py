"""One trajectory of water by GROMACS, mapped to centres of mass, as VOTCA's programs read it."""

import dataclasses
import functools
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from MDAnalysis.lib.formats.libmdaxdr import TRRFile

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.fitting.frames import Frames

WATERS, FRAMES = 216, 200
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


def run(folder: Path, *command: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclasses.dataclass(frozen=True)
class Water:
    """A trajectory of SPC/E water, mapped to centres of mass."""

    folder: Path
    frames: Frames


@functools.cache
def water(folder: Path, program: str) -> Water:
    """The trajectory in a folder; the test is skipped where GROMACS or VOTCA's program is missing.

    Args:
        folder: to write to.
        program: of VOTCA.
    """
    for name in ("gmx", program):
        if shutil.which(name) is None:
            pytest.skip(f"{name} is not installed (Debian: apt-get install gromacs votca)")
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
