"""A table of free energies as the reference of a comparison."""

import dataclasses

import numpy as np
import pytest
from comparisons import by_name, compare
from correlated_pairs import PI, VALIDATION, VARIABLES, Surface
from correlated_pairs import comparison as pair

from meanforce.analysis.metrics import basins, divergence, populations
from meanforce.analysis.rows import without_errors
from meanforce.analysis.samples import Sample
from meanforce.analysis.table_reference import exported, exported_repeats, table_reference
from meanforce.analysis.verdict import _beyond
from meanforce.core.topology import Topology
from meanforce.data.surface_tables import SurfaceTable, read_table, write_table
from meanforce.errors import InputError
from meanforce.settings.job import validated
from meanforce.settings.references import TableReferenceSettings
from meanforce.units import kt

NAMES = ["phi", "psi"]
METRICS = (divergence, basins, populations)


def settings(files=("t.csv",), **changes) -> TableReferenceSettings:
    values = {
        "kind": "table", "files": {"T": list(files)}, "unit": "kJ/mol",
        "variables": {"phi": "rad", "psi": "rad"},
    }  # fmt: skip
    return validated(TableReferenceSettings, values | changes, "references.s.t")


@pytest.fixture(scope="module")
def surface(root):
    return Surface.of(np.load(root / "tests" / "data" / "capped_alanine_density.npy"))


def against_table(model: Sample, made, **changes):
    """The comparison of a model with a table."""
    plain = compare(model, None, variables=VARIABLES, **VALIDATION | changes)
    return dataclasses.replace(plain, table=made)


def rows_of(comparison) -> dict:
    return by_name([row for metric in METRICS for row in metric.rows(comparison)])


@pytest.fixture(scope="module")
def walks(surface):
    """A model and a reference of four replicas."""
    rng = np.random.default_rng(3)
    model = surface.walk(100, 150, rng, 2, 250, spread=True)
    reference = surface.walk(4, 15000, rng)
    return (
        surface.sample(model, rng, 20),
        surface.sample(reference, rng, 10, replicas=True),
    )


@pytest.mark.parametrize("unit", ["kT", "kJ/mol", "kcal/mol"])
def test_a_table_of_a_campaign_gives_what_the_campaign_gives(walks, tmp_path, unit):
    model, reference = walks
    whole = pair(model, reference, 1)
    wanted = rows_of(whole)
    kT = {"kT": 1.0, "kJ/mol": kt(300.0), "kcal/mol": kt(300.0) / 4.184}[unit]
    write_table(tmp_path / "t.csv", exported(reference, whole.axes, kT), NAMES, ["a comment"])
    made = table_reference(
        settings(error="error", unit=unit), [tmp_path / "t.csv"], whole.axes, 300.0,
        np.random.default_rng(1),
    )  # fmt: skip
    assert made.has_errors
    comparison = against_table(model, made)
    found = rows_of(comparison)
    assert set(found) == set(wanted)
    for name in ("js_phi_psi", "fes_rmse", "barrier_phi_error", "coverage_phi_psi"):
        assert found[name].value == pytest.approx(wanted[name].value, rel=1e-6), name
    # Edges of basins cut bins: a table has these as a whole.
    for name in ("delta_f_alphaR_beta_error", "delta_f_phi_positive_error"):
        assert found[name].value == pytest.approx(wanted[name].value, abs=0.08), name
    # The noise of single bins is that of the campaign.
    for name in ("js_phi_psi", "fes_rmse"):
        assert found[name].noise_floor_reference == pytest.approx(
            wanted[name].noise_floor_reference, rel=0.25
        )
    # That of basins is not: it moves whole basins together.
    error = "delta_f_alphaR_beta_reference"
    assert found[error].stderr < 0.5 * wanted[error].stderr


