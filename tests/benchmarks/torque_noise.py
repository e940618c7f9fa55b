"""What the noise of torques leaves of free energies along dihedrals, from runs of the atoms.

    python tests/benchmarks/torque_noise.py [--models MODEL ...] DATASET [DATASET ...]

Datasets are of capped alanine, of one kind: `heavy.h5` of unbiased runs of
`config/capped_alanine_water_sets.yaml`, or of `config/learning_curve.yaml` for the implicit
solvent. Noise is the torque about a rotatable bond minus its mean in bins of φ and ψ, or, with the
files of an ensemble, minus that of the models' forces, which also know the other coordinates; then
biased runs serve as well. Prints its root mean square σ, its correlation time τ (twice the integral
of its autocorrelation, up to 20 ps), and the error of a free-energy difference over 2 rad of the
bond's dihedral that these alone allow after 2.5 ns that are spread evenly over the circle,
√(σ² τ · 2π · 2 rad / 2.5 ns).
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "workflow" / "scripts"))

from force_noise import autocovariance, noise_of

from meanforce.core.coordinates import CoordinateList
from meanforce.data.h5md import H5mdReader
from meanforce.fitting.frames import read_frames
from meanforce.fitting.torques import Torques
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.units import KCAL

DIHEDRALS = (("ACE1-C", "ALA2-N", "ALA2-CA", "ALA2-C"), ("ALA2-N", "ALA2-CA", "ALA2-C", "NME3-N"))
BINS = 24
LONGEST, SAMPLED, APART = 20.0, 2500.0, 2.0
"""ps, ps and rad."""


def bins_of(positions: torch.Tensor, names: list[str]) -> np.ndarray:
    """Number of the bin of φ and ψ of each frame."""
    dihedrals = tuple(tuple(names.index(bead) for bead in beads) for beads in DIHEDRALS)
    internal = InternalCoordinates(CoordinateList(dihedrals=dihedrals), len(names))
    turns = internal.evaluate(positions)[0].double().numpy() / (2 * np.pi) + 0.5
    phi, psi = (turns * BINS).astype(int).T % BINS
    return phi * BINS + psi


def main(paths: list[Path], models: list[Path]) -> None:
    found, squares = [], []
    for path in paths:
        with H5mdReader(path) as reader:
            names = list(reader.parameters["bead_names"])
            interval = float(np.diff(reader.times(slice(0, 2)))[0])
        frames = read_frames([path], 8)
        torques = Torques(frames.molecule, torch.float32)
        forces = frames.forces
        if models:
            forces = torch.from_numpy(noise_of(path, models)).reshape(forces.shape)
            squares.append((forces.double() ** 2).mean().item() / (10 * KCAL) ** 2)
        noise = torques.of(frames.positions, forces, None).double().numpy()
        if not models:
            bins = bins_of(frames.positions, names)
            visits = np.maximum(np.bincount(bins, minlength=BINS**2), 1)
            means = np.stack([np.bincount(bins, t, BINS**2) / visits for t in noise.T], axis=1)
            noise -= means[bins]
        found.append(autocovariance(noise, round(LONGEST / interval) + 1))
    if models:
        print(f"mean square of the forces' noise: {np.mean(squares):.2f} (kcal/mol/Å)²")
    covariance = np.mean(found, axis=0)
    times = interval * (2 * covariance.sum(0) / covariance[0] - 1)
    print("| torque about | σ, kJ/mol/rad | τ, fs | error of ΔF after 2.5 ns, kcal/mol |")
    print("|---|---|---|---|")
    for (a, b), square, time in zip(torques.axes, covariance[0], times, strict=True):
        sigma, error = np.sqrt(square), np.sqrt(square * time * 2 * np.pi * APART / SAMPLED) / KCAL
        print(f"| {names[a]}–{names[b]} | {sigma:.1f} | {1000 * time:.0f} | {error:.2f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("datasets", nargs="+", type=Path)
    parser.add_argument("--models", nargs="+", type=Path, default=[])
    arguments = parser.parse_args()
    main(arguments.datasets, arguments.models)
