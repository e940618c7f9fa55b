"""GROMACS as a reference: files of a peptide, and its energy and forces."""

import dataclasses
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from MDAnalysis.coordinates.TRR import TRRReader

GMX = shutil.which("gmx")
needs_gmx = pytest.mark.skipif(GMX is None, reason="GROMACS (gmx) is not installed")

RUN = """
integrator = md
nsteps = 0
nstxout = 1
nstfout = 1
nstenergy = 1
gen-vel = no
constraints = none
define = -DFLEXIBLE
cutoff-scheme = Verlet
coulomb-modifier = None
vdw-modifier = None
verlet-buffer-tolerance = -1
"""
"""One evaluation of flexible molecules, without shifts of the potentials at the cutoff."""

VACUUM = RUN + "coulombtype = Cut-off\nrcoulomb = 4\nrvdw = 4\nrlist = 4.2\n"
"""With a cutoff beyond all distances; 12 nm of box keep the images away."""

IN_WATER = (
    RUN + "coulombtype = PME\nrcoulomb = 1\nrvdw = 1\nrlist = 1.1\nnstlist = 1\nDispCorr = Ener\n"
    "ewald-rtol = 1e-6\nfourierspacing = 0.06\npme-order = 6\n"
)
"""With errors of the mesh far below those of OpenMM's default."""


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Results of GROMACS for one structure.

    Attributes:
        energy: potential energy, kJ/mol.
        forces: kJ/mol/nm, shape (n_atoms, 3); zero on virtual sites.
        positions: nm, shape (n_atoms, 3): those of the structure, with virtual sites in their
            places; molecules may be cut by the box.
    """

    energy: float
    forces: np.ndarray
    positions: np.ndarray


def gmx(folder: Path, *arguments: str, given: str = "") -> str:
    """Run a command of GROMACS in a folder; its output."""
    found = subprocess.run(
        [GMX, "-quiet", "-nobackup", *arguments],
        cwd=folder, input=given, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr[-2000:]
    return found.stdout


def peptide_files(
    folder: Path, pdb: Path, edge: float, force_field: str, water: str = "none"
) -> None:
    """Files `peptide.top` and `peptide.gro`, in the middle of a cubic box.

    Args:
        folder: to write to.
        pdb: the peptide; its hydrogens are made anew.
        edge: of the box, nm.
        force_field: of GROMACS.
        water: its model, or none.
    """
    gmx(
        folder, "pdb2gmx", "-f", str(pdb), "-o", "dry.gro", "-p", "peptide.top", "-i", "held.itp",
        "-ff", force_field, "-water", water, "-ignh",
    )  # fmt: skip
    box = ["-box", *[f"{edge}"] * 3]
    gmx(folder, "editconf", "-f", "dry.gro", "-o", "boxed.gro", "-c", *box)
    if water != "none":
        box = "tip4p.gro" if water == "tip4p" else "spc216.gro"
        options = ["-cs", box, "-p", "peptide.top", "-o", "peptide.gro"]
        gmx(folder, "solvate", "-cp", "boxed.gro", *options)
    else:
        (folder / "boxed.gro").rename(folder / "peptide.gro")


def evaluate(folder: Path, options: str) -> Evaluation:
    """Energy and forces of `peptide.gro`."""
    (folder / "run.mdp").write_text(options)
    gmx(
        folder, "grompp", "-f", "run.mdp", "-c", "peptide.gro", "-p", "peptide.top", "-o",
        "run.tpr", "-maxwarn", "3",
    )  # fmt: skip
    gmx(folder, "mdrun", "-s", "run.tpr", "-deffnm", "run", "-nt", "1")
    gmx(folder, "energy", "-f", "run.edr", "-o", "energy.xvg", "-dp", given="Potential\n")
    rows = [r for r in (folder / "energy.xvg").read_text().splitlines() if r[0] not in "#@"]
    with TRRReader(str(folder / "run.trr")) as frames:
        # MDAnalysis converts to Å and kJ/mol/Å.
        forces = 10.0 * frames[0].forces.astype(float)
        positions = 0.1 * frames[0].positions.astype(float)
    return Evaluation(float(rows[0].split()[1]), forces, positions)


DYNAMICS = """
integrator = sd
nsteps = {steps}
dt = 0.002
nstxout = {every}
nstfout = {forces_every}
tc-grps = System
tau-t = 0.2
ref-t = {temperature}
ld-seed = {seed}
gen-vel = yes
gen-temp = {temperature}
gen-seed = {seed}
constraints = h-bonds
cutoff-scheme = Verlet
coulombtype = Cut-off
coulomb-modifier = None
vdw-modifier = None
rcoulomb = 4
rvdw = 4
rlist = 4.2
verlet-buffer-tolerance = -1
"""
"""Stochastic dynamics in vacuum with rigid bonds to hydrogen; positions and forces are written."""


def sample(folder: Path, name: str, **values) -> Path:
    """A run of `peptide.gro` by `DYNAMICS`; its TRR file."""
    values = {"forces_every": values["every"]} | values
    (folder / f"{name}.mdp").write_text(DYNAMICS.format(**values))
    gmx(
        folder, "grompp", "-f", f"{name}.mdp", "-c", "peptide.gro", "-p", "peptide.top", "-o",
        f"{name}.tpr",
    )  # fmt: skip
    gmx(folder, "mdrun", "-s", f"{name}.tpr", "-deffnm", name, "-nt", "1")
    return folder / f"{name}.trr"


def capped_alanine_pdb(root: Path, folder: Path) -> Path:
    """Capped alanine with the name that GROMACS has for its last carbon."""
    text = (root / "resources" / "capped_alanine.pdb").read_text()
    path = folder / "alanine.pdb"
    path.write_text(text.replace(" C   NME", " CH3 NME"))
    return path
