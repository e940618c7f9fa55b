"""The input of every metric: a model and its reference at one state point."""

import dataclasses

import numpy as np
import torch

from meanforce.analysis.members import Scheme, training_error
from meanforce.analysis.samples import Sample
from meanforce.analysis.streams import stream
from meanforce.analysis.surfaces import Axes, Surface, block_histograms
from meanforce.analysis.table_reference import TableReference
from meanforce.core.configuration import Configuration
from meanforce.data.dataset import Dataset
from meanforce.potentials.interface import EnsembleMean, Potential
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic
from meanforce.settings.validation import ValidationSettings
from meanforce.statistics.distances import Distance
from meanforce.statistics.errors import NONE, Error, scatter
from meanforce.statistics.resampling import DRAWS, resampled
from meanforce.systems.exact import ExactPmf
from meanforce.units import KCAL, kt

MEMBER_FRAMES = 20000
"""Frames of the CG run on which members of the ensemble are compared."""


LOOK = 64
"""Frames of a liquid that decide whether members can be compared."""

WIDEST = 1.5
"""Standard deviation of the difference of their energies, in kT, above which they cannot: a tenth
of the frames would count."""

LIQUID = 3 * 10**5
"""Positions of beads of a liquid on which members are compared, at most."""

CHUNK = 20_000
"""Positions of beads of a liquid whose energies are computed at once."""


@dataclasses.dataclass(frozen=True)
class TrainedModel:
    """What is judged, apart from its CG run.

    Attributes:
        ensemble: the potential; None where the frames come from no model.
        scheme: how members differ in their training data.
        effective_sample_size: of the training frames, or None where it is not known.
        held_out: whether no member was trained on frames of the reference.
    """

    ensemble: EnsembleMean | None
    scheme: Scheme
    effective_sample_size: float | None = None
    held_out: bool = False

    @property
    def members(self) -> list[Potential]:
        """Members of the ensemble."""
        return [] if self.ensemble is None else self.ensemble.members


@dataclasses.dataclass(frozen=True)
class ReferenceForces:
    """Mapped forces of the reference's frames.

    Attributes:
        values: kJ/mol/nm, shape (n, n_beads, 3); or the datasets that hold them, of which only the
            frames that are compared are read.
        weighted: whether they are compared in the unbiased ensemble of the reference, and not on
            its frames as they are.
    """

    values: np.ndarray | Dataset
    weighted: bool = False

    def of(self, frames: np.ndarray) -> np.ndarray:
        """Forces of some frames, by their numbers in ascending order, kJ/mol/nm."""
        if isinstance(self.values, Dataset):
            return self.values.forces_of(frames)
        return self.values[frames]


@dataclasses.dataclass(frozen=True)
class ExactReference:
    """The exact result of a system whose potential of mean force is known.

    Attributes:
        populations: of the bins of the surface, shape (n_bins,), 1 in sum.
        pmf: the potential of mean force behind them, or None.
    """

    populations: np.ndarray
    pmf: ExactPmf | None = None


