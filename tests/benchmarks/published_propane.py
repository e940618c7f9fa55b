"""Liquid propane of our own against the published distributions of the same force field.

    python tests/benchmarks/published_propane.py results/propane/propane/T200/*/*/groups.h5

The datasets are those of `snakemake --cores 2 --configfile config/propane.yaml`. Prints mean and
standard deviation of the bond and the angle, and for each pair of types the largest and the root
mean square difference of g(r) from 0.30 to 1.40 nm, with standard errors from the scatter of the
datasets. Published: resources/references/propane.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "workflow" / "scripts"))

from meanforce.core.neighbours import pair_vectors  # noqa: E402
from meanforce.data.h5md import H5mdReader  # noqa: E402

ORDER = ("A1", "A2", "B")
"""Beads of a molecule in the datasets; B is the middle one."""

PAIRS = ("A-A", "A-B", "B-B")
FIRST, LAST, ROW = 0.30, 1.40, 0.005
"""Range, and width of the bins about the rows of the tables, nm."""

EVERY, CHUNK = 2, 25
"""Frames that are used, and how many at once."""


def published(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Places in nm and g(r) of a published table, in the range."""
    table = np.loadtxt(
        ROOT / "resources" / "references" / "propane" / f"{name}.dist.tgt", usecols=(0, 1)
    )
    r, g = table[(table[:, 0] > FIRST - ROW / 2) & (table[:, 0] < LAST + ROW / 2)].T
    return r, g


def distributions(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """g(r) in bins about FIRST, FIRST + ROW, …, of each of `PAIRS`; bonds in nm; angles in rad."""
    edges = FIRST - ROW / 2 + ROW * np.arange(round((LAST - FIRST) / ROW) + 2)
    with H5mdReader(path) as reader:
        positions, cell = reader.positions()[::EVERY].astype(np.float64), reader.box()
        names = tuple(name.rsplit("-", 1)[-1] for name in reader.parameters["bead_names"][:3])
    if names != ORDER:
        raise SystemExit(f"{path}: beads of a molecule are {names}; allowed is {ORDER}")
    n = positions.shape[1] // 3
    middle, molecule = np.tile([0, 0, 1], n), np.repeat(np.arange(n), 3)
    counts = np.zeros((3, len(edges) - 1))
    for start in range(0, len(positions), CHUNK):
        found = pair_vectors(positions[start : start + CHUNK], cell, edges[-1])
        apart = molecule[found.first] != molecule[found.second]
        kind = middle[found.first] + middle[found.second]
        for number in range(3):
            counts[number] += np.histogram(found.distances[apart & (kind == number)], edges)[0]
    shells = 4 / 3 * np.pi * np.diff(edges**3) / np.linalg.det(cell)
    pairs = np.array([(2 * n) ** 2 / 2, 2 * n * n, n * n / 2])[:, None]
    arms = positions.reshape(-1, n, 3, 3)
    arms = arms[:, :, :2] - arms[:, :, 2:]
    arms -= np.diag(cell) * np.round(arms / np.diag(cell))
    lengths = np.linalg.norm(arms, axis=3)
    cosines = (arms[:, :, 0] * arms[:, :, 1]).sum(2) / lengths.prod(2)
    return counts / pairs / shells / len(positions), lengths.ravel(), np.arccos(cosines).ravel()


def main() -> None:
    """Prints the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("datasets", nargs="+", type=Path)
    found = [distributions(path) for path in parser.parse_args().datasets]
    for name, number, unit in (("bond", 1, "nm"), ("angle", 2, "rad")):
        values = np.concatenate([one[number] for one in found])
        print(f"{name}: {values.mean():.5f} ± {values.std():.5f} {unit}")
    all_g = np.array([one[0] for one in found])
    mean, errors = all_g.mean(0), all_g.std(0, ddof=1) / np.sqrt(len(found))
    for name, g, stderr in zip(PAIRS, mean, errors, strict=True):
        r, other = published(name)
        rows = np.round((r - FIRST) / ROW).astype(int)
        off = g[rows] - other
        most = abs(off).argmax()
        print(
            f"{name}: largest difference {abs(off[most]):.4f} (± {stderr[rows][most]:.4f}) at "
            f"{r[most]:.2f} nm, root mean square {np.sqrt((off**2).mean()):.4f} (noise "
            f"{np.sqrt((stderr[rows] ** 2).mean()):.4f})"
        )


if __name__ == "__main__":
    main()
