"""The well difference of Müller–Brown from 2,000 decorrelated frames: its error, over many seeds.

    python tests/benchmarks/muller_brown.py [--seeds 50] [--cores 2] [--folder FOLDER]

runs the campaigns of config/muller_brown.yaml through the workflow's stages up to the mapped
datasets (about 12 minutes on two cores), cuts them into sets of 2,000 frames, fits an ensemble to
each set, and prints the table of the README. A set takes every n-th frame of all replicas, so that
its own frames are far apart in time; what sets have in common is visible in the effective number of
frames.

`--pool CAMPAIGN=FILE[,FILE...]` takes mapped datasets that exist already (of the same bias), and
`--exact` draws independent frames by quadrature, which separates the error of the fit from that of
the sampling, or correlated ones with the same distribution (`--frames 10000 --memory 5`; the bound
is then that of as many independent ones).
"""

import argparse
import dataclasses
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "workflow" / "scripts"), str(ROOT / "tests" / "support")]

import muller_brown_draws as exact  # noqa: E402
from scipy.stats import t as student  # noqa: E402

from meanforce.analysis.members import Scheme, training_error  # noqa: E402
from meanforce.analysis.metrics.exact_pmf import features_of  # noqa: E402
from meanforce.fitting.frames import Frames, read_frames  # noqa: E402
from meanforce.fitting.registry import fit  # noqa: E402
from meanforce.mapping.irreducible import block_error  # noqa: E402
from meanforce.settings.load import load_config  # noqa: E402
from meanforce.settings.potentials.registry import Potential  # noqa: E402
from meanforce.settings.yaml_file import default_output  # noqa: E402
from meanforce.statistics.autocorrelation import correlation  # noqa: E402

CONFIG = ROOT / "config" / "muller_brown.yaml"
FRAMES = 2000
BIASES = {"published": exact.PUBLISHED, "designed": exact.DESIGNED}
LIMITS = {
    ("published", "rbf"): 0.45,
    ("published", "spline"): 0.42,
    ("designed", "rbf"): 0.28,
    ("designed", "spline"): 0.28,
}
COVERED = math.erf(math.sqrt(0.5))
"""Probability within a standard error of a normal distribution."""

BATCHES = 50
"""Stretches of the pool; the scatter of their means gives the number of independent frames."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Well differences of one potential over the sets of one campaign, kT.

    Attributes:
        errors: fitted less exact, shape (n_sets,).
        claimed: standard errors from the ensemble, shape (n_sets,).
        dof: their degrees of freedom.
    """

    errors: np.ndarray
    claimed: np.ndarray
    dof: float

    @property
    def rmse(self) -> float:
        return float(np.sqrt(np.mean(self.errors**2)))

    def rmse_error(self, independent: float) -> float:
        """Standard error of the RMSE, from this number of independent sets."""
        return float(np.std(self.errors**2) / np.sqrt(independent) / (2 * self.rmse))

    @property
    def coverage(self) -> float:
        """Fraction of sets whose 68 % interval, by Student's t, holds the exact value."""
        wide = student.ppf(0.5 + COVERED / 2, self.dof)
        return float(np.mean(np.abs(self.errors) <= wide * self.claimed))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=50, help="sets of 2,000 frames")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("results-muller-brown"))
    parser.add_argument("--campaigns", nargs="+", default=list(BIASES), choices=list(BIASES))
    parser.add_argument("--pool", action="append", default=[], metavar="CAMPAIGN=FILE[,FILE...]")
    parser.add_argument("--exact", action="store_true", help="independent frames by quadrature")
    parser.add_argument("--frames", type=int, default=FRAMES, help="in each set; with --exact")
    parser.add_argument("--memory", type=float, default=0.0, help="of these, in frames")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    config = load_config(yaml.safe_load(CONFIG.read_text()))
    folds = next(iter(config.experiments.values())).folds
    print(
        "| campaign | potential | RMSE (kT) | wanted | bound | bias | coverage | mean error bar |"
    )
    print("|---|---|---|---|---|---|---|---|")
    notes = []
    pools = {} if arguments.exact else _pools(arguments, config)
    for campaign in arguments.campaigns:
        bias = BIASES[campaign]
        if arguments.exact:
            sets = [
                exact.draw(bias, arguments.frames, seed, folds, arguments.memory)
                for seed in range(arguments.seeds)
            ]
            independent = float(len(sets))
        else:
            sets, note, independent = _cut(pools[campaign], bias, arguments.seeds, folds)
            notes.append(f"{campaign}: {note}")
        for name in ("spline", "rbf"):
            found = _outcome(config.potentials[name], sets, folds)
            print(
                f"| {campaign} | {name} | {found.rmse:.3f} ± {found.rmse_error(independent):.3f} "
                f"| ≤ {LIMITS[campaign, name]} | {exact.bound(bias, FRAMES):.3f} "
                f"| {found.errors.mean():+.3f} | {found.coverage:.0%} "
                f"| {np.sqrt(np.mean(found.claimed**2)):.3f} |",
                flush=True,
            )
    print(*notes, sep="\n")


