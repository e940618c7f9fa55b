"""Runs of GROMACS, imported with their forces, against own sampling of the same files.

Both draw from the same density with the same forces, so that mean forces of beads and the noise
about them are the same.
"""

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from existing_runs import imported, job
from gmx import capped_alanine_pdb, needs_gmx, peptide_files, sample
from whole_path import mapped, sampled_and_mapped, system_of

from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.mapping.irreducible import irreducible_variance
from meanforce.statistics.errors import THREE_SIGMA, Error, quantile
from meanforce.statistics.series_mean import Mean, series_mean

pytestmark = [needs_gmx, pytest.mark.slow]

MAPPING = {"template": "heavy", "force_map": "aggregate"}
FRAMES, EVERY = 10000, 25
"""Frames, and steps of 2 fs between them: 500 ps."""

ALONG = (("C", "NME2"), ("ALA1-N", "NME2"))
BLOCKS = 20


def settings(folder: Path):
    return system_of(
        kind="gromacs", topology=str(folder / "peptide.top"),
        structure=str(folder / "peptide.gro"), nonbonded_method="none",
    )  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Sampled:
    """Datasets of the same molecule.

    Attributes:
        folder: of the files of GROMACS and the prepared system.
        own: frames that were sampled here.
        others: frames that GROMACS sampled at 300 K, and at 330 K.
        lines: that the import at 300 K reported.
    """

    folder: Path
    own: H5mdReader
    others: dict[float, H5mdReader]
    lines: list[str]


@pytest.fixture(scope="module")
def sampled(root, tmp_path_factory) -> Sampled:
    folder = tmp_path_factory.mktemp("gmx")
    peptide_files(folder, capped_alanine_pdb(root, folder), 12.0, "amber99sb-ildn")
    own = sampled_and_mapped(
        settings(folder), MAPPING, folder, platform="Reference", time_step=0.002,
        stride=0.002 * EVERY, length=0.002 * EVERY * FRAMES, equilibration=10.0,
    )  # fmt: skip
    others, lines = {}, []
    for temperature in (300.0, 330.0):
        name = f"at{temperature:.0f}"
        trr = sample(
            folder, name, steps=EVERY * FRAMES + 5000, every=EVERY, temperature=temperature, seed=7
        )
        wanted = job([str(trr)], begin=10.0 + 0.001, temperature=temperature)
        reported = imported(wanted, folder / "prepared", folder / name)
        found = mapped(settings(folder), MAPPING, folder / "prepared", folder / name)
        others[temperature], lines = found.dataset, lines or reported
    return Sampled(folder, own.dataset, others, lines)


def test_forces_of_gromacs_are_recomputed_ones(sampled):
    """Without the forces of rigid bonds, in single precision."""
    (line,) = [line for line in sampled.lines if "relative deviation" in line]
    assert float(line.split("relative deviation")[1].split()[0]) < 1e-3


def distances(dataset: H5mdReader) -> tuple[np.ndarray, np.ndarray]:
    """Distances of bonded beads and of two pairs that turn with φ and ψ, and forces along them.

    Returns:
        nm, shape (n, n_pairs), and kJ/mol/nm, of the same shape.
    """
    parameters = dataset.parameters
    pairs = [tuple(pair) for pair in parameters["bonds"]]
    names = parameters["bead_names"]
    pairs += [(names.index("ACE1-C"), names.index("ALA2-C"))]
    pairs += [(names.index("ALA2-N"), names.index("NME3-N"))]
    i, j = np.array(pairs).T
    r, f = dataset.positions().astype(float), dataset.forces().astype(float)
    apart = r[:, j] - r[:, i]
    lengths = np.linalg.norm(apart, axis=2)
    return lengths, 0.5 * ((f[:, j] - f[:, i]) * apart).sum(axis=2) / lengths


def conditional_means(dataset: H5mdReader, middle: np.ndarray) -> list[Mean]:
    """Mean forces along distances below and above some values, shape (n_pairs,)."""
    lengths, forces = distances(dataset)
    means = []
    for pair, value in enumerate(middle):
        for inside in (lengths[:, pair] < value, lengths[:, pair] >= value):
            # A ratio of means, whose error is that of a weighted mean.
            with np.errstate(divide="ignore"):
                means.append(series_mean([forces[:, pair]], [np.log(inside.astype(float))]))
    return means


def noise(dataset: H5mdReader) -> Mean:
    n = dataset.n_frames
    found = irreducible_variance(dataset.positions(), dataset.forces(), np.arange(n) * BLOCKS // n)
    return Mean(found.variance, Error(found.error, BLOCKS - 1))


def deviations(one: H5mdReader, other: H5mdReader) -> np.ndarray:
    """Differences of 22 mean forces and of the noise, in units of what chance explains by 3
    standard errors, shape (23,)."""
    middle = np.median(distances(one)[0], axis=0)
    first = [*conditional_means(one, middle), noise(one)]
    second = [*conditional_means(other, middle), noise(other)]
    apart = [a.plus(b.scaled(-1.0)) for a, b in zip(first, second, strict=True)]
    return np.array(
        [mean.value / (quantile(mean.error.dof, THREE_SIGMA) * mean.error.stderr) for mean in apart]
    )


def test_imported_and_own_sampling_have_the_same_mean_forces_and_noise(sampled):
    """By chance, three of 23 quantities deviate by more than 3 standard errors with a probability
    of 4e-5, and one of them by more than 6 with 1e-7."""
    found = deviations(sampled.own, sampled.others[300.0])
    assert len(found) == 23
    assert (np.abs(found) > 1).sum() <= 2, found
    assert np.abs(found).max() < 2, found


def test_another_temperature_is_seen(sampled):
    found = deviations(sampled.own, sampled.others[330.0])
    assert (np.abs(found) > 1).sum() > 2, found
    # The noise of forces is one of what differs.
    assert abs(found[-1]) > 1


def test_forces_that_were_written_less_often(sampled, tmp_path):
    trr = str(sample(
        sampled.folder, "rare", steps=500, every=EVERY, forces_every=2 * EVERY,
        temperature=300.0, seed=8,
    ))  # fmt: skip
    with pytest.raises(InputError, match=r"frame 1 has no forces.* set the trajectory's 'stride'"):
        imported(job([trr]), sampled.folder / "prepared", tmp_path / "all")
    lines = imported(job([trr], stride=2), sampled.folder / "prepared", tmp_path / "some")
    assert "11 frames of 22 atoms" in lines
