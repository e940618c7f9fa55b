"""Torques about the rotatable bonds of a molecule: what mean forces along dihedrals are made of.

Turning all beads on one side of a bond about it changes no bond and no angle. The torque of their
forces is minus the derivative of the energy in that turn, so that its mean is minus that of the
potential of mean force; Ciccotti, Kapral, Vanden-Eijnden, ChemPhysChem 6, 1809 (2005), with a
linear map. Torques are small beside the forces of bonds and angles, and much less noisy than each
of the forces that they sum: what pulls at neighbouring beads in opposite directions cancels.

The mean force makes ⟨|L(R)(F − f)|²⟩ smallest for every L that depends on the beads alone, so
that errors of torques may be added to a loss without moving its minimum among all functions.
"""

from typing import Self

import numpy as np
import torch

from meanforce.core.topology import Topology, components
from meanforce.potentials.whole import WholeMolecule, is_one

SHORTEST = 1e-9
"""Length of a bond that has a direction, nm."""


class Torques:
    """Torques about all rotatable bonds.

    Args:
        molecule: the beads. Those of several molecules have no torques here.
        dtype: floating-point type of positions and forces.
        device: where they are.

    Attributes:
        axes: bonds (i, j), j on the side that turns.
        sides: beads that turn about each of them, the smaller side.
        device: where positions and forces must be.
    """

    def __init__(
        self, molecule: Topology, dtype: torch.dtype, device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        found = _rotatable(molecule)
        self.axes = tuple(axis for axis, _ in found)
        self.sides = tuple(side for _, side in found)
        turning = np.zeros((len(found), molecule.size))
        for row, side in zip(turning, self.sides, strict=True):
            row[list(side)] = 1.0
        # As a factor from the right, all frames are one product of matrices.
        self._turning = torch.as_tensor(turning.T.copy(), dtype=dtype, device=device)
        ends = torch.tensor(self.axes, dtype=torch.long, device=device).reshape(-1, 2)
        self._first, self._second = ends.T
        self._whole = WholeMolecule(molecule, dtype, device) if found else None

    @classmethod
    def none(cls) -> Self:
        """No torques at all."""
        return cls(Topology(()), torch.float32)

    def __len__(self) -> int:
        return len(self.axes)

    def of(
        self, positions: torch.Tensor, forces: torch.Tensor, cells: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Torques, kJ/mol, shape (n, n_bonds).

        Args:
            positions: nm, shape (n, n_beads, 3).
            forces: kJ/mol/nm, or differences of forces, the same shape.
            cells: periodic box vectors, nm, shape (n, 3, 3), or None.
        """
        if self._whole is None:
            return forces.new_zeros((len(forces), 0))
        if cells is not None:
            positions = self._whole(positions, cells)
        # Near the origin, sums of cross products lose fewer digits.
        positions = positions - positions[:, :1]
        origin = positions[:, self._second]
        along = origin - positions[:, self._first]
        # Beads at the same place have no axis, and no torque.
        along = along / along.norm(dim=2, keepdim=True).clamp_min(SHORTEST)
        moment = self._of_sides(torch.linalg.cross(positions, forces))
        moment = moment - torch.linalg.cross(origin, self._of_sides(forces))
        return (along * moment).sum(2)

    def _of_sides(self, vectors: torch.Tensor) -> torch.Tensor:
        """Sums over the beads of each side, shape (n, n_bonds, 3)."""
        return (vectors.transpose(1, 2) @ self._turning).transpose(1, 2)


def _rotatable(molecule: Topology) -> list[tuple[tuple[int, int], tuple[int, ...]]]:
    """Bonds that are in no ring and have neighbours at both ends, and the beads of a side."""
    if not is_one(molecule):
        return []
    found = []
    for bond in molecule.bonds:
        owner = components([other for other in molecule.bonds if other != bond], molecule.size)
        if owner[bond[0]] == owner[bond[1]]:
            continue
        sides = [np.flatnonzero(owner == owner[end]) for end in bond]
        order = (0, 1) if len(sides[1]) <= len(sides[0]) else (1, 0)
        axis, (near, far) = tuple(bond[k] for k in order), (sides[k] for k in order)
        if min(len(near), len(far)) > 1:
            found.append((axis, tuple(far.tolist())))
    return found
