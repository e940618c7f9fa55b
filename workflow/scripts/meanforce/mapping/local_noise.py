"""Noise of the forces in a liquid: what no sum over the neighbours of a bead explains.

In a box of molecules no two frames are alike, so that the nearest frames of `mapping.irreducible`
are of no use: the same is true of a bead's surroundings only. Here the forces (or forces minus a
model's prediction) on the beads of each place in each molecule type are fitted by least squares
with sums over neighbours j, which turn with the liquid:

    f_i = Σ_j B_k(r_ij) r̂_ij · {1, ρ_j, ρ_i},

of beads of other molecules, by their types, and of those of the same molecule, each with functions
of its own. B_k are piecewise linear; ρ is the smoothed number of neighbours. So every sum of pair
potentials is in the fit, and every embedding function of the density to second order.

The fit to one half of the time blocks is judged on the other half, both ways. The mean square of
what remains is that of the noise and of all that such sums do not explain: an upper bound of the
irreducible part, that no fit to its own frames draws down. It finds a model that misses forces of
this form, and is silent about others, such as those of angles between three molecules.
"""

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from meanforce.core.cell import smallest_width
from meanforce.core.neighbours import pair_vectors
from meanforce.core.topology import Topology
from meanforce.mapping.irreducible import block_error

REACH = 1.2
"""nm; neighbours beyond are left out, and beyond half of the box."""

FUNCTIONS = 20
"""Piecewise linear functions of the distance, for each type of neighbour."""

RIDGE = 1e-8
"""Relative to the diagonal of the normal matrix: for distances at which no neighbour is."""

BEADS = 20_000
"""Positions of beads whose neighbours are summed at once."""


