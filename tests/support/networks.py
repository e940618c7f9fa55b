"""Networks of any widths on any molecule, with priors, and their files."""

import json
from pathlib import Path

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.core.topology import Topology
from meanforce.potentials.cgnet import Cgnet
from meanforce.potentials.files import save
from meanforce.potentials.interface import Potential, Start
from meanforce.potentials.prior import Prior
from meanforce.potentials.with_prior import WithPrior
from meanforce.settings.job import validated
from meanforce.settings.potentials.registry import Potential as Settings

ORDER = 3
"""Terms of the Fourier series of a dihedral."""


def network(
    molecule: Topology,
    frames: np.ndarray,
    seed: int = 1,
    hidden: tuple[int, ...] = (16, 16),
    **chosen,
) -> Cgnet:
    """A network with random weights, standardised on frames, shape (n, n_beads, 3)."""
    values = {"kind": "cgnet", "hidden": list(hidden), "training": {"epochs": 1}} | chosen
    settings = validated(Settings, values, "potential")
    generator = torch.Generator().manual_seed(seed)
    positions = torch.from_numpy(np.asarray(frames, dtype=np.float32))
    start = Start(molecule, Configuration(positions, 300.0), [300.0, 400.0])
    made = Cgnet.initial(settings, start, generator)
    # Untrained, parts of the output that belong to temperature are zero.
    last = made.tensors[f"weight_{len(hidden)}"]
    last += torch.randn(last.shape, generator=generator) * (last == 0)
    return made


def on_a_prior(net: Cgnet, frames: np.ndarray, seed: int = 1) -> WithPrior:
    """The network on a prior of all kinds of terms that holds the frames together."""
    molecule, rng = Topology.of(net.values), np.random.default_rng(seed)
    n = molecule.size
    far = [(i, j) for i in range(n) for j in range(i + 1, n) if (i, j) not in molecule.bonds]
    features = net.internal.evaluate(torch.from_numpy(np.asarray(frames, np.float32)))[0].numpy()
    names = (*net.internal.coordinates.distances, *molecule.angles)
    mean = dict(zip(names, features.mean(0), strict=False))
    beads = {
        "n_beads": n, "bonds": molecule.bonds, "angles": molecule.angles,
        "dihedrals": molecule.dihedrals, "excluded": far, "mixtures": molecule.angles[:1],
        "stereo": [(1, 0, 2, n - 1), (2, 0, 1, n - 1)],
    }  # fmt: skip
    count = {name: len(entries) for name, entries in beads.items() if name != "n_beads"}
    arrays = {
        "bond_center": [mean[pair] for pair in molecule.bonds],
        "bond_stiffness": rng.uniform(2e4, 4e4, count["bonds"]),
        "angle_center": [mean[angle] for angle in molecule.angles],
        "angle_stiffness": rng.uniform(100, 200, count["angles"]),
        "dihedral_cosine": rng.normal(0, 2, (count["dihedrals"], ORDER)),
        "dihedral_sine": rng.normal(0, 2, (count["dihedrals"], ORDER)),
        "excluded_radius": rng.uniform(0.1, 0.2, len(far)),
        "excluded_energy": rng.uniform(0.5, 1.0, len(far)),
    }
    wells = (count["mixtures"], 2)
    arrays |= {
        "mixture_center": np.add.outer([mean[a] for a in molecule.angles[:1]], [-0.2, 0.2]),
        "mixture_stiffness": rng.uniform(100, 200, wells),
        "mixture_energy": rng.uniform(0.0, 2.0, wells),
        "mixture_kt": np.full(count["mixtures"], 2.5),
        "stereo_center": rng.uniform(-1, 1, count["stereo"]),
        "stereo_stiffness": rng.uniform(5, 10, count["stereo"]),
    }
    tensors = {k: torch.tensor(np.asarray(v), dtype=torch.float32) for k, v in arrays.items()}
    return WithPrior(Prior(json.loads(json.dumps(beads)), tensors), net)


def saved(folder: Path, members: list[Potential], about: dict | None = None) -> list[Path]:
    """Files of an ensemble's members."""
    paths = [folder / f"trained-{number}.safetensors" for number in range(len(members))]
    for path, member in zip(paths, members, strict=True):
        save(member, path, about or {})
    return paths
