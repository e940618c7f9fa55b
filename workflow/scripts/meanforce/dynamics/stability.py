"""Which chains of a CG run are still the molecule that they started as."""

import functools
import math

import numpy as np
import torch

from meanforce.core.cell import nearest_images
from meanforce.core.neighbours import neighbours
from meanforce.core.topology import ALL_PAIRS, Topology
from meanforce.errors import InputError

KINDS = ("chirality", "permuted", "exploded")
"""Ways to break, in ascending order of severity; a chain's code is the index here + 1."""

BOND_FACTOR = 2.0
"""A bond that is longer than its start length by this factor, or shorter, is broken."""

STRETCHED = 1.2
"""A bond that is longer by this factor than in all starts, and in all molecules of its type, may
belong to beads that changed places. They did when a bead that is not bonded has come nearer than
the bonded one, and no bead has left the molecule."""


class Unstable(InputError):
    """Too many chains of a CG run broke."""


class IntegrityCheck:
    """Distinguishes intact chains from broken ones.

    Args:
        molecule: the beads.
        starts: starting configurations of all chains, nm, shape (n_chains, n_beads, 3).
        cell: periodic box vectors, nm, shape (3, 3), or None.
    """

    def __init__(
        self, molecule: Topology, starts: torch.Tensor, cell: torch.Tensor | None = None
    ) -> None:
        self._cell = cell
        device = starts.device
        self._bonds = torch.tensor(molecule.bonds, dtype=torch.long, device=device).reshape(-1, 2)
        self._reference = self._lengths(starts, cell)
        longest = self._reference.amax(0) if len(starts) else self._reference.sum(0)
        self._longest = _of_all_copies(molecule, longest)
        stereo = torch.tensor(molecule.stereo, dtype=torch.long, device=device).reshape(-1, 5)
        self._stereo, self._sign = stereo[:, :4], stereo[:, 4]
        self._size, self._device = molecule.size, device

    @functools.cached_property
    def _bonded(self) -> torch.Tensor:
        """Whether beads are bonded or the same one, shape (n_beads, n_beads)."""
        bonded = torch.eye(self._size, dtype=torch.bool, device=self._device)
        bonded[self._bonds[:, 0], self._bonds[:, 1]] = True
        return bonded | bonded.T

    def codes(self, positions: torch.Tensor, cells: torch.Tensor | None = None) -> torch.Tensor:
        """0 for an intact chain, or the code of how it broke; shape (n_chains,).

        Args:
            positions: nm, shape (n_chains, n_beads, 3).
            cells: periodic box vectors of each chain, nm, shape (n_chains, 3, 3), where they are no
                longer those of the starts.
        """
        cell = self._cell if cells is None else cells
        lengths = self._lengths(positions, cell)
        ratio = lengths / self._reference
        within = ((ratio < BOND_FACTOR) & (ratio > 1 / BOND_FACTOR)).all(dim=1)
        finite = torch.isfinite(positions).all(dim=(1, 2))
        flipped = (self._volumes(positions, cell).sign() != self._sign).any(dim=1)
        codes = flipped.long() * _code("chirality")
        codes.masked_fill_(~(within & finite), _code("exploded"))
        stretched = (lengths > STRETCHED * self._longest).any(dim=1)
        suspect = torch.nonzero(stretched & finite)[:, 0]
        if len(suspect):
            many = self._size > ALL_PAIRS
            changed = self._near_changed if many else self._neighbours_changed
            own = cell if cells is None else cells[suspect]
            permuted = changed(positions[suspect], lengths[suspect], own)
            codes[suspect[permuted]] = _code("permuted")
        return codes

    def _lengths(self, positions: torch.Tensor, cell: torch.Tensor | None) -> torch.Tensor:
        first, second = self._bonds.unbind(1)
        return nearest_images(positions[:, first] - positions[:, second], cell).norm(dim=-1)

    def _volumes(self, positions: torch.Tensor, cell: torch.Tensor | None) -> torch.Tensor:
        """(a−o)·[(b−o)×(c−o)] of all stereo centres, shape (n_chains, n_centres)."""
        center, *ends = self._stereo.unbind(1)
        a, b, c = (nearest_images(positions[:, end] - positions[:, center], cell) for end in ends)
        return (a * torch.linalg.cross(b, c)).sum(-1)

    def _neighbours_changed(
        self, positions: torch.Tensor, lengths: torch.Tensor, cell: torch.Tensor | None
    ) -> torch.Tensor:
        """Whether a stretched bond has a bead nearer to one end than its own partner."""
        reach = STRETCHED * self._longest
        distances = self._distances(positions, cell)
        stranger = distances.masked_fill(self._bonded, math.inf).amin(dim=-1)
        nearer = (stranger[:, self._bonds] < lengths[..., None]).any(dim=-1)
        itself = torch.eye(positions.shape[1], dtype=torch.bool, device=positions.device)
        together = distances.masked_fill(itself, math.inf).amin(dim=-1) < reach.max()
        return ((lengths > reach) & nearer).any(dim=1) & together.all(dim=1)

    def _near_changed(
        self, positions: torch.Tensor, lengths: torch.Tensor, cell: torch.Tensor | None
    ) -> torch.Tensor:
        """The same for many beads, whose distances fill the memory: by neighbour search."""
        reach = STRETCHED * self._longest
        # A bond that is longer than that is broken, and found to be so by its length.
        farthest = BOND_FACTOR * float(self._longest.max())
        cell = None if cell is None else cell.double().cpu().numpy()
        near = neighbours(positions.double().cpu().numpy(), cell, farthest)
        beads = positions.double().cpu().numpy()
        vectors = beads[near.frame, near.second] - beads[near.frame, near.first]
        offsets = near.offsets(cell)
        distances = np.linalg.norm(vectors if offsets is None else vectors + offsets, axis=1)
        bonds = self._bonds.cpu().numpy()
        codes = near.first * self._size + near.second
        strange = ~np.isin(codes, bonds.min(1) * self._size + bonds.max(1))
        shape = positions.shape[:2]
        anyone, stranger = np.full(shape, np.inf), np.full(shape, np.inf)
        for ends in (near.first, near.second):
            np.minimum.at(anyone, (near.frame, ends), distances)
            np.minimum.at(stranger, (near.frame[strange], ends[strange]), distances[strange])
        found = lengths.double().cpu().numpy()
        nearer = (stranger[:, bonds] < found[..., None]).any(-1)
        changed = ((found > reach.double().cpu().numpy()) & nearer).any(1)
        together = (anyone < float(reach.max())).all(1)
        return torch.from_numpy(changed & together).to(positions.device)

    def _distances(self, positions: torch.Tensor, cell: torch.Tensor | None) -> torch.Tensor:
        """Distances of all beads, shape (n_chains, n_beads, n_beads)."""
        if cell is None:
            return torch.cdist(positions, positions)
        apart = positions[:, :, None] - positions[:, None]
        return nearest_images(apart.flatten(1, 2), cell).norm(dim=-1).view(apart.shape[:3])