def test_repeats_have_the_errors_of_the_campaign(walks, tmp_path):
    model, reference = walks
    whole = pair(model, reference, 1)
    wanted = rows_of(whole)
    paths = []
    for number, table in enumerate(exported_repeats(reference, whole.axes, kt(300.0))):
        paths.append(tmp_path / f"{number}.csv")
        write_table(paths[-1], table, NAMES)
    assert len(paths) == 4
    made = table_reference(
        settings([str(path) for path in paths]), paths, whole.axes, 300.0, np.random.default_rng(1)
    )
    found = rows_of(against_table(model, made))
    # Replicas do not have the same total weight, but nearly.
    for name in ("js_phi_psi", "fes_rmse"):
        assert found[name].value == pytest.approx(wanted[name].value, rel=0.1)
        assert found[name].noise_floor == pytest.approx(wanted[name].noise_floor, rel=0.1)
    error = "delta_f_alphaR_beta_reference"
    assert found[error].stderr == pytest.approx(wanted[error].stderr, rel=0.4)
    assert found[error].dof == wanted[error].dof == 3


def test_errors_of_bins_are_those_of_the_table(tmp_path):
    """What is read from a table and exported again has its errors.

    Chance correlations of the units' signs with what all bins have in common, 1/√99 at most times
    its share, move single errors by some percent, and their mean by less.
    """
    rng = np.random.default_rng(2)
    n = 20
    model = coarse_model(rng, np.full((n, n), n**-2.0))
    axes = compare(model, None, variables=VARIABLES, **VALIDATION | {"bins": n}).axes
    energies, errors = rng.uniform(0, 3, n * n), rng.uniform(0.05, 0.4, n * n)
    grids = np.meshgrid(*axes.centers, indexing="ij")
    table = SurfaceTable(np.column_stack([g.ravel() for g in grids]), energies, errors)
    write_table(tmp_path / "t.csv", table, NAMES)
    chosen = settings(error="error", unit="kT")
    made = table_reference(chosen, [tmp_path / "t.csv"], axes, 300.0, rng)
    again = exported(made.sample, axes, 1.0)
    np.testing.assert_allclose(again.free_energies, energies - energies.min(), atol=1e-7)
    np.testing.assert_allclose(again.errors, errors, rtol=0.15)
    assert (again.errors / errors).mean() == pytest.approx(1.0, abs=0.01)


def coarse_model(rng, density: np.ndarray, n: int = 20000) -> Sample:
    """Independent draws of a density on (φ, ψ), in 20 groups."""
    size = len(density)
    drawn = rng.choice(density.size, n, p=density.ravel() / density.sum())
    places = np.stack(np.divmod(drawn, size), axis=1)
    angles = (places + rng.random(places.shape)) / size * 2 * PI - PI
    group = np.arange(n) * 20 // n
    return Sample(
        np.zeros((n, 1, 3)), angles, np.full(n, 1 / n), group, group, 20,
        Topology.of_beads(("X",), ("X",), ()),
    )  # fmt: skip


def null_pair(seed: int, density: np.ndarray, tmp_path):
    """Rows of a perfect model against a table whose errors are as it claims."""
    rng = np.random.default_rng([5, seed])
    size = len(density)
    energy = -np.log(density)
    errors = 0.05 + 0.1 * (energy - energy.min()) / 3
    noisy = energy + errors * rng.standard_normal(energy.shape)
    model = coarse_model(rng, density)
    bins = {**VALIDATION, "bins": size}
    axes = compare(model, None, variables=VARIABLES, **bins).axes
    grids = np.meshgrid(*axes.centers, indexing="ij")
    path = tmp_path / f"{seed}.csv"
    centers = np.column_stack([grid.ravel() for grid in grids])
    write_table(path, SurfaceTable(centers, noisy.ravel(), errors.ravel()), NAMES)
    made = table_reference(settings(error="error", unit="kT"), [path], axes, 300.0, rng)
    return rows_of(against_table(model, made, **bins))


