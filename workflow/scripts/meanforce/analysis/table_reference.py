"""A table of free energies in the place of a reference's frames.

The table becomes a sample with one frame for each bin of each of n units. The sum of the units is
the table, and their scatter gives its errors, so that floors, error bars and verdicts are those of
a reference with n independent repeats. Repeats that are given are the units. From standard errors
σ_b of single bins, which are taken as independent, units are made:

    u_ib = p_b/n · (1 + s_ib σ_b/kT · √(n − 1)),

with random signs s_ib, as many + as −, in each bin, so that Σ_i e_ib² of the units' residuals is
(p_b σ_b/kT)², the variance of the population that the error of its free energy stands for.
"""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from meanforce.analysis.samples import Sample
from meanforce.analysis.surfaces import Axes, block_histograms
from meanforce.core.topology import Topology
from meanforce.data.surface_tables import SurfaceTable, read_table
from meanforce.errors import InputError
from meanforce.settings.references import TableReferenceSettings
from meanforce.statistics.free_energies import free_energy
from meanforce.statistics.resampling import residuals
from meanforce.units import KCAL, kt

UNITS = 100
"""Units that stand for errors of single bins: an even number."""

FACTORS = {"rad": 1.0, "deg": np.pi / 180, "nm": 1.0, "angstrom": 0.1, "none": 1.0}
"""Internal units in a unit of a variable."""

OFF = 0.05
"""Largest distance of a bin's centre from where it should be, in widths of bins."""


@dataclasses.dataclass(frozen=True, eq=False)
class TableReference:
    """A table as a reference.

    Attributes:
        sample: its bins as frames of independent units; one unit where there are no errors.
        has_errors: whether its errors are known.
    """

    sample: Sample
    has_errors: bool


def table_reference(
    settings: TableReferenceSettings,
    paths: Sequence[Path],
    axes: Axes,
    temperature: float,
    rng: np.random.Generator,
) -> TableReference:
    """The reference that some files are, on the bins of a surface.

    Args:
        settings: names and units of their columns.
        paths: a file, or one for each repeat.
        axes: of the surface; its variables are those of the table, in any order.
        temperature: K.
        rng: of the signs of errors.

    Raises:
        InputError: a file cannot be read, or its bins do not fit those of the surface.
    """
    kT = kt(temperature)
    scale = {"kT": 1.0, "kJ/mol": 1 / kT, "kcal/mol": KCAL / kT}[settings.unit]
    shape = tuple(len(edges) - 1 for edges in axes.edges)
    parts = []
    for path in paths:
        table = read_table(path, list(axes.names), settings.free_energy, settings.error)
        place, inside = _places(path, table, axes, settings)
        energy = scale * table.free_energies[inside]
        populations = np.exp(-(energy - energy.min()))
        populations /= populations.sum()
        units = populations[None]
        if table.errors is not None:
            units = _with_errors(populations, scale * table.errors[inside], rng)
        flat = [np.bincount(place, weights=unit, minlength=int(np.prod(shape))) for unit in units]
        parts.append(np.array(flat) / len(paths))
    return TableReference(_sample(np.concatenate(parts), axes), len(parts) > 1 or len(parts[0]) > 1)


def exported(sample: Sample, axes: Axes, kT: float) -> SurfaceTable:
    """A sample as a table, with standard errors of bins that its units cause.

    Args:
        sample: frames of a reference.
        axes: of the table's bins.
        kT: in the unit of the free energies.
    """
    units = block_histograms(sample, axes, "reference")
    return _table(units.reshape(len(units), -1), axes, kT)


def exported_repeats(sample: Sample, axes: Axes, kT: float) -> list[SurfaceTable]:
    """Each independent unit of a sample (replica or time block) as a table without errors."""
    units = block_histograms(sample, axes, "reference")
    return [_table(unit.reshape(1, -1), axes, kT) for unit in units if unit.sum() > 0]


def _table(units: np.ndarray, axes: Axes, kT: float) -> SurfaceTable:
    """Units of shape (n_units, n_bins) as one table; a single one has no errors."""
    populations = np.maximum(units.sum(axis=0), 0.0)
    grids = np.meshgrid(*axes.centers, indexing="ij")
    errors = None
    if len(units) > 1:
        spread = np.sqrt((residuals(units) ** 2).sum(axis=0))
        errors = np.full_like(populations, np.nan)
        np.divide(kT * spread, populations, out=errors, where=populations > 0)
    centers = np.column_stack([grid.ravel() for grid in grids])
    return SurfaceTable(centers, free_energy(populations, kT), errors)


