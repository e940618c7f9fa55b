"""Displacement fields of beads, and what forces must satisfy along them.

For frames of the density exp(−U(R)/kT), any valid force map and any displacement field v(R) whose
flow does not leave the space of configurations, integration by parts gives

    −⟨v·F⟩ = kT ⟨∇·v⟩.

A dilation of every molecule about its own centre, v_I = R_I − R̄, is the virial identity: ∇·v is
3n − 3 for a molecule of n beads. It takes no pressure term in a periodic box, with solvent or with
several molecules, because it moves no molecule as a whole, so that it is a periodic function of
where molecules are; and it holds in an external field, too. Only what moves molecules against each
other, as the dilation of a whole liquid, needs the pressure. Displacement of all beads together and
rotation of molecules about their centres have ∇·v = 0: mean force and mean torque vanish.
"""

import dataclasses
from typing import Any, Self

import numpy as np

from meanforce.core.topology import components

QUANTITIES = ("virial", "force x", "force y", "force z", "torque x", "torque y", "torque z")
"""Columns of `Dilation.values`."""


@dataclasses.dataclass(frozen=True, eq=False)
class Dilation:
    """The dilation of which the virial is taken.

    Attributes:
        molecules: number of each bead's molecule, shape (n_beads,); None if beads are displaced
            from one fixed point, in an external field that keeps them there.
        center: this point in nm, shape (3,).
        moved: components of bead positions that are displaced, bool, shape (n_beads, 3).
        divergence: ∇·v.
    """

    molecules: np.ndarray | None
    center: np.ndarray
    moved: np.ndarray
    divergence: float

    @classmethod
    def of(cls, parameters: dict[str, Any]) -> Self:
        """Dilation of each molecule about its centre; molecules are beads that bonds join."""
        n_beads = len(parameters["bead_names"])
        molecules = components(parameters["bonds"], n_beads)
        moved = np.ones((n_beads, 3), dtype=bool)
        divergence = 3.0 * (n_beads - len(np.unique(molecules)))
        return cls(molecules, np.zeros(3), moved, divergence)

    @classmethod
    def confined(cls, center: np.ndarray, forced: np.ndarray) -> Self:
        """Dilation about a point of components that a field confines: ∇·v is their number.

        Args:
            center: nm, shape (3,).
            forced: components on which forces act, bool, shape (n_beads, 3).
        """
        return cls(None, center, forced, float(forced.sum()))

    def values(self, positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
        """The `QUANTITIES` of each frame.

        Args:
            positions: nm, shape (n, n_beads, 3).
            forces: kJ/mol/nm, of the same shape.

        Returns:
            −v·F in kJ/mol, total force in kJ/mol/nm and torque about the molecules' centres in
            kJ/mol; float64, shape (n, 7).
        """
        forces = forces.astype(np.float64)
        displaced = self._displaced(positions)
        virial = -np.einsum("nid,nid->n", displaced, forces)
        torque = np.cross(displaced, forces).sum(axis=1)
        return np.column_stack([virial, forces.sum(axis=1), torque])

    def sizes(self, positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
        """Largest possible sizes of the `QUANTITIES`, summed over frames, shape (7,)."""
        force = np.linalg.norm(forces.astype(np.float64), axis=2)
        arm = np.linalg.norm(self._displaced(positions), axis=2)
        whole = float((arm * force).sum())
        return np.array([whole, *[float(force.sum())] * 3, *[whole] * 3])

    def _displaced(self, positions: np.ndarray) -> np.ndarray:
        positions = positions.astype(np.float64)
        if self.molecules is None:
            return np.where(self.moved, positions - self.center, 0.0)
        counts = np.bincount(self.molecules)
        order = np.argsort(self.molecules, kind="stable")
        starts = np.concatenate([[0], counts.cumsum()[:-1]])
        sums = np.add.reduceat(positions[:, order], starts, axis=1)
        return positions - (sums / counts[:, None])[:, self.molecules]
