"""Checks of the forces of a replica on some of its frames, for any molecule."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import splu

from meanforce.errors import InputError
from meanforce.mapping.project import exactly

FRAMES = 200
"""Frames on which sums of forces and torques are checked."""

FLOAT = 1e-4
"""Relative error that counts as rounding of single precision."""


def bias_residuals(
    bias_forces: np.ndarray, configuration_map: csr_array, force_maps: Sequence[csr_array]
) -> dict[str, float]:
    """How far a bias's atomistic forces are from those of a function of the beads.

    If V depends on r through R = M r alone, its forces are f_b = Mᵀ g with g = −∂V/∂R. Least
    squares give g: M Mᵀ g = M f_b. What is left of f_b must vanish, and with B Mᵀ = 1
    mapped(biased) − mapped(unbiased) = B f_b = g.

    Args:
        bias_forces: f_b of the frames that the run stored them for, kJ/mol/nm, shape
            (n_frames, n_atoms, 3).
        configuration_map: M, shape (n_beads, n_atoms).
        force_maps: B of each time block, each of shape (n_beads, n_atoms).

    Returns:
        `bias_off_beads`: root mean square of f_b − Mᵀ g relative to f_b; `bias_mapped`: of
        B f_b − g relative to g, the largest of all blocks.
    """
    forces = bias_forces.astype(np.float64)
    on_beads = exactly(configuration_map, forces)
    solver = splu((configuration_map @ configuration_map.T).tocsc())
    by_bead = on_beads.transpose(1, 0, 2)
    solved = solver.solve(by_bead.reshape(len(by_bead), -1)).reshape(by_bead.shape)
    on_beads = solved.transpose(1, 0, 2)
    rest = forces - exactly(configuration_map.T.tocsr(), on_beads)
    mapped = [exactly(b, forces) for b in force_maps]
    return {
        "bias_off_beads": _relative(rest, forces),
        "bias_mapped": max((_relative(v - on_beads, on_beads) for v in mapped), default=0.0),
    }


def refuse_wrong_bias(residuals: dict[str, float], where: str) -> bool:
    """Whether the bias is a function of the beads.

    Raises:
        InputError: it is one, but its mapped forces are not −∂V/∂R.
    """
    if residuals["bias_off_beads"] >= FLOAT:
        return False
    if residuals["bias_mapped"] >= FLOAT:
        raise InputError(
            f"{where}: mapped forces with and without the bias differ by something else than "
            f"−∇V(R) (relative deviation {residuals['bias_mapped']:.1e}, allowed {FLOAT:g})"
        )
    return True


def sums(positions: np.ndarray, forces: np.ndarray) -> dict[str, float]:
    """Total forces and torques relative to their largest possible size.

    Args:
        positions: of atoms or beads in nm, shape (n_frames, n, 3).
        forces: on them, kJ/mol/nm, shape (n_frames, n, 3).

    Returns:
        `force`: root mean square of |Σf| relative to Σ|f|; `torque`: of |Σ x×f| relative to
        Σ|x||f|, x from the centre of each frame; `size`: root mean square of Σ|f|.
    """
    centred = positions - positions.mean(axis=1, keepdims=True)
    sizes = np.linalg.norm(forces, axis=2)
    # In a diatomic molecule x×f itself is rounding.
    levers = sizes * np.linalg.norm(centred, axis=2)
    return {
        "force": _total(forces, sizes),
        "torque": _total(np.cross(centred, forces), levers),
        "size": float(np.sqrt((sizes.sum(axis=1) ** 2).mean())),
    }


def refuse_wrong_sums(
    atoms: dict[str, float], beads: dict[str, float], all_alike: bool, where: str
) -> None:
    """Check what `sums` gives for atoms and beads of a molecule without a periodic box.

    Without an external field forces add up to zero, and so do torques, and the mapped forces if
    each atom's force is given to beads exactly once. Torques on beads need not, since a bead is not
    at the positions of its atoms.

    Args:
        atoms: of the atoms.
        beads: of the mapped forces.
        all_alike: whether all columns of B sum to 1.
        where: file, for the message.

    Raises:
        InputError: a sum does not vanish.
    """
    if atoms["force"] >= FLOAT:
        return
    if atoms["torque"] >= FLOAT:
        raise InputError(
            f"{where}: its forces add up to zero, but its torques do not (relative size "
            f"{atoms['torque']:.1e}, allowed {FLOAT:g}); forces and positions are not of the same "
            "frames"
        )
    # Forces within a bead cancel, so that a small sum is a larger part of what is left.
    allowed = FLOAT * max(1.0, atoms["size"] / beads["size"] if beads["size"] else 1.0)
    if all_alike and beads["force"] >= allowed:
        raise InputError(
            f"{where}: forces on all atoms add up to zero, but mapped ones do not (relative size "
            f"{beads['force']:.1e}, allowed {allowed:.1g})"
        )


def _total(values: np.ndarray, sizes: np.ndarray) -> float:
    """Of the sum over atoms of values, (n_frames, n, 3), relative to their sizes, (n_frames, n)."""
    return _relative(np.linalg.norm(values.sum(axis=1), axis=1), sizes.sum(axis=1))


def _relative(part: np.ndarray, whole: np.ndarray) -> float:
    square = float((whole**2).sum())
    return float(np.sqrt((part**2).sum() / square)) if square > 0 else 0.0