@dataclasses.dataclass
class Comparison:
    """Model and reference at one state point.

    Attributes:
        validation: settings.
        variables: collective variables, in the order of the samples' columns: those of the
            surface, then further ones that have a profile.
        temperature: K.
        model: frames of the CG run.
        trained: the model itself.
        reference: frames of the reference campaign, or None.
        forces: of these frames, or None.
        exact: exact reference on the bins of the surface, or None.
        table: free energies from elsewhere in the place of a reference's frames, or None.
        seed: of all random numbers.
        scope: names that set the random numbers apart from those of another comparison with the
            same seed.
        axes: of the surface; none where there is no surface.
        surface: histograms along them, or None where no surface is validated.
        member_weights: for each member of the ensemble, some frames of the CG run and their
            weights in its own ensemble; empty for a single member.
    """

    validation: ValidationSettings
    variables: dict[str, CollectiveVariableSettings]
    temperature: float
    model: Sample
    trained: TrainedModel
    reference: Sample | None
    seed: int
    forces: ReferenceForces | None = None
    exact: ExactReference | None = None
    table: TableReference | None = None
    scope: tuple[str, ...] = ()
    axes: Axes = dataclasses.field(init=False)
    surface: Surface | None = dataclasses.field(init=False)
    member_weights: list[tuple[np.ndarray, np.ndarray]] = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.axes = axes_of(self.validation, self.variables)
        self.surface = self._surface() if self.axes.names else None
        self.member_weights = self._member_weights()

    def stream(self, *names: str) -> np.random.Generator:
        """Random numbers of one draw, by the names of a metric and what is drawn for it.

        They depend on nothing else, so that no metric changes the error bars of another.
        """
        return stream(self.seed, *self.scope, *names)

    @property
    def truth(self) -> Sample | None:
        """What free energies are judged by: the exact distribution, if it is known, or a table.

        These have one frame for each bin, and the variables of the surface only.
        """
        if self.exact is None:
            return self.reference if self.table is None else self.table.sample
        weights = self.exact.populations
        n, alike = len(weights), np.zeros(len(weights), dtype=int)
        centers = self.axes.centers[0][:, None]
        return Sample(np.zeros((n, 1, 3)), centers, weights, alike, alike, 1, self.model.molecule)

    @property
    def samples(self) -> dict[str, Sample]:
        """Frames of `model` and `reference`; of the model alone without any reference.

        Empty where the reference is an exact distribution, which has no frames.
        """
        if self.reference is not None:
            return {"model": self.model, "reference": self.reference}
        return {"model": self.model} if self.exact is None else {}

    @property
    def watched(self) -> tuple[str, ...]:
        """Collective variables whose dynamics are reported: the surface's, or all without one."""
        return self.axes.names or tuple(self.variables)

    @property
    def kT(self) -> float:
        """kT in kcal/mol."""
        return kt(self.temperature) / KCAL

    def member_spread(self, values: list[float] | np.ndarray) -> np.ndarray:
        """Standard error of the mean over members; NaN where it is not known."""
        return training_error(values, self.trained.scheme).stderr

    def training_error(self, values: list[float] | np.ndarray) -> Error:
        """Error due to the draw of the training data, from one value for each member."""
        found = training_error(values, self.trained.scheme)
        return Error(float(found.stderr), found.dof)

    def training_error_of(
        self, metric: Distance, members: list[np.ndarray], reference: np.ndarray
    ) -> Error:
        """The same for a distance, to first order in the members' deviations from their mean.

        Args:
            metric: the distance.
            members: the distribution of each member.
            reference: the distribution that the distance is measured from.
        """
        if len(members) < 2:
            return self.training_error([])
        mean = np.mean(members, axis=0)
        return self.training_error([metric.slope(mean, one, reference) for one in members])

    @staticmethod
    def noise_of(sample: Sample, draws: np.ndarray) -> Error:
        """Standard error of what was computed from bootstrap draws of a sample's units."""
        return Error(scatter(draws), sample.n_units - 1) if sample.n_units > 1 else NONE

    def member_surfaces(self) -> list[np.ndarray]:
        """The surface's histogram in each member's ensemble; none where there is one member."""
        surfaces = [
            np.histogramdd(
                self.model.variables[frames, : len(self.axes.names)],
                self.axes.edges,
                weights=weights,
            )[0]
            for frames, weights in self.member_weights
        ]
        # Frames beyond the axes may have most of the weight in a member's ensemble.
        return [surface / surface.sum() for surface in surfaces]

    def _surface(self) -> Surface:
        model = block_histograms(self.model, self.axes, "model")
        drawn = resampled(model, DRAWS, self.stream("surface", "model"))
        truth = self.truth
        if truth is None:
            return Surface(self.axes, model, drawn)
        reference = block_histograms(truth, self.axes, "reference")
        draws = resampled(reference, DRAWS, self.stream("surface", "reference"))
        return Surface(self.axes, model, drawn, reference, draws)

    def _member_weights(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For each member, some frames of the CG run and their weights in its ensemble."""
        members = self.trained.members
        if len(members) < 2:
            return []
        model = self.model
        if model.molecule.has_copies:
            # Members' energies of a liquid differ by many kT: few frames would have all the weight.
            if not self._shifts(model.some(LOOK)).std(axis=1).max() < WIDEST:
                return []
            frames = model.some(max(2 * model.n_units, LIQUID // model.molecule.size))
        else:
            frames = np.arange(0, len(model.weights), max(1, len(model.weights) // MEMBER_FRAMES))
        shifts = self._shifts(frames)
        weights = model.weights[frames] * np.exp(shifts - shifts.max(axis=1, keepdims=True))
        return [(frames, row / row.sum()) for row in weights]

    def _shifts(self, frames: np.ndarray) -> np.ndarray:
        """Mean energy of the members minus that of each, in kT, shape (n_members, n_frames)."""
        model = self.model
        size = max(1, CHUNK // model.molecule.size) if model.molecule.has_copies else len(frames)
        parts = []
        for start in range(0, len(frames), size):
            some = frames[start : start + size]
            positions = torch.from_numpy(model.positions[some]).to(self.trained.ensemble.dtype)
            with torch.no_grad():
                few = Configuration(positions, self.temperature, model.cell(positions, some))
                members = self.trained.members
                parts.append(np.array([m.energy_and_forces(few)[0].numpy() for m in members]))
        energies = np.concatenate(parts, axis=1)
        return -(energies - energies.mean(axis=0)) / kt(self.temperature)


def axes_of(
    validation: ValidationSettings, variables: dict[str, CollectiveVariableSettings]
) -> Axes:
    """Histogram axes of the surface that is validated; none without a surface."""
    edges, periodic = [], []
    for number, name in enumerate(validation.surface):
        wraps = is_periodic(variables[name].kind)
        low = -np.pi if wraps else validation.lower[number]
        high = np.pi if wraps else validation.upper[number]
        edges.append(np.linspace(low, high, validation.bins + 1))
        periodic.append(wraps)
    return Axes(tuple(validation.surface), tuple(edges), tuple(periodic))
