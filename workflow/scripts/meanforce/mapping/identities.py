"""Checks of a dataset's positions, forces and temperature against each other.

They need no other data: the virial identity, and mean force and mean torque, which vanish; see
`meanforce.mapping.fields`. A wrong unit, a wrong temperature and a wrong force map break the first.

Frames of a biased campaign have the density exp(−(U + V)/kT), but forces without the bias. Where
the run stored the bias's own forces on some frames, their mapped mean is added; a dilation leaves
angles and torsions as they are, so that a bias along these adds nothing. Otherwise frames have
their weights. A bias along the molecule's size or distances that is in neither is found; one along
torsions is not.
"""

import dataclasses
from typing import Any

import numpy as np

from meanforce.data.h5md import H5mdReader
from meanforce.mapping.fields import Dilation
from meanforce.mapping.remedies import Finding, remedy
from meanforce.statistics.errors import THREE_SIGMA, quantile
from meanforce.statistics.series_mean import Mean, series_mean
from meanforce.units import kt

CHUNK = 20000
"""Frames read at once."""

FEWEST = 20
"""Independent frames below which nothing is decided."""

ENOUGH = 100
"""Independent frames above which an error bar is good enough to choose by it."""

FIVE_SIGMA = 5.7e-7
"""Probability of more than 5 standard errors; imported data that deviate so far are refused."""

ROUNDING = 1e-4
"""Relative size of sums that counts as rounding of single precision."""


@dataclasses.dataclass(frozen=True, eq=False)
class BiasForces:
    """Forces of a campaign's bias alone on some frames, mapped onto beads.

    Attributes:
        frames: their numbers, ascending, shape (m,).
        forces: kJ/mol/nm, shape (m, n_beads, 3).
    """

    frames: np.ndarray
    forces: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class _Frames:
    """What is needed of all frames.

    Attributes:
        field: the dilation.
        values: its quantities, shape (n, 7).
        sizes: what these are at most, summed over frames, shape (7,).
        walkers: shape (n,).
        log_weights: shape (n,).
        bias: quantities of the bias's forces, shape (m, 7), and the numbers of their frames.
    """

    field: Dilation
    values: np.ndarray
    sizes: np.ndarray
    walkers: np.ndarray
    log_weights: np.ndarray
    bias: tuple[np.ndarray, np.ndarray] | None

    @property
    def ways(self) -> list[str]:
        """Ways to take out the bias: `none` where frames have no bias, else what is there."""
        weighted = ["weights"] * bool(np.ptp(self.log_weights) > 0)
        return ["forces"] * (self.bias is not None) + weighted or ["none"]

    def mean(self, quantity: int, chosen: np.ndarray) -> tuple[Mean, str]:
        """Mean of a quantity without bias over some frames, whose numbers are given.

        Returns:
            The mean, and the way to it with the smallest error among those that have enough
            independent frames.
        """
        found = {way: self.mean_by(way, quantity, chosen) for way in self.ways}
        best = min(found, key=lambda w: (found[w].effective < ENOUGH, found[w].error.stderr))
        return found[best], best

    def mean_by(self, way: str, quantity: int, chosen: np.ndarray) -> Mean:
        """The same by one of the `ways`, or, with `none`, with the bias."""
        biased = way == "forces" and bool(self.bias[0][:, quantity].any())
        if biased:
            # The forces are those of one window or walker; others may have other biases.
            own = np.isin(self.walkers, self.walkers[self.bias[1]])
            chosen = chosen[own[chosen]]
        groups = _by_walker(chosen, self.walkers[chosen])
        weights = [self.log_weights[own] for own in groups] if way == "weights" else None
        found = series_mean([self.values[own, quantity] for own in groups], weights)
        if biased:
            rows, frames = self.bias
            parts = _by_walker(np.arange(len(frames)), self.walkers[frames])
            found = found.plus(series_mean([rows[part, quantity] for part in parts]))
        return found

    def vanishes(self, first: int) -> bool:
        """Whether total force (1) or torque (4) is zero in each frame, up to rounding."""
        parts = [self.values] if self.bias is None else [self.values, self.bias[0]]
        whole = sum(np.linalg.norm(part[:, first : first + 3], axis=1).sum() for part in parts)
        return bool(whole <= ROUNDING * self.sizes[first])


def check_identities(reader: H5mdReader, bias: BiasForces | None = None) -> dict[str, Any]:
    """The checks `virial`, `mean_force` and `mean_torque` of a dataset, as plain values.

    Each has a `verdict` (`passed`, `failed`, `undecided`: too few independent frames, or
    `not_applied`) and, where it is one of the last two, the `reason`. A right dataset fails each of
    them with a probability of 0.27 %, that of a deviation of 3 standard errors. `refuted` marks
    failures as improbable as 5 standard errors.

    `virial` also has `ratio`, the virial in units of its expected value (of the frames at the state
    point's temperature), its `stderr`, `degrees` (∇·v), `effective_frames`, the `form` of the
    identity, how a `bias` was taken out, `levels` (all temperatures), and `mend`, what would mend a
    failure. The means are vectors in the dataset's units, with `deviation`, the largest in standard
    errors.
    """
    frames = _read(reader, bias)
    own = reader.levels().get(reader.parameters.get("temperature"), range(reader.n_frames))
    torque = _no("no beads are bonded")
    if frames.field.molecules is not None and frames.field.divergence:
        torque = _vector(frames, 4, np.array(own))
    return {
        "virial": _virial(frames, reader),
        "mean_force": _vector(frames, 1, np.array(own)),
        "mean_torque": torque,
    }


