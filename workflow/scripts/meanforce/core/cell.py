"""Periodic cells: box vectors a₁, a₂, a₃ in rows, triclinic ones included.

Functions take NumPy arrays and PyTorch tensors alike, and cells of shape (3, 3) or (n, 3, 3).
With the reciprocal vectors b_k (a_j·b_k = δ_jk), a vector d has the fractional coordinates d·b_k,
and two opposite faces are 1/|b_k| apart. A vector shorter than half of the smallest of these
widths has all |d·b_k| < ½, so that rounding finds it among its images whatever the cell's angles.
"""

from typing import TypeVar

Array = TypeVar("Array")


def reciprocal(cell: Array) -> Array:
    """Reciprocal vectors b_k in rows, without the factor 2π; 1/nm, shape of the cell."""
    second, third = cell[..., [1, 2, 0], :], cell[..., [2, 0, 1], :]
    normals = (
        second[..., [1, 2, 0]] * third[..., [2, 0, 1]]
        - second[..., [2, 0, 1]] * third[..., [1, 2, 0]]
    )
    volume = (cell[..., :1, :] * normals[..., :1, :]).sum(-1)
    return normals / volume[..., None]


def widths(cell: Array) -> Array:
    """Distances of opposite faces, nm, shape (3,) or (n, 3)."""
    return (reciprocal(cell) ** 2).sum(-1) ** -0.5


def smallest_width(cell: Array) -> float:
    """Smallest distance of opposite faces of all cells, nm."""
    return float(widths(cell).min())


def turns(vectors: Array, cell: Array) -> Array:
    """Box vectors, as whole numbers along each, that lie nearest to some vectors.

    Args:
        vectors: nm, shape (n, m, 3).
        cell: nm, shape (3, 3) or (n, 3, 3).

    Returns:
        shape (n, m, 3), in the type of the vectors.
    """
    return (vectors @ reciprocal(cell).swapaxes(-1, -2)).round()


def nearest_images(vectors: Array, cell: Array | None) -> Array:
    """The images of vectors whose fractional coordinates lie within ±½; shapes as in `turns`."""
    return vectors if cell is None else vectors - turns(vectors, cell) @ cell


def is_reduced(cell: Array) -> bool:
    """Whether a cell, shape (3, 3), has the form that OpenMM and LAMMPS take.

    The first vector lies along x, the second in the plane of x and y, and subtracting a vector
    from a later one would not make it shorter in that direction.
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = ([float(value) for value in row] for row in cell)
    slack = 1 + 1e-6
    return (
        xy == xz == yz == 0
        and min(xx, yy, zz) > 0
        and max(abs(yx), abs(zx)) <= slack * xx / 2
        and abs(zy) <= slack * yy / 2
    )