def _with_errors(
    populations: np.ndarray, errors: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Units of bins with independent errors in kT, shape (UNITS, n_bins)."""
    errors = np.where(np.isnan(errors), 1.0, errors)
    signs = np.tile(np.repeat([[1.0], [-1.0]], UNITS // 2, axis=0), (1, len(populations)))
    signs = rng.permuted(signs, axis=0)
    return populations / UNITS * (1 + np.sqrt(UNITS - 1) * errors * signs)


def _sample(units: np.ndarray, axes: Axes) -> Sample:
    """Units of shape (n_units, n_bins) as frames at the bins' centres."""
    n_units, n_bins = units.shape
    grids = np.meshgrid(*axes.centers, indexing="ij")
    centers = np.column_stack([grid.ravel() for grid in grids])
    number = np.repeat(np.arange(n_units), n_bins)
    return Sample(
        positions=np.zeros((n_units * n_bins, 1, 3)),
        variables=np.tile(centers, (n_units, 1)),
        weights=units.ravel(),
        blocks=number,
        chains=number,
        n_blocks=n_units,
        molecule=Topology.of_beads(("table",), ("table",), ()),
    )


def _places(
    path: Path, table: SurfaceTable, axes: Axes, settings: TableReferenceSettings
) -> tuple[np.ndarray, np.ndarray]:
    """Flat bin of the surface of each entry on it, shape (n,), and which entries these are."""
    columns, fine, inside = [], [], np.ones(len(table.centers), dtype=bool)
    for number, name in enumerate(axes.names):
        values = FACTORS[settings.variables[name]] * table.centers[:, number]
        own = _along(path, name, values, axes.edges[number], axes.periodic[number])
        size = len(axes.edges[number]) - 1
        inside &= (own.bins >= 0) & (own.bins < size * own.parts)
        columns.append(own.bins // own.parts)
        fine.append(own.bins)
    _, counts = np.unique(np.column_stack(fine), axis=0, return_counts=True)
    if (counts > 1).any():
        raise InputError(f"{path}: has a bin twice")
    inside &= np.isfinite(table.free_energies)
    if not inside.any():
        raise InputError(
            f"{path}: no bin with a free energy lies on the surface that is validated; check the "
            "units of 'variables', and 'lower' and 'upper' of the validation"
        )
    shape = tuple(len(edges) - 1 for edges in axes.edges)
    return np.ravel_multi_index([column[inside] for column in columns], shape), inside


@dataclasses.dataclass(frozen=True, eq=False)
class _Bins:
    """Bins of a table's entries along one variable.

    Attributes:
        bins: number of each, from the lower end of the surface, shape (n,).
        parts: how many of them make a bin of the surface.
    """

    bins: np.ndarray
    parts: int


def _along(path: Path, name: str, values: np.ndarray, edges: np.ndarray, periodic: bool) -> _Bins:
    low, size = edges[0], len(edges) - 1
    span = edges[-1] - edges[0]
    known = np.unique(values)
    steps = np.diff(known)
    # Centres that are rounded differ by less than this.
    steps = steps[steps > OFF * span / size / 10]
    width = float(np.median(steps)) if len(steps) else span / size
    parts = max(1, round(span / size / width))
    exact = span / size / parts
    if periodic:
        values = low + (values - low) % span
    places = (values - low) / exact - 0.5
    bins = np.rint(places).astype(int)
    # Wider bins whose centres fall on finer ones would leave most of the surface empty.
    if (np.abs(places - bins) > OFF).any() or width > (1.0 + OFF) * span / size:
        raise InputError(
            f"{path}: bins along '{name}' are {width:.4g} wide, with centres such as "
            f"{known[0]:.4g}; the validation has {size} bins from {low:.4g} to {edges[-1]:.4g}, "
            f"and centres must be in the middle of these or of equal parts of them; set 'bins' of "
            "the validation, or give a table on its grid"
        )
    if periodic:
        bins %= size * parts
    return _Bins(bins, parts)