def _read(reader: H5mdReader, bias: BiasForces | None) -> _Frames:
    field = Dilation.of(reader.parameters)
    values, sizes, forced = _values(reader, field)
    in_field = np.linalg.norm(values[:, 1:4], axis=1).sum() > ROUNDING * sizes[1]
    if not field.divergence and in_field and reader.boxes(slice(0, 1)) is None:
        first = reader.positions(slice(0, CHUNK)).astype(np.float64)
        field = Dilation.confined(first.mean(axis=(0, 1)), forced)
        values, sizes, _ = _values(reader, field)
    biased = None
    if bias is not None and len(bias.frames):
        positions = np.concatenate([reader.positions(slice(n, n + 1)) for n in bias.frames])
        rows = field.values(positions, bias.forces)
        rounding = ROUNDING * field.sizes(positions, bias.forces)
        biased = np.where(np.abs(rows).sum(axis=0) <= rounding, 0.0, rows), bias.frames
    walkers = reader.observable("chain")
    if len(reader.levels()) > 1:
        # Copies enter and leave a temperature: its frames are one series in time.
        walkers = np.zeros_like(walkers)
    return _Frames(field, values, sizes, walkers, reader.observable("log_weight"), biased)


def _values(reader: H5mdReader, field: Dilation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quantities of all frames, their largest sizes, and components that ever carry force."""
    values, sizes, forced = [], 0.0, False
    for start in range(0, reader.n_frames, CHUNK):
        part = slice(start, start + CHUNK)
        positions, forces = reader.positions(part), reader.forces(part)
        values.append(field.values(positions, forces))
        sizes = sizes + field.sizes(positions, forces)
        forced = forced | (forces != 0).any(axis=0)
    return np.concatenate(values), sizes, forced


def _virial(frames: _Frames, reader: H5mdReader) -> dict[str, Any]:
    levels, own = reader.levels(), reader.parameters.get("temperature")
    degrees = frames.field.divergence
    if not degrees:
        return _no("no beads are bonded, and a single bead has no virial of its own")
    if None in levels:
        return _no("the file has no temperature")
    found, ways = {}, {}
    for temperature, chosen in levels.items():
        mean, ways[temperature] = frames.mean(0, np.array(chosen))
        found[temperature] = mean.scaled(1.0 / (degrees * kt(temperature)))
    own = own if own in found else next(iter(found))
    mean = found[own]
    result: dict[str, Any] = {
        "form": "confined" if frames.field.molecules is None else "molecules",
        "bias": ways[own],
        "degrees": degrees,
        "ratio": mean.value,
        "stderr": mean.error.stderr,
        "deviation": mean.deviation(1.0),
        "effective_frames": mean.effective,
    }
    if len(found) > 1:
        result["levels"] = [
            {"temperature": level, "ratio": one.value, "stderr": one.error.stderr}
            for level, one in found.items()
        ]
    result |= _verdict([(one, 1.0) for one in found.values()])
    if result["verdict"] == "failed":
        worst = max(found, key=lambda level: abs(found[level].deviation(1.0)))
        plain = None
        if ways[worst] == "weights":
            plain = frames.mean_by("none", 0, np.array(levels[worst]))
            plain = plain.scaled(1.0 / (degrees * kt(worst)))
        force_map = reader.parameters.get("force_map")
        result["mend"] = remedy(Finding(found[worst], plain, worst, force_map))
    return result


def _vector(frames: _Frames, first: int, chosen: np.ndarray) -> dict[str, Any]:
    """Check that a vector's mean vanishes."""
    if frames.vanishes(first):
        return {"verdict": "passed", "value": [0.0] * 3, "stderr": [0.0] * 3, "deviation": 0.0}
    means = [frames.mean(quantity, chosen)[0] for quantity in range(first, first + 3)]
    return {
        "value": [mean.value for mean in means],
        "stderr": [mean.error.stderr for mean in means],
        "deviation": max((mean.deviation(0.0) for mean in means), key=abs),
    } | _verdict([(mean, 0.0) for mean in means])


def _verdict(tests: list[tuple[Mean, float]]) -> dict[str, Any]:
    """Verdict on several means with their expected values, as rarely wrong as on one."""
    fewest = min(mean.effective for mean, _ in tests)
    if not fewest >= FEWEST:
        return {
            "verdict": "undecided",
            "reason": f"{fewest:.0f} independent frames are fewer than {FEWEST}",
        }

    def beyond(chance: float) -> bool:
        limits = [quantile(mean.error.dof, chance / len(tests)) for mean, _ in tests]
        return any(
            abs(mean.deviation(expected)) > limit
            for (mean, expected), limit in zip(tests, limits, strict=True)
        )

    failed = beyond(THREE_SIGMA)
    return {"verdict": "failed" if failed else "passed"} | (
        {"refuted": beyond(FIVE_SIGMA)} if failed else {}
    )


def _no(reason: str) -> dict[str, Any]:
    return {"verdict": "not_applied", "reason": reason}


def _by_walker(numbers: np.ndarray, walkers: np.ndarray) -> list[np.ndarray]:
    """Numbers of frames, separately for each walker."""
    return [numbers[walkers == walker] for walker in np.unique(walkers)]