@pytest.mark.slow
def test_perfect_models_are_worse_in_one_of_twenty_cases(tmp_path):
    """Of 60 pairs, 3 are expected; more than 12 have a probability of 1e-5."""
    axis = (np.arange(20) + 0.5) / 20 * 2 * PI - PI
    density = np.exp(1.2 * np.cos(axis + 1.3)[:, None] + 1.2 * np.cos(2 * axis)[None, :])
    found = [null_pair(seed, density / density.sum(), tmp_path) for seed in range(60)]
    for name in (
        "js_phi_psi", "fes_rmse", "delta_f_alphaR_beta_error", "delta_f_phi_positive_error",
        "barrier_phi_error", "population_alphaR_error",
    ):  # fmt: skip
        rows = [one[name] for one in found]
        values = np.abs([row.value for row in rows])
        assert np.mean(values > [row.resolution for row in rows]) <= 12 / 60, name
        # The mean of 60 |errors| is known to 10 %.
        floors = np.mean([row.noise_floor for row in rows])
        assert values.mean() == pytest.approx(floors, rel=0.4), name


def test_without_errors_there_is_no_verdict(walks, tmp_path):
    model, reference = walks
    whole = pair(model, reference, 1)
    table = exported(reference, whole.axes, kt(300.0))
    write_table(tmp_path / "t.csv", dataclasses.replace(table, errors=None), NAMES)
    made = table_reference(
        settings(), [tmp_path / "t.csv"], whole.axes, 300.0, np.random.default_rng(1)
    )
    assert not made.has_errors
    found = rows_of(against_table(model, made))
    for name in ("js_phi_psi", "delta_f_alphaR_beta_error"):
        row = without_errors(found[name])
        assert row.value == found[name].value
        assert np.isnan([row.noise_floor, row.stderr, row.resolution]).all()
        assert _beyond(row) is None


def test_finer_and_shifted_and_incomplete_grids(walks, tmp_path):
    """Bins that divide those of the validation; φ from 0 to 360°; bins left out; NPZ."""
    model, reference = walks
    whole = pair(model, reference, 1)
    fine = pair(model, reference, 1)
    fine = dataclasses.replace(
        fine, validation=fine.validation.model_copy(update={"bins": 180})
    )  # fmt: skip
    table = exported(reference, fine.axes, kt(300.0))
    known = np.isfinite(table.free_energies)
    degrees = np.rad2deg(table.centers) % 360
    np.savez(
        tmp_path / "t.npz", phi=degrees[known, 0], psi=degrees[known, 1],
        free_energy=table.free_energies[known],
    )  # fmt: skip
    made = table_reference(
        settings(variables={"psi": "deg", "phi": "deg"}), [tmp_path / "t.npz"], whole.axes, 300.0,
        np.random.default_rng(1),
    )  # fmt: skip
    found, wanted = rows_of(against_table(model, made)), rows_of(whole)
    assert found["js_phi_psi"].value == pytest.approx(wanted["js_phi_psi"].value, rel=1e-6)
    # The same as a grid.
    n = len(whole.axes.centers[0])
    grid = exported(reference, whole.axes, kt(300.0)).free_energies.reshape(n, n)
    np.savez(
        tmp_path / "g.npz", phi=whole.axes.centers[0], psi=whole.axes.centers[1], free_energy=grid
    )
    again = read_table(tmp_path / "g.npz", NAMES, "free_energy", None)
    assert again.centers.shape == (n * n, 2)
    np.testing.assert_array_equal(again.free_energies, grid.ravel())