def _of_all_copies(molecule: Topology, longest: torch.Tensor) -> torch.Tensor:
    """For each bond the longest of the same bond in all molecules of a type, shape (n_bonds,).

    A start has each bond of a flexible molecule once, in one of the states that it takes.
    """
    found, first = longest.clone(), 0
    for kind, count in molecule.composition:
        size = len(kind.bonds)
        own = longest[first : first + size * count].view(count, size)
        found[first : first + size * count] = own.amax(0).repeat(count)
        first += size * count
    return found


def _code(kind: str) -> int:
    return KINDS.index(kind) + 1


def counts(codes: torch.Tensor) -> dict[str, int]:
    """How many chains broke, by kind."""
    return {kind: int((codes == _code(kind)).sum()) for kind in reversed(KINDS)}


def gate(codes: torch.Tensor, least: float, when: str) -> None:
    """Refuse a run in which too many chains broke.

    Args:
        codes: of all chains.
        least: fraction that must be intact.
        when: for the message.

    Raises:
        Unstable: fewer are intact.
    """
    n, broken = len(codes), int((codes > 0).sum())
    if n - broken < least * n - 1e-9 or broken == n:
        found = counts(codes)
        raise Unstable(
            f"{broken} of {n} chains of the CG run broke {when} (exploded: {found['exploded']}, "
            f"beads changed places: {found['permuted']}, chirality flipped: "
            f"{found['chirality']}), but 'least_stable' asks for {least:g} of them to stay "
            "intact; the model is unstable: train longer, on more data, or simulate with a "
            "smaller time_step"
        )
