"""Checks of a dataset's positions, forces and temperature against each other.

They need no other data: the virial identity, and mean force and mean torque, which vanish; see
`meanforce.mapping.fields`; and the balance of forces along torsions, see
`meanforce.mapping.rotations`. A wrong unit, a wrong temperature and a wrong force map break the
first.

Frames of a biased campaign have the density exp(−(U + V)/kT), but forces without the bias. So the
mapped mean of the bias's own forces is added, where the run stored them on some frames, or frames
have their weights, whichever gives the smaller error. A bias along the molecule's size or distances
shows in the virial, and one along torsions in their balance, if it is left in the forces.
"""

from typing import Any

import numpy as np

from meanforce.core.topology import Topology
from meanforce.data.h5md import H5mdReader
from meanforce.mapping.bias_sign import CHECK_SIGN, WRONG_SIGN, has_wrong_sign
from meanforce.mapping.fields import Dilation
from meanforce.mapping.frame_means import BiasForces, FrameMeans
from meanforce.mapping.memory import stride_of
from meanforce.mapping.remedies import BIAS_LEFT, CONFINED, Finding, is_certain, remedy
from meanforce.mapping.rotations import balances, rotations
from meanforce.statistics.errors import THREE_SIGMA, quantile
from meanforce.statistics.series_mean import Mean
from meanforce.units import kt

CHUNK = 20000
"""Frames read at once."""

FEWEST = 20
"""Independent frames below which nothing is decided."""

FIVE_SIGMA = 5.7e-7
"""Probability of more than 5 standard errors; imported data that deviate so far are refused."""

ROUNDING = 1e-4
"""Relative size of sums that counts as rounding of single precision."""


def check_identities(reader: H5mdReader, bias: BiasForces | None = None) -> dict[str, Any]:
    """The checks `virial`, `mean_force`, `mean_torque` and `torsions`, as plain values.

    Each has a `verdict` (`passed`, `failed`, `undecided`: too few independent frames, or
    `not_applied`) and, where it is one of the last two, the `reason`. A right dataset fails each of
    them with a probability of 0.27 %, that of a deviation of 3 standard errors. `refuted` marks
    failures as improbable as 5 standard errors, with weights only those with a certain cause.
    `deviation` is the largest of a check's, in standard errors.

    `virial` also has `ratio`, the virial in units of its expected value (of the frames at the state
    point's temperature), its `stderr`, `degrees` (∇·v), `effective_frames`, the `form` of the
    identity, how a `bias` was taken out, and `levels` (all temperatures). The means are vectors, in
    the dataset's units. `torsions` names the `worst` one. `mend` is what would mend a failure of
    the virial or of torsions, and `wrong_sign` marks those that show bias energies of the wrong
    sign; these are failures even where few independent frames remain with the given weights.

    Args:
        reader: of all frames of a dataset.
        bias: forces of the campaign's bias on some of them, where they are known.
    """
    levels, temperature = reader.levels(), reader.parameters.get("temperature")
    own = levels.get(temperature, range(reader.n_frames))
    walkers = reader.observable("chain")
    if len(levels) > 1:
        # Copies enter and leave a temperature: its frames are one series in time.
        walkers = np.zeros_like(walkers)
    field, means, sizes = _dilation(reader, walkers, bias)
    torque = _no("no beads are bonded")
    if field.molecules is not None and field.divergence:
        torque = _vector(means, sizes, 4, np.array(own))
    return {
        "virial": _virial(field, means, reader),
        "mean_force": _vector(means, sizes, 1, np.array(own)),
        "mean_torque": torque,
        "torsions": _torsions(reader, walkers, bias, own),
    }


def _dilation(
    reader: H5mdReader, walkers: np.ndarray, bias: BiasForces | None
) -> tuple[Dilation, FrameMeans, np.ndarray]:
    """The dilation, its quantities, and the largest sizes that these can have, shape (7,)."""
    field = Dilation.of(reader.parameters)
    values, sizes, forced = _values(reader, field)
    in_field = np.linalg.norm(values[:, 1:4], axis=1).sum() > ROUNDING * sizes[1]
    if not field.divergence and in_field and reader.boxes(slice(0, 1)) is None:
        first = reader.positions(slice(0, CHUNK)).astype(np.float64)
        field = Dilation.confined(first.mean(axis=(0, 1)), forced)
        values, sizes, _ = _values(reader, field)
    rows = None
    if bias is not None:
        positions = _positions_at(reader, bias.frames)
        rows = field.values(positions, bias.forces)
        rounding = ROUNDING * field.sizes(positions, bias.forces)
        rows = np.where(np.abs(rows).sum(axis=0) <= rounding, 0.0, rows)
    return field, _means(reader, values, walkers, slice(None), bias, rows), sizes


def _means(
    reader: H5mdReader,
    values: np.ndarray,
    walkers: np.ndarray,
    frames: slice,
    bias: BiasForces | None,
    rows: np.ndarray | None,
) -> FrameMeans:
    """Quantities of some frames, and what the bias's forces add to them."""
    log_weights = reader.observable("log_weight", frames)
    of_bias = None if bias is None else walkers[bias.frames]
    return FrameMeans(values, walkers[frames], log_weights, rows, of_bias)


def _positions_at(reader: H5mdReader, frames: np.ndarray) -> np.ndarray:
    return np.concatenate([reader.positions(slice(n, n + 1)) for n in frames.tolist()])


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


