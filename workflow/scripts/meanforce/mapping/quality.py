"""Checks of every dataset when it is made: frames, times, correlation and irreducible noise."""

import dataclasses
import math
from typing import Any

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.errors import InputError
from meanforce.mapping.frame_means import BiasForces
from meanforce.mapping.identities import check_identities
from meanforce.mapping.irreducible import irreducible_variance, unexplained
from meanforce.mapping.memory import conformations, stride_of
from meanforce.statistics.autocorrelation import Correlation, correlation

CHUNK = 20000
"""Frames read at once, at most."""

BEADS = 2**21
"""Beads in all of these frames, at most."""

BLOCKS = 20
"""Time blocks behind error bars."""

FEWEST = 100
"""With fewer frames there are no error bars."""

STRETCHES, STRETCH = 4, 2500
"""Contiguous frames in which the noise of forces is followed."""


def check_dataset(reader: H5mdReader, bias: BiasForces | None = None) -> dict[str, Any]:
    """Checks and statistics of one dataset, as plain values.

    Autocorrelation is given for two things. `forces` is the noise of the mapped forces about the
    mean force, which decides how many independent forces there are; `conformations` is the slowest
    of the features' leading principal components (single beads: positions), which decides how many
    independent structures, in the ensemble that was sampled, bias included.

    With several molecules of a type there are no statistics of conformations and of the noise of
    forces: these compare whole frames bead by bead, but molecules of a type may change places.

    With replica exchange, statistics are those of the frames at the state point's own temperature,
    as one series in time. All frames are checked for finite numbers and increasing times.

    Args:
        reader: of a dataset with forces; afterwards it reads frames at its own temperature only.
        bias: forces of the campaign's bias on some frames, where they are known.

    Returns:
        frames, walkers, temperatures (how many), time, duplicates, beads (name: mean norm of its
        force), autocorrelation (ps), effective_frames, irreducible_variance with its error, per
        force component; and the `identities` of `check_identities`.

    Raises:
        InputError: a number is not finite, or times do not increase.
    """
    walkers = reader.observable("chain")
    names = reader.parameters["bead_names"]
    norms, duplicates = _passes(reader, len(names), walkers)
    time = _times(reader.times(), walkers)
    found: dict[str, Any] = {
        "frames": reader.n_frames,
        "walkers": len(np.unique(walkers)),
        "temperatures": len(reader.levels()),
        "time": time,
        "duplicates": duplicates,
    }
    found["identities"] = check_identities(reader, bias)
    if found["temperatures"] > 1:
        reader.keep_own_temperature()
        # Copies enter and leave this temperature, so the frames of a copy are not evenly spaced.
        walkers = np.zeros(reader.n_frames, int)
        norms, _ = _passes(reader, len(names), walkers)
    found |= {
        "mean_force_norm": dict(zip(names, norms.tolist(), strict=True)),
        "unit": "kJ mol-1 nm-1",
    }
    copies = Topology.of(reader.parameters).has_copies
    if reader.n_frames >= FEWEST and not copies:
        forces = _forces(reader, walkers)
        shapes, step = _conformations(reader, walkers)
        found |= {
            "forces": _memory(correlation(forces), reader.n_frames, time["stride"]),
            "conformations": _memory(shapes, reader.n_frames // step, time["stride"] * step),
            "irreducible_variance": _irreducible(reader, walkers, step),
        }
    return _plain(found)


def _passes(reader: H5mdReader, n_beads: int, walkers: np.ndarray) -> tuple[np.ndarray, int]:
    """Mean norm of the force on each bead, and frames equal to the one before in their walker."""
    norms, duplicates = np.zeros(n_beads), 0
    last: dict[int, np.ndarray] = {}
    size = max(1, min(CHUNK, BEADS // max(1, n_beads)))
    for start in range(0, reader.n_frames, size):
        part = slice(start, start + size)
        positions, forces = reader.positions(part), reader.forces(part)
        for what, values in (("positions", positions), ("forces", forces)):
            finite = np.isfinite(values).all(axis=(1, 2))
            if not finite.all():
                bad = start + int(np.argmin(finite))
                raise InputError(f"frame {bad} of the dataset has {what} that are not finite")
        norms += np.linalg.norm(forces, axis=2).sum(axis=0, dtype=np.float64)
        for walker in np.unique(walkers[part]).tolist():
            own = positions[walkers[part] == walker]
            before = last.get(walker)
            if before is not None:
                own = np.concatenate([before[None], own])
            duplicates += int((own[1:] == own[:-1]).all(axis=(1, 2)).sum())
            last[walker] = own[-1]
    return norms / max(1, reader.n_frames), duplicates


def _times(times: np.ndarray, walkers: np.ndarray) -> dict[str, Any]:
    """Range, stride and its constancy over all walkers, in ps.

    Raises:
        InputError: times of a walker do not increase.
    """
    steps = []
    for walker in np.unique(walkers).tolist():
        own = np.diff(times[walkers == walker])
        if (own <= 0).any():
            number = int(np.flatnonzero(walkers == walker)[int(np.argmax(own <= 0)) + 1])
            raise InputError(
                f"frame {number} of the dataset is not later than the frame before it of the same "
                "walker"
            )
        steps.append(own)
    every = np.concatenate(steps)
    if not len(every):
        return {"first": None, "last": None, "stride": math.nan, "constant": True}
    stride = float(np.median(every))
    return {
        "first": float(times.min()),
        "last": float(times.max()),
        "stride": stride,
        # Times are sums of steps, rounded to single precision where they came from OpenMM.
        "constant": bool((abs(every - stride) < 0.01 * stride + 1e-6 * abs(times).max()).all()),
    }


def _forces(reader: H5mdReader, walkers: np.ndarray) -> list[np.ndarray]:
    """Noise of the forces in stretches of contiguous frames, each of one walker."""
    length = min(reader.n_frames, STRETCH)
    last = reader.n_frames - length
    starts = np.unique(np.linspace(0, last, min(STRETCHES, reader.n_frames // length)).astype(int))
    parts = [slice(start, start + length) for start in starts.tolist()]
    residual = unexplained(
        np.concatenate([reader.positions(part) for part in parts]),
        np.concatenate([reader.forces(part) for part in parts]),
    ).reshape(len(parts), length, -1)
    return [
        rows[walkers[part] == walker]
        for rows, part in zip(residual, parts, strict=True)
        for walker in np.unique(walkers[part])
    ]


def _conformations(reader: H5mdReader, walkers: np.ndarray) -> tuple[Correlation, int]:
    """Correlation of conformations, and the stride of the frames that it counts in."""
    step = stride_of(walkers)
    some = slice(None, None, step)
    carries = (reader.forces(some) != 0).any(axis=0)
    return conformations(reader.positions(some), carries, walkers[some]), step


def _memory(found: Correlation, frames: int, stride: float) -> dict[str, Any]:
    """Autocorrelation time in ps and effective frames."""
    return {
        "autocorrelation_time": 0.5 * found.inefficiency * stride if found.resolved else None,
        "stderr": 0.5 * found.error * stride,
        "effective_frames": min(float(frames), frames / found.inefficiency),
    }


def _irreducible(reader: H5mdReader, walkers: np.ndarray, step: int) -> dict[str, Any]:
    some = slice(None, None, step)
    blocks = np.arange(reader.n_frames)[some] * BLOCKS // reader.n_frames
    found = irreducible_variance(reader.positions(some), reader.forces(some), blocks, walkers[some])
    return dataclasses.asdict(found)


def _plain(value: Any) -> Any:
    """The same with None for NaN, which JSON does not have."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
