"""Weighted samples of collective variables, cut into blocks for error bars."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from meanforce.analysis.protocol import Protocol
from meanforce.analysis.windows import response
from meanforce.core.topology import Topology
from meanforce.data.dataset import Dataset
from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.potentials.variables import evaluate_variables
from meanforce.potentials.whole import is_one
from meanforce.settings.collective_variables import CollectiveVariableSettings

SEVERAL = 4
"""Replicas that suffice as the units of the bootstrap."""


PER_FRAME = (
    "positions", "variables", "weights", "blocks", "chains", "replicas", "times", "response",
    "noised",
)  # fmt: skip
"""Fields of `Sample` that have a value for each frame."""


@dataclasses.dataclass(frozen=True, eq=False)
class Sample:
    """Frames of one ensemble; equal to itself only, so that results can be cached by it.

    Attributes:
        positions: nm, shape (n, n_beads, 3).
        variables: values of the collective variables, shape (n, n_variables), in nm,
            rad or without a unit.
        weights: of the unbiased ensemble, shape (n,); sum 1.
        blocks: block of each frame, shape (n,): time blocks of replicas, or groups of chains.
        chains: walker of a trajectory, or chain of a CG run, of each frame, shape (n,).
        n_blocks: number of blocks.
        molecule: the beads.
        stable: fraction of chains that never broke.
        broken: fraction of chains that broke, by kind; empty where that was not recorded.
        replicas: replica of each frame, shape (n,), where there are enough of them to be what is
            resampled; else None.
        times: ps, shape (n,), or None.
        masses: of the beads, u, shape (n_beads,), or None.
        box: periodic box vectors in nm, rows of shape (3, 3), the same for all frames, or of each
            frame, shape (n, 3, 3); None without a box.
        dynamical: whether a chain's frames are one stretch of dynamics without a bias.
        starts: name: values of a collective variable where chains started, by the number of the
            chain, shape (n_chains,); empty where that was not recorded.
        converged: whether a CG run has converged, or None for a run of a fixed length at constant
            volume.
        hills_outside: share of the hills of a CG run's bias that are outside its grid, or None for
            a run without such a bias, or with one along periodic variables only.
        response: of the weights to the weight of each unit, shape (n, n_units), where they depend
            on it; see `windows.response`.
        held: whether chains were held in the windows of umbrella sampling.
        noised: positions that forces belong to, nm, shape (n, n_beads, 3), where the mapping adds
            noise to `positions`; else None.
        pressure: of the atoms, value and standard error in bar, or None where it is not known.
    """

    positions: np.ndarray
    variables: np.ndarray
    weights: np.ndarray
    blocks: np.ndarray
    chains: np.ndarray
    n_blocks: int
    molecule: Topology
    stable: float = 1.0
    broken: dict[str, float] = dataclasses.field(default_factory=dict)
    replicas: np.ndarray | None = None
    times: np.ndarray | None = None
    masses: np.ndarray | None = None
    box: np.ndarray | None = None
    dynamical: bool = False
    response: np.ndarray | None = None
    held: bool = False
    starts: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    converged: bool | None = None
    hills_outside: float | None = None
    noised: np.ndarray | None = None
    pressure: tuple[float, float] | None = None

    @property
    def force_positions(self) -> np.ndarray:
        """Positions that forces belong to, nm, shape (n, n_beads, 3)."""
        return self.positions if self.noised is None else self.noised

    @property
    def units(self) -> np.ndarray:
        """Independent units of the bootstrap: number of the unit of each frame, shape (n,)."""
        return self.blocks if self.replicas is None else self.replicas

    @property
    def n_units(self) -> int:
        """Number of units."""
        return self.n_blocks if self.replicas is None else int(self.replicas.max()) + 1

    def cell(
        self, like: torch.Tensor, frames: np.ndarray | slice = slice(None)
    ) -> torch.Tensor | None:
        """Periodic cell that potentials are evaluated in, nm, shape (3, 3) or (n_frames, 3, 3).

        None without a box, and for a single molecule: its frames hold it whole.

        Args:
            like: gives type and device.
            frames: whose cell it is, where frames have different ones.
        """
        box = cell_of(self.molecule, self.boxes(frames))
        return None if box is None else torch.from_numpy(box).to(like)

    def boxes(self, frames: np.ndarray | slice) -> np.ndarray | None:
        """Box of some frames, nm: shape (3, 3) where all frames have the same, or (n, 3, 3)."""
        return self.box if self.box is None or self.box.ndim == 2 else self.box[frames]

    def some(self, most: int) -> np.ndarray:
        """At most so many frames, as evenly as possible over units, chains and times, ascending.

        Frames of chains alternate in a CG run: one in `n_chains` of them, by their number, would
        all be of one chain.
        """
        n = len(self.weights)
        if n <= most:
            return np.arange(n)
        keys = (self.chains, self.units) if self.times is None else (
            self.times, self.chains, self.units
        )  # fmt: skip
        return np.sort(np.lexsort(keys)[np.arange(most) * n // most])

    def take(self, frames: np.ndarray) -> "Sample":
        """Some of the frames, as a sample of the same units; weights are not normalised."""
        chosen = {
            field.name: value[frames]
            for field in dataclasses.fields(self)
            if field.name in PER_FRAME and (value := getattr(self, field.name)) is not None
        }
        return dataclasses.replace(self, **chosen, box=self.boxes(frames))

    def sums_by_unit(self, frames: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Weighted sums of values over frames of each unit, and of the weights in a last column.

        They include the effect of a unit on the weights of all frames. The mean is the ratio of
        the sums over units.

        Args:
            frames: numbers of frames, shape (m,).
            values: of these, shape (m, n_values).

        Returns:
            shape (n_units, n_values + 1).
        """
        weighted = np.column_stack([values, np.ones(len(frames))]) * self.weights[frames, None]
        result = np.zeros((self.n_units, weighted.shape[1]))
        np.add.at(result, self.units[frames], weighted)
        if self.response is not None:
            result += self.response[frames].T @ weighted
        return result

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Sums of weighted values of shape (n,) over the frames of each unit; shape (n_units,).

        They include the effect of the unit on the weights of all frames.
        """
        weighted = self.weights * values
        direct = np.bincount(self.units, weights=weighted, minlength=self.n_units)
        return direct if self.response is None else direct + weighted @ self.response


def reference_sample(
    paths: list[Path],
    variables: Sequence[CollectiveVariableSettings],
    blocks_per_replica: int,
    protocol: Protocol | None = None,
    windows: list[tuple[float, float]] | None = None,
) -> Sample:
    """Atomistic data from mapped datasets, one path a job, reweighted where they were biased.

    Log-weights of the datasets are those of the unbiased ensemble, with one constant for all
    jobs of a campaign: 0 for unbiased sampling and replica exchange, βV under a static bias,
    β(V − c(t)) in metadynamics. In umbrella sampling they are MBAR's over all windows of a replica,
    with a mean weight of 1 in each replica.

    Where the mapping adds noise, free energies and structure are those without: a model of the
    smeared density must not be judged by a reference that is smeared in the same way. Forces belong
    to the positions with noise, as in training: their error is the loss, not an error of the
    distribution.

    Errors come from a bootstrap over replicas, which are independent for any correlation time; with
    fewer than four of them it is over time blocks of replicas. In umbrella sampling a unit has all
    windows of a replica, as none could be left out. The effect of a time block on the windows' free
    energies counts to first order; a whole replica has none on those of the others.

    With replica exchange, only frames at the state point's own temperature belong to its ensemble.

    Args:
        paths: datasets, replica after replica.
        variables: collective variables that are evaluated.
        blocks_per_replica: number of time blocks.
        protocol: of the campaign; replicas of one job, where it is left out.
        windows: begin and end in ps of the part of each dataset that is used; None: all of it.

    Raises:
        InputError: datasets have different beads, or a window holds no frame.
    """
    protocol = protocol or Protocol()
    positions, log_weights, blocks, jobs, times, owners = [], [], [], [], [], []
    noised: list[np.ndarray] = []
    pressures: list[tuple[float, float] | None] = []
    dataset = Dataset.of(paths).at_state_points().windows(windows)
    files = dataset.files()
    for path in set(paths) - {file.parts[0].path for file in files}:
        raise InputError(f"{path}: has no frames at the temperature of its state point")
    for number, file in enumerate(files):
        parameters, n = file.parameters, len(file)
        positions.append(file.unperturbed_positions())
        pressures.append(parameters.get("pressure"))
        if parameters.get("noise"):
            noised.append(file.positions())
        log_weights.append(file.observable("log_weight"))
        times.append(file.times())
        owners.append(file.observable("chain"))
        with H5mdReader(file.parts[0].path) as reader:
            masses = reader.masses
        # Copies that a job runs side by side share their times, and so their blocks.
        block = np.empty(n, dtype=int)
        block[np.argsort(times[-1], kind="stable")] = np.arange(n) * blocks_per_replica // n
        replica = number // protocol.jobs_per_replica
        blocks.append(block + replica * blocks_per_replica)
        jobs.append(np.full(n, number))
    number, job = len(paths) // protocol.jobs_per_replica, np.concatenate(jobs)
    sample = _sample(
        variables,
        parameters,
        np.concatenate(log_weights),
        positions=np.concatenate(positions),
        blocks=np.concatenate(blocks),
        chains=_numbered(job, np.concatenate(owners)),
        n_blocks=blocks_per_replica * number,
        replicas=job // protocol.jobs_per_replica if number >= SEVERAL else None,
        times=np.concatenate(times),
        masses=masses,
        box=box_of(dataset.boxes()),
        dynamical=protocol.dynamical,
        held=protocol.held,
        noised=np.concatenate(noised) if noised else None,
        pressure=_mean_pressure(pressures),
    )
    if protocol.windows is None or sample.replicas is not None:
        return sample
    values = _evaluated(protocol.window_variables, sample.molecule, sample.positions, sample.box)
    owner, logs = np.concatenate(owners), np.concatenate(log_weights)
    slopes = np.zeros((len(job), sample.n_units), dtype=np.float32)
    for replica in range(number):
        own, first = job // protocol.jobs_per_replica == replica, replica * blocks_per_replica
        units = sample.blocks[own] - first
        slopes[own, first : first + units.max() + 1] = response(
            protocol.windows, values[own], owner[own], logs[own], units, protocol.temperature
        )
    return dataclasses.replace(sample, response=slopes)


def _mean_pressure(
    pressures: list[tuple[float, float] | None],
) -> tuple[float, float] | None:
    """Mean of independent runs and its standard error; None where one is not known."""
    if any(one is None for one in pressures):
        return None
    values, errors = np.transpose(pressures)
    return float(values.mean()), float(np.sqrt((errors**2).sum()) / len(errors))


def _numbered(jobs: np.ndarray, walkers: np.ndarray) -> np.ndarray:
    """Number of each frame's chain, shape (n,): of one walker of one job."""
    pairs = np.stack([jobs, walkers], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def model_sample(
    path: Path, variables: Sequence[CollectiveVariableSettings], blocks: int
) -> Sample:
    """CG trajectory; its blocks are groups of chains, which are independent of each other.

    Raises:
        InputError: every chain broke.
    """
    with H5mdReader(path) as reader:
        parameters, masses, box = reader.parameters, reader.masses, box_of(reader.boxes())
        positions = reader.positions()
        log_weights = reader.observable("log_weight")
        chains, times = reader.observable("chain"), reader.times()
        unbiased = not reader.observable("bias_energy").any() and "exchange" not in parameters
    n_chains = int(chains.max()) + 1
    intact = np.isfinite(log_weights)
    if not intact.any():
        raise InputError(f"{path}: every chain of the CG run broke; the model is unstable")
    broken = len(np.unique(chains[~intact]))
    return _sample(
        variables,
        parameters,
        log_weights[intact],
        positions=positions[intact],
        blocks=_groups(chains[intact], times[intact], blocks),
        chains=chains[intact],
        n_blocks=blocks,
        stable=1.0 - broken / n_chains,
        times=times[intact],
        masses=masses,
        box=box if box is None or box.ndim == 2 else box[intact],
        dynamical=unbiased,
        starts={name: np.array(values) for name, values in parameters.get("starts", {}).items()},
        converged=parameters.get("converged"),
        hills_outside=parameters.get("bias_hills_outside"),
    )


def _groups(chains: np.ndarray, times: np.ndarray, number: int) -> np.ndarray:
    """Group of each frame: whole chains where there are enough of them, else parts of chains.

    None is empty, as it would be if chains that broke were counted: a unit without frames has no
    information, and with a single one the noise would seem to be zero.

    Args:
        chains, times: of each frame, shape (n,).
        number: of groups.
    """
    left, rank = np.unique(chains, return_inverse=True)
    if len(left) >= number:
        return rank * number // len(left)
    place = np.empty(len(chains), dtype=int)
    place[np.lexsort((times, rank))] = np.arange(len(chains))
    return place * number // len(chains)


def _sample(
    variables: Sequence[CollectiveVariableSettings],
    parameters: dict,
    log_weights: np.ndarray,
    **fields,
) -> Sample:
    """A sample from the contents of files and the fields that these do not decide."""
    weights = np.exp(log_weights - log_weights.max())
    molecule = Topology.of(parameters)
    return Sample(
        variables=_evaluated(variables, molecule, fields["positions"], fields["box"]),
        weights=weights / weights.sum(),
        molecule=molecule,
        broken={
            kind: count / parameters["chains"]
            for kind, count in parameters.get("broken", {}).items()
        },
        **fields,
    )


def _evaluated(
    variables: Sequence[CollectiveVariableSettings],
    molecule: Topology,
    positions: np.ndarray,
    box: np.ndarray | None,
) -> np.ndarray:
    """Values of collective variables, shape (n, n_variables)."""
    if not variables:
        return np.zeros((len(positions), 0))
    cell = cell_of(molecule, box)
    return evaluate_variables(
        list(variables),
        list(molecule.names),
        torch.from_numpy(positions),
        None if cell is None else torch.from_numpy(cell),
    ).numpy()


def box_of(boxes: np.ndarray | None) -> np.ndarray | None:
    """One box, shape (3, 3), where all frames have the same; else each frame's, (n, 3, 3)."""
    if boxes is None or not len(boxes):
        return None
    return boxes[0] if (boxes == boxes[0]).all() else boxes


def cell_of(molecule: Topology, box: np.ndarray | None) -> np.ndarray | None:
    """The box of frames where it matters: a single molecule is stored whole, and needs none."""
    return None if box is None or is_one(molecule) else box
