"""Molecules without interactions in a box, and potentials of known pressure."""

import numpy as np
import torch
from comparisons import sample_of

from meanforce.analysis.comparison import Comparison, TrainedModel
from meanforce.analysis.members import Scheme
from meanforce.analysis.samples import Sample
from meanforce.core.configuration import Configuration
from meanforce.core.molecule_type import MoleculeType
from meanforce.core.topology import Topology
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.settings.job import validated
from meanforce.settings.validation import ValidationSettings

CUBOID = np.diag([3.0, 3.5, 4.0])
TRICLINIC = np.array([[3.0, 0, 0], [1.0, 3.2, 0], [-1.2, 1.1, 3.4]])

ATOM = MoleculeType("ATM", ("a",), ("A",))
BENT = MoleculeType("BNT", ("a", "b", "c"), ("A", "B", "A"), ((0, 1), (1, 2)))


def gas(
    n_frames: int,
    seed: int,
    molecule: Topology,
    box: np.ndarray = CUBOID,
    correlation: float = 0.5,
    **fields,
) -> Sample:
    """Molecules anywhere in a box; those of three beads have bonds and angles that correlate."""
    rng = np.random.default_rng(seed)
    parts = []
    for kind, count in molecule.composition:
        centres = rng.uniform(size=(n_frames, count, 1, 3)) @ box
        if kind.size == 3:
            x, y, z = rng.standard_normal((3, n_frames, count))
            angle = 1.9 + 0.1 * x
            first, second = (
                0.15 + 0.005 * (correlation * x + np.sqrt(1 - correlation**2) * one)
                for one in (y, z)
            )
            arm = np.stack([np.cos(angle), np.sin(angle), 0 * angle], -1) * second[..., None]
            start = np.stack([first, 0 * first, 0 * first], -1)
            centres = centres + np.stack([start, 0 * start, arm], axis=2)
        parts.append(centres.reshape(n_frames, -1, 3))
    return sample_of(np.concatenate(parts, axis=1), molecule, box=box, **fields)


class Energy(Potential):
    """A potential from an energy alone: a function of positions and cell, in double precision."""

    kind = "energy"
    supports_periodic = True

    def __init__(self, energy) -> None:
        super().__init__(torch.float64)
        self._energy = energy

    def compute(self, configuration: Configuration):
        with torch.enable_grad():
            positions = configuration.positions.detach().double().requires_grad_()
            energy = self._energy(positions, configuration.cell)
            if not energy.requires_grad:
                return energy, torch.zeros_like(positions)
            return energy.detach(), -torch.autograd.grad(energy.sum(), positions)[0]

    def state(self):
        raise NotImplementedError

    @classmethod
    def from_state(cls, tensors, values):
        raise NotImplementedError

    def to(self, dtype=None, device="cpu"):
        return self


def nothing() -> Energy:
    """No interactions."""
    return Energy(lambda positions, cell: 0.0 * positions.sum(dim=(1, 2)).detach())


def liquid_comparison(
    model: Sample, reference: Sample | None, potential: Potential | None = None, **fields
) -> Comparison:
    """Model and reference in a box, without a surface."""
    ensemble = None if potential is None else EnsembleMean([potential])
    return Comparison(
        validation=validated(ValidationSettings, {"bins": 30}, "validation"),
        variables={},
        temperature=300.0,
        model=model,
        trained=TrainedModel(ensemble, Scheme("exact")),
        reference=reference,
        seed=1,
        **fields,
    )


def switched(pair, owner: np.ndarray | None = None) -> Energy:
    """The pair potential of a liquid in PyTorch, between different molecules."""

    def energy(x, cell):
        first, second = np.triu_indices(x.shape[1], 1)
        if owner is not None:
            apart = owner[first] != owner[second]
            first, second = first[apart], second[apart]
        edge = torch.diagonal(cell, dim1=-2, dim2=-1).reshape(-1, 1, 3)
        d = x[:, second] - x[:, first]
        r = (d - edge * torch.round(d / edge)).norm(dim=2)
        sixth = (pair.sigma / r) ** 6
        t = ((r - pair.switch) / (pair.cutoff - pair.switch)).clamp(0, 1)
        switch = 1 - 6 * t**5 + 15 * t**4 - 10 * t**3
        return (4 * pair.epsilon * (sixth**2 - sixth) * switch * (r < pair.cutoff)).sum(dim=1)

    return Energy(energy)


def comparison_of(liquid, potential: Potential, **fields) -> Comparison:
    """A comparison of a sampled liquid with itself, at its temperature."""
    positions = liquid.frames.positions.double().numpy()
    sample = sample_of(
        positions, liquid.frames.molecule, box=liquid.frames.cells[0].double().numpy()
    )
    comparison = liquid_comparison(sample, sample, potential, **fields)
    comparison.temperature = liquid.temperature
    return comparison