@dataclasses.dataclass(frozen=True)
class LocalFrames:
    """Frames of several molecules in a box.

    Attributes:
        positions: nm, shape (n, n_beads, 3).
        forces: kJ/mol/nm, or forces minus a prediction, shape (n, n_beads, 3).
        cell: nm, shape (3, 3) or (n, 3, 3).
        blocks: time block of each frame, shape (n,).
        molecule: the beads.
    """

    positions: np.ndarray
    forces: np.ndarray
    cell: np.ndarray
    blocks: np.ndarray
    molecule: Topology

    def parts(self) -> list[slice]:
        """Frames that are evaluated at once."""
        size = max(1, BEADS // self.molecule.size)
        return [slice(start, start + size) for start in range(0, len(self.positions), size)]


@dataclasses.dataclass(frozen=True)
class LocalNoise:
    """Variance per force component that carries force.

    Attributes:
        variance: (kJ/mol/nm)², an upper bound.
        error: its standard error, from blocks.
    """

    variance: float
    error: float


def local_noise(frames: LocalFrames) -> LocalNoise:
    """Mean square of the forces on held-out blocks, less what sums over neighbours explain."""
    carries = (frames.forces != 0).any(axis=0)
    places = _places(frames.molecule)
    half = np.unique(frames.blocks, return_inverse=True)[1] % 2
    describe = _description(frames.molecule, frames.cell)
    n, sites = len(places), int(places.max()) + 1
    matrices: dict[tuple[int, int], np.ndarray] = {}
    vectors: dict[tuple[int, int], np.ndarray] = {}
    for part in frames.parts():
        design = describe(frames.positions[part], _cells(frames.cell, part))
        forces = frames.forces[part].astype(float)
        for site in range(sites):
            own = places == site
            for side in np.unique(half[part]):
                some = half[part] == side
                rows = design[some][:, own].reshape(-1, design.shape[-1])
                target = forces[some][:, own].reshape(-1)
                key = (site, int(side))
                matrices[key] = matrices.get(key, 0.0) + rows.T @ rows
                vectors[key] = vectors.get(key, 0.0) + rows.T @ target
    fits = {key: _solved(matrices[key], vectors[key]) for key in matrices}
    squares, bare = np.empty((len(frames.positions), n)), np.empty((len(frames.positions), n))
    for part in frames.parts():
        design = describe(frames.positions[part], _cells(frames.cell, part))
        forces = frames.forces[part].astype(float)
        left = forces.copy()
        for site in range(sites):
            own = np.flatnonzero(places == site)
            for side in np.unique(half[part]):
                some = np.flatnonzero(half[part] == side)
                fit = fits.get((site, 1 - int(side)))
                if fit is not None:
                    left[np.ix_(some, own)] -= design[np.ix_(some, own)] @ fit
        squares[part] = ((left * carries) ** 2).sum(axis=2)
        bare[part] = ((forces * carries) ** 2).sum(axis=2)
    # Where there is nothing to explain, or too few frames, the fit only adds noise.
    components = max(1, int(carries.sum()))
    for site in range(sites):
        own = places == site
        if bare[:, own].mean() < squares[:, own].mean():
            squares[:, own] = bare[:, own]
    each = squares.sum(axis=1) / components
    return LocalNoise(float(each.mean()), block_error(each, frames.blocks))


def _places(molecule: Topology) -> np.ndarray:
    """Number of the place of each bead: alike for the same bead of molecules of a type."""
    kinds = [kind.name for kind, count in molecule.composition for _ in range(count)]
    known: dict[tuple[str, int], int] = {}
    first = molecule.offsets[molecule.molecule_of_bead]
    return np.array(
        [
            known.setdefault((kinds[owner], bead - start), len(known))
            for bead, (owner, start) in enumerate(
                zip(molecule.molecule_of_bead, first, strict=True)
            )
        ]
    )


def _cells(cell: np.ndarray, part: slice) -> np.ndarray:
    return cell if cell.ndim == 2 else cell[part]


def _solved(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """Coefficients of least squares; those of functions that are nowhere are zero."""
    matrix = matrix.copy()
    scale = np.sqrt(np.diagonal(matrix))
    kept = scale > 1e-6 * scale.max(initial=1e-300)
    found = np.zeros(len(vector))
    if not kept.any():
        return found
    scaled = matrix[np.ix_(kept, kept)] / np.outer(scale[kept], scale[kept])
    scaled[np.diag_indices_from(scaled)] += RIDGE
    found[kept] = cho_solve(cho_factor(scaled), vector[kept] / scale[kept]) / scale[kept]
    return found


def _description(
    molecule: Topology, cell: np.ndarray
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """A function of positions and cells that gives the sums, (n, n_beads, 3, n_functions)."""
    reach = min(REACH, 0.499 * smallest_width(cell))
    owner, size = molecule.molecule_of_bead, molecule.size
    place = np.arange(size) - molecule.offsets[owner]
    types = np.unique(molecule.types, return_inverse=True)[1]
    n_types, longest = int(types.max()) + 1, int(place.max()) + 1
    inner = longest if longest > 1 else 0
    # Channels of neighbours: by type in other molecules, by place in the same one.
    channels = n_types + inner
    width = reach / FUNCTIONS

    def describe(positions: np.ndarray, cells: np.ndarray) -> np.ndarray:
        found = pair_vectors(positions, cells, reach)
        unit = found.vectors / np.maximum(found.distances, 1e-9)
        row = found.frame * size
        centre = np.concatenate([row + found.first, row + found.second])
        other = np.concatenate([row + found.second, row + found.first])
        unit, r = np.concatenate([unit, -unit], axis=1), np.tile(found.distances, 2)
        same = owner[centre % size] == owner[other % size]
        channel = np.where(same, n_types + place[other % size], types[other % size])
        x = np.minimum(r / width, FUNCTIONS - 1e-9)
        low = x.astype(int)
        shares = (1 - (x - low), x - low)
        n = len(positions) * size
        smooth = np.where(same, 0.0, (1 - (r / reach) ** 2) ** 2)
        density = np.bincount(centre, weights=smooth, minlength=n)
        density = density / max(density.mean(), 1e-9) - 1.0
        # The last function, at the cutoff, is left out: all sums vanish there.
        sums = np.zeros((3, 2, n * channels * (FUNCTIONS + 1)))
        for step, share in enumerate(shares):
            flat = (centre * channels + channel) * (FUNCTIONS + 1) + low + step
            for axis in range(3):
                for number, factor in enumerate((share, share * density[other])):
                    sums[axis, number] += np.bincount(
                        flat, weights=factor * unit[axis], minlength=sums.shape[2]
                    )
        sums = sums.reshape(3, 2, n, channels, FUNCTIONS + 1)[..., :FUNCTIONS]
        sums = np.concatenate([sums, sums[:, :1] * density[:, None, None]], axis=1)
        sums = np.moveaxis(sums, (2, 0), (0, 1)).reshape(len(positions), size, 3, -1)
        return sums

    return describe
