"""Forces of files against recomputed ones, and the factor that would mend a wrong unit."""

import dataclasses
import math

import numpy as np
import openmm

from meanforce.systems.platform import choose_platform, platform_properties
from meanforce.systems.prepared import Prepared
from meanforce.units import KCAL

FRAMES = 100
"""Frames that are compared, of systems whose forces take no time."""

ATOMS = 10**6
"""Frames times atoms that are compared of large systems."""

FEWEST = 10
"""Frames that are compared of any system."""

PROBED = 0.05
"""Seconds for which each platform is timed: few frames are computed."""

TOLERANCE = 0.01
"""Largest relative deviation of forces that agree; those of two programs differ by 1e-3 and less
where cutoffs and Ewald sums are the same."""

MENDED = 0.1
"""Largest relative deviation that is left where a factor explains the rest."""

FACTORS = {
    KCAL: "kcal/mol instead of kJ/mol",
    10.0: "1/Å instead of 1/nm",
    10.0 * KCAL: "kcal/mol/Å instead of kJ/mol/nm",
    -1.0: "gradients instead of forces",
    964.853: "eV/Å instead of kJ/mol/nm",
    49614.75: "hartree/bohr instead of kJ/mol/nm",
}
"""Factors by which forces in other units, or of the other sign, must be multiplied; their inverses
are those of numbers that were converted once too often."""


def frames_compared(n_atoms: int) -> int:
    """Number of frames that are compared."""
    return min(FRAMES, max(FEWEST, ATOMS // n_atoms))


@dataclasses.dataclass(frozen=True)
class ForceAgreement:
    """How far the forces of files are from recomputed ones.

    Attributes:
        deviation: root mean square of the difference relative to that of the recomputed forces.
        factor: by which the forces of the files agree best.
        left: the deviation after they were multiplied by it.
        worst: label of the atom with the largest deviation.
    """

    deviation: float
    factor: float
    left: float
    worst: str

    @classmethod
    def of(cls, given: np.ndarray, wanted: np.ndarray, labels: list[str]) -> "ForceAgreement":
        """Compare forces, kJ/mol/nm, both of shape (n_frames, n_atoms, 3)."""
        given, wanted = given.astype(float), wanted.astype(float)
        square = max(float((wanted**2).sum()), 1e-300)
        factor = float((given * wanted).sum()) / max(float((given**2).sum()), 1e-300)
        by_atom = ((given - wanted) ** 2).sum(axis=(0, 2))
        return cls(
            deviation=math.sqrt(float(by_atom.sum()) / square),
            factor=factor,
            left=math.sqrt(float(((factor * given - wanted) ** 2).sum()) / square),
            worst=labels[int(by_atom.argmax())],
        )

    @property
    def agrees(self) -> bool:
        """Whether the forces are the same."""
        return self.deviation <= TOLERANCE

    def text(self) -> str:
        """What was found, and what would mend it."""
        found = (
            f"forces of the files differ from recomputed ones by {self.deviation:.2g} of their "
            f"size (allowed {TOLERANCE:g})"
        )
        if self.left < MENDED and self.left < 0.5 * self.deviation:
            return (
                f"{found}; multiplied by {self.factor:.4g}{_reason(self.factor)}, they would agree "
                f"to {self.left:.2g}"
            )
        return (
            f"{found}, most on atom {self.worst}, and no factor mends it: another force field or "
            "cutoff, forces that hold a bias or those of rigid bonds, positions of other frames, "
            "or another order of atoms"
        )


def _reason(factor: float) -> str:
    """What a factor comes from, as a part of a sentence; empty if it is not known."""
    for known, why in FACTORS.items():
        if math.isclose(factor, known, rel_tol=0.02):
            return f" ({why})"
        if math.isclose(factor * known, 1.0, rel_tol=0.02):
            return f" (converted once too often, as if they were in {why})"
    return ""


def recomputed(
    prepared: Prepared, positions: np.ndarray, boxes: np.ndarray | None, threads: int
) -> np.ndarray:
    """Forces of some frames, kJ/mol/nm, shape (n_frames, n_atoms, 3).

    Args:
        prepared: the system.
        positions: nm, shape (n_frames, n_atoms, 3).
        boxes: nm, shape (n_frames, 3, 3), or None.
        threads: processor threads that may be used.
    """
    platform = choose_platform("auto", prepared.system, prepared.positions, threads, seconds=PROBED)
    context = openmm.Context(
        prepared.system,
        openmm.VerletIntegrator(0.001),
        platform,
        platform_properties(platform, threads),
    )
    found = np.empty(positions.shape)
    for number, frame in enumerate(positions.astype(float)):
        if boxes is not None:
            context.setPeriodicBoxVectors(*boxes[number])
        context.setPositions(frame)
        found[number] = context.getState(forces=True).getForces(asNumpy=True)._value
    return found
