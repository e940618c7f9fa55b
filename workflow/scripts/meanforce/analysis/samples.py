"""Weighted samples of collective variables, cut into blocks for error bars."""

import dataclasses
from pathlib import Path

import numpy as np
import torch

from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.potentials.molecule import Molecule
from meanforce.potentials.variables import evaluate_variables
from meanforce.settings.collective_variables import CollectiveVariable


@dataclasses.dataclass(frozen=True)
class Sample:
    """Frames of one ensemble.

    Attributes:
        positions: nm, shape (n, n_beads, 3).
        variables: values of the collective variables, shape (n, n_variables), in nm,
            rad or without a unit.
        weights: of the unbiased ensemble, shape (n,); sum 1.
        blocks: block of each frame, shape (n,): time blocks of replicas, or groups of chains.
        chains: replica or chain of each frame, shape (n,).
        n_blocks: number of blocks.
        molecule: the beads.
        stable: fraction of chains that never broke.
        broken: fraction of chains that broke, by kind; empty where that was not noted.
    """

    positions: np.ndarray
    variables: np.ndarray
    weights: np.ndarray
    blocks: np.ndarray
    chains: np.ndarray
    n_blocks: int
    molecule: Molecule
    stable: float = 1.0
    broken: dict[str, float] = dataclasses.field(default_factory=dict)


def reference_sample(
    paths: list[Path], variables: list[CollectiveVariable], blocks_per_replica: int
) -> Sample:
    """Reference from mapped datasets, one path a replica, reweighted where it was biased."""
    positions, log_weights, blocks, chains = [], [], [], []
    for number, path in enumerate(paths):
        with H5mdReader(path) as reader:
            parameters, n = reader.parameters, reader.n_frames
            positions.append(reader.positions())
            log_weights.append(reader.observable("log_weight"))
        block = np.arange(n) * blocks_per_replica // n
        blocks.append(block + number * blocks_per_replica)
        chains.append(np.full(n, number))
    return _sample(
        np.concatenate(positions),
        variables,
        np.concatenate(log_weights),
        np.concatenate(blocks),
        np.concatenate(chains),
        blocks_per_replica * len(paths),
        parameters,
        1.0,
    )


def model_sample(path: Path, variables: list[CollectiveVariable], blocks: int) -> Sample:
    """CG trajectory; its blocks are groups of chains, which are independent of each other.

    Raises:
        InputError: every chain broke.
    """
    with H5mdReader(path) as reader:
        parameters = reader.parameters
        positions = reader.positions()
        log_weights = reader.observable("log_weight")
        chains = reader.observable("chain")
    n_chains = int(chains.max()) + 1
    intact = np.isfinite(log_weights)
    if not intact.any():
        raise InputError(f"{path}: every chain of the CG run broke; the model is unstable")
    broken = len(np.unique(chains[~intact]))
    return _sample(
        positions[intact],
        variables,
        log_weights[intact],
        chains[intact] * blocks // n_chains,
        chains[intact],
        blocks,
        parameters,
        1.0 - broken / n_chains,
    )


def _sample(positions, variables, log_weights, blocks, chains, n_blocks, parameters, stable):
    weights = np.exp(log_weights - log_weights.max())
    return Sample(
        positions=positions,
        variables=evaluate_variables(
            variables, parameters["bead_names"], torch.from_numpy(positions)
        ).numpy(),
        weights=weights / weights.sum(),
        blocks=blocks,
        chains=chains,
        n_blocks=n_blocks,
        molecule=Molecule.of(parameters),
        stable=stable,
        broken={
            kind: count / parameters["chains"]
            for kind, count in parameters.get("broken", {}).items()
        },
    )
