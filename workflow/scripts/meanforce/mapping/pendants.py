"""Torques on pendant atoms: control variates, whose mean vanishes for any positions of the beads.

An atom that is in no bead and bonded to one other atom only, such as a hydrogen, may turn about
that atom, and no bead moves. Let S be all such atoms of an atom P, and ω a vector that does not
depend on S. The turn v_i = ω × (r_i − r_P) of the atoms in S has ∇·v = 0, so that integration by
parts over S (Ciccotti, Kapral, Vanden-Eijnden, ChemPhysChem 6, 1809 (2005)) gives

    ⟨ω·τ⟩_R = 0,    τ = Σ_{i in S} (r_i − r_P) × f_i,

whatever surrounds the molecule, and with any bias that depends on R alone. So the components of τ
in a frame of atoms outside of S may be added to the forces on beads with any constant coefficients.
Bending angles at hydrogens pull at the beads around them with the opposite forces, which is most of
the noise of forces on heavy atoms.

Constraints: the turn must keep them, and with them the metric of the constrained surface, which
depends on the angles between constrained bonds that meet in an atom. So constraints of S must be
among S and P, and then P must have no others.
"""

import dataclasses

import numpy as np
from scipy.sparse import csr_array

from meanforce.mapping.graph import Graph, molecules, neighbours
from meanforce.mapping.system_atoms import SystemAtoms

LEVER = 0.1
"""nm; makes a torque a force of the size of those on the pendant atoms."""

EACH = 9
"""Vectors of each P: three directions times three components of τ."""


@dataclasses.dataclass(frozen=True, eq=False)
class Pendants:
    """Atoms with pendant atoms, and the frames in which torques on these are looked at.

    Attributes:
        frames: P, one of its neighbours A that is not pendant, and another neighbour of P or A,
            shape (n, 3).
        members: pendant atoms, those of each P together, shape (n_members,).
        owners: number of the P of each, shape (n_members,).
    """

    frames: np.ndarray
    members: np.ndarray
    owners: np.ndarray

    @property
    def count(self) -> int:
        """Number of vectors."""
        return EACH * len(self.frames)

    @property
    def atoms(self) -> list[int]:
        """All atoms whose positions are needed, ascending."""
        return np.union1d(self.frames, self.members).tolist()

    def vectors(self, positions: np.ndarray, forces: np.ndarray) -> np.ndarray:
        """e_a (e_k·τ)/`LEVER` of every P, for all axes e_a and e_k of its frame, P by P.

        The axes are that from P to A, one in the plane of the frame's atoms, and its normal.

        Args:
            positions: of the atoms, molecules whole, nm, shape (n, n_atoms, 3).
            forces: on them, kJ/mol/nm, of the same shape.

        Returns:
            kJ/mol/nm, float32, shape (n, count, 3).
        """
        at, first, second = (positions[:, column].astype(np.float64) for column in self.frames.T)
        along = _unit(first - at)
        normal = _unit(np.cross(along, second - at))
        axes = np.stack([along, np.cross(normal, along), normal], axis=2)
        arms = positions[:, self.members].astype(np.float64) - at[:, self.owners]
        torques = np.cross(arms, forces[:, self.members])
        starts = np.searchsorted(self.owners, np.arange(len(self.frames)))
        torque = np.add.reduceat(torques, starts, axis=1)
        components = np.einsum("npkx,npx->npk", axes, torque) / LEVER
        vectors = np.einsum("npax,npk->npakx", axes, components)
        return vectors.reshape(len(vectors), self.count, 3).astype(np.float32)


def pendants_of(atoms: SystemAtoms, in_beads: csr_array) -> Pendants | None:
    """The pendant atoms whose torques are control variates; None where there are none.

    Of molecules that hold beads; other molecules say nothing of the forces on them.

    Args:
        atoms: of the system, with bonds; those without freedom are in no frame.
        in_beads: the configuration map M, shape (n_beads, n_atoms).
    """
    topology = atoms.topology
    graph = _of_atoms(neighbours(topology), atoms.without_freedom)
    outside = np.diff(in_beads.tocsc().indptr) == 0
    hangs = np.array([len(others) == 1 for others in graph]) & outside
    of_interest = np.zeros(topology.n_atoms, dtype=bool)
    for molecule in molecules(np.flatnonzero(~outside).tolist(), graph):
        of_interest[molecule] = True
    hangs &= of_interest
    frames, members, owners = [], [], []
    for parent in sorted({graph[atom][0] for atom in np.flatnonzero(hangs)}):
        own = [atom for atom in graph[parent] if hangs[atom]]
        frame = _frame(parent, graph, hangs)
        if frame is not None and _turns(parent, own, atoms.constraints):
            owners += [len(frames)] * len(own)
            members += own
            frames.append(frame)
    if not frames:
        return None
    return Pendants(np.array(frames), np.array(members), np.array(owners))


def _of_atoms(graph: Graph, without_freedom: np.ndarray) -> Graph:
    """The graph without atoms that are placed, which may turn with those that place them."""
    return [
        () if without_freedom[atom] else tuple(o for o in others if not without_freedom[o])
        for atom, others in enumerate(graph)
    ]


def _frame(parent: int, graph: Graph, hangs: np.ndarray) -> tuple[int, int, int] | None:
    """An atom and two near ones that are not pendant; None where there are none."""
    inner = [atom for atom in graph[parent] if not hangs[atom]]
    if hangs[parent] or not inner:
        return None
    beyond = [atom for atom in graph[inner[0]] if not hangs[atom] and atom != parent]
    third = [*inner[1:], *beyond]
    return (parent, inner[0], third[0]) if third else None


def _turns(parent: int, own: list[int], constraints: list[tuple[int, int]]) -> bool:
    """Whether the pendant atoms may turn about their parent as constraints are."""
    inside = {parent, *own}
    touching = [pair for pair in constraints if not inside.isdisjoint(pair)]
    if all(inside.issuperset(pair) for pair in touching):
        return True
    # Constraints of the parent alone do not matter.
    return not any(set(pair) & set(own) for pair in touching)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1; of three atoms on a line, a zero stays zero."""
    sizes = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.maximum(sizes, np.finfo(float).tiny)