def _pools(arguments: argparse.Namespace, config) -> dict[str, list[Path]]:
    """Mapped datasets of each campaign; those that are missing are made by the workflow."""
    pools = {}
    for item in arguments.pool:
        campaign, files = item.split("=")
        pools[campaign] = [Path(file) for file in files.split(",")]
    missing = []
    for campaign in arguments.campaigns:
        if campaign not in pools:
            jobs = config.campaigns["muller_brown"][campaign].jobs_of("T300")
            files = [
                Path(f"{default_output(CONFIG)}/muller_brown/T300/{campaign}/{job}/x.h5")
                for job in jobs
            ]
            missing += files
            pools[campaign] = [arguments.folder / file for file in files]
    if missing:
        arguments.folder.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable, "-m", "snakemake", *map(str, missing), "--snakefile",
            ROOT / "Snakefile", "--directory", arguments.folder, "--cores", str(arguments.cores),
            "--configfile", CONFIG, "--quiet", "rules",
        ]  # fmt: skip
        subprocess.run(command, check=True)
    return pools


def _cut(
    files: list[Path], bias: np.ndarray, n_sets: int, folds: int
) -> tuple[list[Frames], str, float]:
    """Sets of frames, what the pool is worth in words, and as a number of independent sets."""
    pool = read_frames(files, folds)
    n = len(pool.positions)
    if n < n_sets * FRAMES:
        raise SystemExit(f"{n} frames are too few for {n_sets} sets of {FRAMES}")
    influence = exact.influence(pool, bias)
    worth = _effective_frames(influence)
    # Frames of a set are this far apart, whatever number of sets there is.
    step = n // FRAMES
    starts = np.linspace(0, step, n_sets, endpoint=False).astype(int)
    numbers = torch.arange(n)
    sets = [pool.select((numbers % step == start) & (numbers < step * FRAMES)) for start in starts]
    within = correlation([influence[start::step] for start in starts]).inefficiency
    error = float(np.sqrt(np.mean(influence**2) / worth))
    note = (
        f"{n} frames in {len(files)} replicas, worth {worth:.0f} independent ones for the well "
        f"difference ({worth / FRAMES:.0f} sets); within a set 1 frame in {within:.2f} is "
        f"independent; mean of the pool {influence.mean():+.3f} ± {error:.3f} kT from the exact one"
    )
    return sets, note, min(float(n_sets), worth / FRAMES)


def _effective_frames(influence: np.ndarray) -> float:
    """Number of independent frames, from the scatter of the means of long stretches."""
    blocks = np.arange(len(influence)) * BATCHES // len(influence)
    return float(influence.var() / block_error(influence, blocks) ** 2)


def _outcome(settings: Potential, sets: list[Frames], folds: int) -> Outcome:
    errors, claimed = [], []
    for frames in sets:
        curves = np.array([
            exact.curve(fit(settings, frames, exact.VARIABLES, member, 0, _silent).potential)
            for member in range(folds)
        ])  # fmt: skip
        wells = [features_of(exact.GRID, curve)[0] for curve in curves]
        well = features_of(exact.GRID, curves.mean(axis=0))[0]
        errors.append(well - exact.EXACT_WELL)
        found = training_error(wells, Scheme("jackknife", folds))
        claimed.append(float(found.stderr))
    return Outcome(np.array(errors), np.array(claimed), found.dof)


def _silent(line: str) -> None:
    return


if __name__ == "__main__":
    main()
