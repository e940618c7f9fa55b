"""Metric `pressure`: virial pressure of the CG model at its density.

P = ρ kT + ⟨W⟩/3V, with the virial of the CG potential (`potentials.virial`). It is the pressure
that the beads would exert if the CG potential were an ordinary energy, as in a CG run at constant
pressure. A potential of mean force is none: it depends on the volume by itself, and that part of
−∂U/∂V is in no force on a bead. So even a perfect potential of mean force, with the right
structure, has another pressure than the atoms (Wang, Junghans, Kremer, Eur. Phys. J. E 28, 221
(2009)), and there is no error of it. Where the datasets of the reference give the atomistic
pressure, it stands beside it as a value.
"""

import numpy as np
import torch

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.kinds import Group, Measure, Source
from meanforce.analysis.molecules import in_boxes
from meanforce.analysis.rows import Estimate, Quantity, Row, valued
from meanforce.analysis.samples import Sample
from meanforce.core.configuration import Configuration
from meanforce.core.molecules import Molecules
from meanforce.core.pressure import BAR
from meanforce.potentials.virial import virial_pressure
from meanforce.statistics.resampling import DRAWS, resampled_means

BEADS = 3 * 10**5
"""Positions of beads that are evaluated at most, over all frames: tens of seconds of a spline."""

CHUNK = 20_000
"""Positions of beads that are evaluated at once."""


def rows(comparison: Comparison) -> list[Row]:
    """Mean pressure of the CG run, bar; none for one molecule, without a box, or without a model.

    The error of the draw of the training data is not known: to reweight the frames of a liquid to
    the members' potentials is hopeless.
    """
    potential = comparison.trained.ensemble
    if potential is None or not in_boxes(comparison.model) or not potential.supports_periodic:
        return []
    model = comparison.model
    frames = model.some(max(2 * model.n_units, BEADS // model.molecule.size))
    values = pressures(comparison, model, frames)
    sums = model.sums_by_unit(frames, values[:, None])
    draws = resampled_means(sums, DRAWS, comparison.stream("pressure", "model"))[:, 0]
    total = sums.sum(axis=0)
    estimate = Estimate(
        float(total[0] / total[1]),
        Comparison.noise_of(model, draws),
        comparison.training_error([]),
    )
    quantity = Quantity("pressure", Group.THERMODYNAMICS, "bar")
    found = [valued(quantity, estimate)]
    if comparison.reference is not None and comparison.reference.pressure is not None:
        value, stderr = comparison.reference.pressure
        found.append(
            Row(
                quantity, Measure.VALUE, value, stderr, stderr_noise=stderr, source=Source.REFERENCE
            )
        )  # fmt: skip
    return found


def pressures(comparison: Comparison, sample: Sample, frames: np.ndarray) -> np.ndarray:
    """Instantaneous virial pressure of the model in some frames, bar, shape (n_frames,)."""
    potential = comparison.trained.ensemble.to(torch.float64)
    parts = Molecules.of(sample.molecule)
    found = []
    for some in np.array_split(frames, max(1, len(frames) * sample.molecule.size // CHUNK)):
        box = sample.boxes(some)
        whole = parts.whole(sample.positions[some], box)
        centres = parts.centres(whole, sample.masses)[:, parts.owner]
        cell = torch.from_numpy(np.ascontiguousarray(box))
        configuration = Configuration(torch.from_numpy(whole), comparison.temperature, cell)
        found.append(
            virial_pressure(potential, configuration, torch.from_numpy(centres), parts.count)
        )
    return np.concatenate(found) / BAR