GOOD = "phi,psi,free_energy,error\n0.05,0.05,0,0.1\n"
COARSE = -np.pi + 2 * np.pi * (np.arange(20) + 0.5) / 20
BAD = {
    "no such file": (None, "cannot be read as a CSV table"),
    "another column": ("phi,psi,F\n0,0,1\n", "has no column 'free_energy'; its columns are phi"),
    "text": ("phi,psi,free_energy,error\n0,0,abc,1\n", "'abc' in the column 'free_energy' is not"),
    "no energies": ("phi,psi,free_energy,error\n0,0,,1\n", "has no finite free energy"),
    "−∞": ("phi,psi,free_energy,error\n0,0,-inf,1\n", "a free energy is −∞"),
    "no place": ("phi,psi,free_energy,error\n,0,1,1\n", "phi or psi is not a finite number"),
    "negative error": ("phi,psi,free_energy,error\n0,0,1,-1\n", "in 'error' is negative"),
    "infinite error": ("phi,psi,free_energy,error\n0,0,1,inf\n", "in 'error' is negative or inf"),
    # 20 bins on 60: each centre is also one of the finer bins.
    "coarser": (
        "phi,psi,free_energy,error\n"
        + "".join(f"{x:.6f},{y:.6f},1,1\n" for x in COARSE for y in COARSE),
        r"bins along 'phi' are 0\.3142 wide, .* the validation has 60 bins",
    ),
    "twice": (GOOD + "0.05,0.05,0,0.1\n", "has a bin twice"),
    "another grid": (
        "phi,psi,free_energy,error\n"
        + "".join(f"{x:.4f},{y:.4f},1,1\n" for x in np.arange(0, 3, 0.17) for y in (0.05, 0.16)),
        r"bins along 'phi' are 0\.17 wide, .* the validation has 60 bins .* set 'bins'",
    ),
    "empty": ("", "cannot be read as a CSV table"),
    # Without a check, these shift all columns by one.
    "longer rows": ("phi,psi,free_energy,error\n0,0,1,1,5\n", "row 1 has 5 values, .* 4 columns"),
    "shorter rows": (GOOD + "0,0,1\n", "row 2 has 3 values, but there are 4 columns"),
    "two columns of one name": (
        "phi,psi,free_energy,free_energy,error\n0,0,1,1,5\n", "has 2 columns 'free_energy'",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_tables_are_refused_in_one_sentence(case, tmp_path, walks):
    text, message = BAD[case]
    path = tmp_path / "t.csv"
    if text is not None:
        path.write_text(text)
    axes = compare(walks[0], None, variables=VARIABLES, **VALIDATION).axes
    with pytest.raises(InputError, match=message) as raised:
        table_reference(settings(error="error"), [path], axes, 300.0, np.random.default_rng(1))
    assert str(path) in str(raised.value) and "\n" not in str(raised.value)


def test_damaged_and_pickled_arrays_are_refused(tmp_path):
    path = tmp_path / "t.npz"
    path.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(InputError, match="cannot be read as an NPZ file"):
        read_table(path, NAMES, "free_energy", None)
    np.savez(path, phi=np.array([{}], dtype=object), psi=np.zeros(1), free_energy=np.zeros(1))
    with pytest.raises(InputError, match="cannot be read as an NPZ file"):
        read_table(path, NAMES, "free_energy", None)
    np.savez(path, phi=np.zeros(3), psi=np.zeros(2), free_energy=np.zeros(3))
    with pytest.raises(InputError, match="columns have different shapes"):
        read_table(path, NAMES, "free_energy", None)
    np.savez(path, phi=np.zeros(3), psi=np.zeros(3), free_energy=np.zeros(3) + 1j)
    with pytest.raises(InputError, match="'free_energy' is of type complex128, not numbers"):
        read_table(path, NAMES, "free_energy", None)


def test_commas_at_the_end_of_rows_are_no_columns(tmp_path):
    """As spreadsheets write them; the first column is no index either."""
    path = tmp_path / "t.csv"
    path.write_text("\ufeff# F\nphi,psi,free_energy\n0.1,0.2,3,\n0.3, 0.4,,\n", encoding="utf-8")
    table = read_table(path, NAMES, "free_energy", None)
    np.testing.assert_array_equal(table.centers, [[0.1, 0.2], [0.3, 0.4]])
    np.testing.assert_array_equal(table.free_energies, [3.0, np.inf])
