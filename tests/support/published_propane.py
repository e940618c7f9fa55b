"""Liquid propane of Rühle and Junghans from tables alone: targets, beads and starts."""

import itertools
from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import CubicSpline

from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.direct import direct_inversion
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.problem import Problem
from meanforce.fitting.iterative.states import states_of
from meanforce.fitting.linear import without_coefficients
from meanforce.fitting.target_tables import TargetTables
from meanforce.settings.job import validated
from meanforce.settings.target_tables import TargetTablesSettings

FOLDER = Path(__file__).parents[2] / "resources/references/propane"
TEMPERATURE, DENSITY, CUTOFF = 200.0, 8.666, 1.22
"""K, molecules in a nm³, nm."""

PAIRS = ("A-A", "A-B", "B-B")
PROPANE = MoleculeType("PRP", ("A1", "B", "A2"), ("A", "B", "A"), ((0, 1), (1, 2)))
MASSES = (15.035, 14.027, 15.035)

FILES = {
    "pairs": {name: str(FOLDER / f"{name}.dist.tgt") for name in PAIRS},
    "bonds": {"A-B": str(FOLDER / "bond.dist.tgt")},
    "angles": {"A-B-A": str(FOLDER / "angle.dist.tgt")},
}
TERMS = {
    "bonds": {"functions": 16}, "angles": {"functions": 16}, "dihedrals": None,
    "pairs": {"cutoff": CUTOFF, "functions": 46},
}  # fmt: skip


def targets(files: dict = FILES) -> TargetTables:
    """The published tables."""
    settings = validated(TargetTablesSettings, files, "targets")
    return TargetTables.read(settings, TEMPERATURE)


def starts(count: int = 200, density: float = DENSITY) -> Frames:
    """Molecules on a lattice at the published density, with the published targets."""
    edge = (count / density) ** (1 / 3)
    side = int(np.ceil(count ** (1 / 3)))
    places = np.array(list(itertools.product(range(side), repeat=3)))
    centres = places[np.linspace(0, len(places) - 1, count).astype(int)] * edge / side
    # Along the diagonal, molecules of a small lattice do not come close.
    along, across = np.array([1, 1, 1]) / 3**0.5, np.array([1, -1, 0]) / 2**0.5
    half = 0.1665 * np.sin(1.8737 / 2), 0.1665 * np.cos(1.8737 / 2)
    shape = np.array([-half[0] * along, half[1] * across, half[0] * along])
    positions = torch.tensor((centres[:, None] + shape).reshape(1, -1, 3), dtype=torch.float32)
    zero = torch.zeros(1, dtype=torch.long)
    return Frames(
        positions, torch.zeros_like(positions), torch.tensor([TEMPERATURE]), zero, zero,
        Topology(((PROPANE, count),)),
        cells=torch.tensor(edge * np.eye(3), dtype=torch.float32)[None],
        masses=np.tile(MASSES, count), targets=(targets(),),
    )  # fmt: skip


def published(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Places (nm) and energies (kJ/mol) of the potential after five published steps."""
    return np.loadtxt(FOLDER / f"{name}.pot.5", usecols=(0, 1)).T


def problem(frames: Frames, chosen) -> Problem:
    """What an inversion of these frames is given.

    Args:
        frames: with targets.
        chosen: settings of the potential.
    """
    blank = without_coefficients(chosen, frames, {})
    histograms = Histograms(blank)
    return Problem(
        chosen.fitting, blank, frames, states_of(frames, 0, histograms, 1), histograms, 1
    )


def published_coefficients(problem: Problem) -> np.ndarray:
    """The published potentials of pairs, and bonds and angles by direct inversion, kJ/mol.

    Cubic splines through the rows; below the first one they go on with their slope there.
    """
    found = direct_inversion(problem)
    potential, first = problem.blank.to(torch.float64), 0
    for number, curve in enumerate(problem.blank.curves):
        if curve.kind == "pairs":
            r, energy = published(curve.name.replace(" – ", "-"))
            spline = CubicSpline(r, energy)
            x = np.linspace(curve.range[0], CUTOFF, 400)
            beyond = np.minimum(x - r[0], 0.0)
            wanted = spline(np.maximum(x, r[0])) + beyond * float(spline(r[0], 1))
            basis = potential.basis_of(torch.from_numpy(x), number)[0].numpy()
            # The first and last functions hardly reach into the range.
            padded = np.vstack([basis, 1e-3 * np.eye(curve.functions)])
            values = np.concatenate([wanted, np.zeros(curve.functions)])
            own = np.linalg.lstsq(padded, values, rcond=None)[0]
            found[first : first + curve.functions] = own
        first += curve.functions
    return found