def _virial(field: Dilation, means: FrameMeans, reader: H5mdReader) -> dict[str, Any]:
    levels, own = reader.levels(), reader.parameters.get("temperature")
    degrees = field.divergence
    if not degrees:
        return _no("no beads are bonded, and a single bead has no virial of its own")
    if None in levels:
        return _no("the file has no temperature")
    found, ways = {}, {}
    for temperature, chosen in levels.items():
        mean, ways[temperature] = means.mean(0, np.array(chosen))
        found[temperature] = mean.scaled(1.0 / (degrees * kt(temperature)))
    own = own if own in found else next(iter(found))
    mean = found[own]
    result: dict[str, Any] = {
        "form": "confined" if field.molecules is None else "molecules",
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
    scale = 1.0 / (degrees * kt(own))
    if _of_other_sign(result, means, [0], np.array(levels[own]), (scale, 1.0)):
        return result
    if result["verdict"] == "failed":
        worst = max(found, key=lambda level: abs(found[level].deviation(1.0)))
        plain = None
        if ways[worst] == "weights":
            plain = means.mean_by("none", 0, np.array(levels[worst]))
            plain = plain.scaled(1.0 / (degrees * kt(worst)))
        force_map = reader.parameters.get("force_map")
        result["mend"] = remedy(Finding(found[worst], plain, worst, force_map))
        if ways[worst] == "weights":
            _spare_confined(result)
    return result


def _vector(means: FrameMeans, sizes: np.ndarray, first: int, chosen: np.ndarray) -> dict[str, Any]:
    """Check that the mean of a vector, force (1) or torque (4), vanishes."""
    parts = [means.values] if means.bias is None else [means.values, means.bias]
    whole = sum(np.linalg.norm(part[:, first : first + 3], axis=1).sum() for part in parts)
    if whole <= ROUNDING * sizes[first]:
        # It vanishes in each frame.
        return {"verdict": "passed", "value": [0.0] * 3, "stderr": [0.0] * 3, "deviation": 0.0}
    found = [means.mean(quantity, chosen)[0] for quantity in range(first, first + 3)]
    return {
        "value": [mean.value for mean in found],
        "stderr": [mean.error.stderr for mean in found],
        "deviation": max((mean.deviation(0.0) for mean in found), key=abs),
    } | _verdict([(mean, 0.0) for mean in found])


def _torsions(
    reader: H5mdReader, walkers: np.ndarray, bias: BiasForces | None, own: range
) -> dict[str, Any]:
    """Check the balance of forces along all torsions, on some of a level's frames."""
    topology = Topology.of(reader.parameters)
    temperature = reader.parameters.get("temperature")
    if temperature is None:
        return _no("the file has no temperature")
    about = [] if topology.has_copies else rotations(topology)
    if not about:
        return _no("there is no single molecule with parts that can turn about a bond")
    own = own[:: stride_of(walkers[own.start : own.stop : own.step])]
    frames, kT, values = slice(own.start, own.stop, own.step), kt(temperature), []
    for start in range(0, len(own), CHUNK):
        some = own[start : start + CHUNK]
        part = slice(some.start, some.stop, some.step)
        values.append(balances(about, reader.positions(part), reader.forces(part), kT))
    rows = None
    if bias is not None:
        rows = balances(about, _positions_at(reader, bias.frames), bias.forces, 0.0)
    means = _means(reader, np.concatenate(values), walkers, frames, bias, rows)
    chosen, number = np.arange(len(own)), range(2 * len(about))
    found = [means.mean(quantity, chosen) for quantity in number]
    worst = max(number, key=lambda one: abs(found[one][0].deviation(0.0)))
    names = [topology.names[bead] for bead in about[worst // 2].torsion]
    result: dict[str, Any] = {
        "deviation": found[worst][0].deviation(0.0),
        "worst": names,
        "bias": found[worst][1],
    } | _verdict([(mean, 0.0) for mean, _ in found])
    if _of_other_sign(result, means, list(number), chosen, (1.0, 0.0)):
        return result
    if result["verdict"] == "failed":
        result["mend"] = (
            "they lack those of a bias along it, or the temperature, a unit or the force map is "
            "wrong"
        )
        if "weights" in means.ways:
            plain = [means.mean_by("none", one, chosen) for one in number]
            if _verdict([(mean, 0.0) for mean in plain])["verdict"] == "passed":
                result["mend"] = BIAS_LEFT
            _spare_confined(result)
    return result


def _spare_confined(result: dict[str, Any]) -> None:
    """Let a failure by weights refute the data only where its cause is certain; changes it."""
    if not is_certain(result["mend"]):
        result |= {"refuted": False, "mend": result["mend"] + CONFINED}


def _of_other_sign(
    result: dict[str, Any],
    means: FrameMeans,
    quantities: list[int],
    chosen: np.ndarray,
    wanted: tuple[float, float],
) -> bool:
    """Whether a check that did not pass shows bias energies of the wrong sign; completes it.

    Args:
        result: of the check; changed.
        means: of its quantities.
        quantities: which.
        chosen: numbers of the frames.
        wanted: factor to the means, and what they should be then.
    """
    if result["verdict"] == "passed" or result["bias"] != "weights":
        return False
    factor, expected = wanted
    plain, opposite = (
        [means.mean_by(way, one, chosen).scaled(factor) for one in quantities]
        for way in ("none", "opposite")
    )
    if has_wrong_sign(plain, opposite, expected, FEWEST):
        result |= {"verdict": "failed", "wrong_sign": True, "mend": WRONG_SIGN}
        result.setdefault("refuted", False)
        result.pop("reason", None)
        return True
    if result["verdict"] == "undecided":
        result["reason"] += f"; {CHECK_SIGN}"
    return False


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
