"""Fit of a prior to mapped frames, and training of the residual.

Frames biased along collective variables have a biased distribution, whose Boltzmann inversion is
not the PMF of a coordinate. A prior need not be exact, since the residual is trained on the
remaining forces; it must be bounded, and stiff where there are no frames. Frames that have weights
(e^{βV}) count with them here, too.
"""

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology
from meanforce.errors import InputError
from meanforce.fitting import prior_terms
from meanforce.fitting.frames import Frames
from meanforce.fitting.loss import force_squares
from meanforce.fitting.prior_terms import NoSingleWell, Sample
from meanforce.fitting.result import Fit
from meanforce.fitting.weights import effective_sample_size
from meanforce.potentials.geometry import InternalCoordinates
from meanforce.potentials.prior import MIXTURE, Prior
from meanforce.potentials.with_prior import WithPrior
from meanforce.progress import Progress
from meanforce.settings.potentials.priors import PriorSettings
from meanforce.units import kt

MOST_FRAMES = 200000
"""Enough for distributions of single coordinates; memory then does not grow with the frames."""

Beads = tuple[int, ...]


def fit_above_prior(
    train: Callable[[Frames], Fit],
    settings: PriorSettings,
    frames: Frames,
    member: int,
    report: Callable[[str], None],
) -> Fit:
    """Fit the prior to all folds but `member`, train on the remaining forces, return the sum.

    The prior is fitted to at most 200,000 frames, spread evenly.

    Args:
        train: trains a potential on frames.
        settings: of the prior.
        frames: training data.
        member: fold held out for validation.
        report: called with lines on the prior.
    """
    others = torch.nonzero(frames.folds != member)[:, 0]
    some = frames.select(others[:: -(-len(others) // MOST_FRAMES)])
    progress = Progress(report)
    with progress.during("fitting the prior"):
        prior, terms = fit_prior(settings, some, report)
    single = prior.to(torch.float32)

    def residual(part: Frames) -> torch.Tensor:
        return part.forces - single.energy_and_forces(part.configurations)[1]

    with progress.during("forces that the prior leaves"):
        left = frames.with_forces(residual)
        before, after = (force_squares(f, member).mean().item() for f in (frames, left))
    report(f"prior: leaves {after:.1f} of {before:.1f} (kJ/mol/nm)² of mean squared force")
    fit = train(left)
    about = {"mean_square_force": before, "mean_square_residual": after} | terms
    return dataclasses.replace(
        fit, potential=WithPrior(prior, fit.potential), about=fit.about | {"prior": about}
    )


def fit_prior(
    settings: PriorSettings, frames: Frames, report: Callable[[str], None]
) -> tuple[Prior, dict[str, Any]]:
    """Prior terms from the distributions of their coordinates in some frames.

    At several temperatures, frames are pooled: the prior is an energy, the same at all of them
    (with a force constant k, the variance kT/k follows each temperature, and the pooled one is
    that of the mean temperature).

    Args:
        settings: which terms.
        frames: whose distributions are inverted.
        report: called with a line for each term.

    Returns:
        the prior, in double precision; and plain values on the fit.

    Raises:
        InputError: the molecule has no such coordinates, or they allow no such term. The terms of
            angles without a single well are only left out, with a warning.
    """
    fitter = _Fitter(settings, frames, report)
    lines: list[dict[str, Any]] = []
    tensors, values = {}, {"n_beads": frames.molecule.size}
    for fit in (
        fitter.bonds, fitter.angles, fitter.mixtures, fitter.dihedrals, fitter.chirality,
        fitter.excluded,
    ):  # fmt: skip
        beads, parameters, about = fit()
        values |= beads
        tensors |= {n: torch.tensor(v, dtype=torch.float64) for n, v in parameters.items()}
        lines += about
    for line in lines:
        report(f"prior: {_text(line)}")
    about = {
        "frames": len(frames.positions),
        "effective_sample_size": frames.effective_sample_size,
        "terms": lines,
    }
    if fitter.left_out:
        about["left_out"] = fitter.left_out
    if not lines:
        why = ", ".join(fitter.left_out) or "the beads make no stereo centre"
        raise InputError(
            f"potential.prior: none of its terms can be fitted ({why}); add 'bonds: harmonic', or "
            "leave the prior out"
        )
    return Prior(values, tensors), about


def _text(line: dict[str, Any]) -> str:
    """A line for the log, in nm, rad and kJ/mol; a group has the name of its first member."""
    numbers = {n: np.array(v) for n, v in line.items() if n not in ("term", "coordinates")}
    with np.printoptions(precision=4, suppress=True):
        parts = [
            f"{name} {value if value.ndim else f'{value:.5g}'}" for name, value in numbers.items()
        ]
    others = line["coordinates"] - 1
    alike = f" and {others} of the same types" if others else ""
    return f"{line['term']}{alike}: {', '.join(parts)}"


Terms = tuple[dict[str, list], dict[str, list], list[dict[str, Any]]]
"""Bead indices by kind of term; parameters by name; and a line on each group of terms."""


class _Fitter:
    """Fits the terms of each kind to the same frames.

    Attributes:
        left_out: coordinates whose distributions allow no term.
    """

    def __init__(
        self, settings: PriorSettings, frames: Frames, report: Callable[[str], None]
    ) -> None:
        self._settings, self._frames, self._report = settings, frames, report
        self.left_out: list[str] = []
        n = len(frames.positions)
        weights = torch.ones(n) if frames.weights is None else frames.weights
        self._weights = weights.double().numpy() / float(weights.double().mean())
        # Half a frame in an empty bin is half an effective frame.
        self._effective = n if frames.weights is None else effective_sample_size(weights)
        self._kt = kt(float(np.average(frames.temperatures.numpy(), weights=self._weights)))

    def bonds(self) -> Terms:
        """Harmonic bonds."""
        wanted = self._settings.bonds == "harmonic"
        return self._harmonic("bond", self._frames.molecule.bonds if wanted else None)

    def angles(self) -> Terms:
        """Harmonic angles."""
        wanted = self._settings.angles == "harmonic"
        return self._harmonic("angle", self._frames.molecule.angles if wanted else None)

    def _harmonic(self, kind: str, coordinates: tuple[Beads, ...] | None) -> Terms:
        def fit(sample: Sample) -> dict[str, Any]:
            center, stiffness = prior_terms.harmonic(sample, kind)
            return {"center": center, "stiffness": stiffness}

        beads, found, lines = self._fit_groups(kind, coordinates, fit)
        parameters = {f"{kind}_{n}": [p[n] for p in found] for n in ("center", "stiffness")}
        return {f"{kind}s": beads}, parameters, lines

    def mixtures(self) -> Terms:
        """Angles with two wells; nothing where there are none, as in models made before."""
        if self._settings.angles != "mixture":
            return {}, {}, []
        angles = self._frames.molecule.angles
        beads, found, lines = self._fit_groups("angle", angles, prior_terms.mixture)
        names = (name.removeprefix("mixture_") for name in MIXTURE)
        parameters = {f"mixture_{n}": [p[n] for p in found] for n in names}
        return {"mixtures": beads}, parameters, lines

    def dihedrals(self) -> Terms:
        """Fourier series of dihedrals."""
        order = self._settings.fourier_order

        def fit(sample: Sample) -> dict[str, Any]:
            scale = self._effective / len(self._frames.positions)
            scaled = dataclasses.replace(sample, weights=sample.weights * scale)
            cosine, sine, misfit = prior_terms.fourier(scaled, order)
            return {"cosine": cosine.tolist(), "sine": sine.tolist(), "misfit": misfit}

        wanted = self._settings.dihedrals == "fourier"
        coordinates = self._frames.molecule.dihedrals if wanted else None
        beads, found, lines = self._fit_groups("dihedral", coordinates, fit)
        empty = np.zeros((0, order))
        parameters = {f"dihedral_{n}": [p[n] for p in found] or empty for n in ("cosine", "sine")}
        return {"dihedrals": beads}, parameters, lines

    def chirality(self) -> Terms:
        """Improper dihedrals of stereo centres; nothing where there are none."""
        centers = self._frames.molecule.stereo
        if self._settings.chirality == "none" or not centers:
            return {}, {}, []

        def fit(sample: Sample) -> dict[str, Any]:
            center, stiffness = prior_terms.handedness(sample)
            return {"center": center, "stiffness": stiffness}

        beads: list[Beads] = []
        parameters: dict[str, list] = {"stereo_center": [], "stereo_stiffness": []}
        lines: list[dict[str, Any]] = []
        # Centres of opposite handedness have no parameters in common.
        for sign in sorted({center[4] for center in centers}):
            alike = tuple(center[:4] for center in centers if center[4] == sign)
            own, found, about = self._fit_groups("chirality", alike, fit)
            beads += own
            for name, values in parameters.items():
                values += [p[name.removeprefix("stereo_")] for p in found]
            lines += about
        return {"stereo": beads}, parameters, lines

    def excluded(self) -> Terms:
        """Repulsion of pairs that are not bonded."""
        settings = self._settings.excluded_volume

        def fit(sample: Sample) -> dict[str, Any]:
            return {
                "radius": prior_terms.radius(sample, settings.percentile),
                "energy": self._kt,
            }

        pairs = settings and pairs_apart(self._frames.molecule, settings.apart)
        beads, found, lines = self._fit_groups("excluded volume", pairs, fit)
        parameters = {f"excluded_{n}": [p[n] for p in found] for n in ("radius", "energy")}
        return {"excluded": beads}, parameters, lines

    def _fit_groups(
        self,
        kind: str,
        coordinates: tuple[Beads, ...] | None,
        fit: Callable[[Sample], dict[str, Any]],
    ) -> tuple[list[Beads], list[dict[str, Any]], list[dict[str, Any]]]:
        """Fit the groups that share parameters.

        Returns:
            beads of the coordinates; parameters of each; and a line on each group that has a term.
        """
        if coordinates is None:
            return [], [], []
        if not coordinates:
            raise InputError(
                f"potential.prior: the mapping's beads ({', '.join(self._frames.molecule.names)}) "
                f"have no {kind} to fit; leave it out of the prior"
            )
        values = self._values(coordinates)
        found: list[dict[str, Any]] = [{} for _ in coordinates]
        lines = []
        for members in self._groups(coordinates):
            first = "–".join(self._frames.molecule.names[bead] for bead in coordinates[members[0]])
            sample = Sample(
                f"{kind} {first}",
                values[:, members].T.ravel(),
                np.tile(self._weights, len(members)),
                self._kt,
            )
            try:
                parameters = fit(sample)
            except NoSingleWell as error:
                # Bonds hold the chain together; without the term of an angle it only bends freely.
                if kind != "angle":
                    raise
                self._report(f"warning: {error}; this model is trained without it")
                self.left_out.append(sample.name)
                # A term without strength, since members of an ensemble must have the same terms.
                parameters = {"center": float(sample.values.mean()), "stiffness": 0.0}
                for number in members:
                    found[number] = parameters
                continue
            for number in members:
                found[number] = parameters
            lines.append({"term": sample.name, "coordinates": len(members)} | parameters)
        return list(coordinates), found, lines

    def _values(self, coordinates: tuple[Beads, ...], chunk: int = 20000) -> np.ndarray:
        """Shape (n_frames, n_coordinates), in double precision."""
        field = {2: "distances", 3: "angles", 4: "dihedrals"}[len(coordinates[0])]
        internal = InternalCoordinates(
            CoordinateList(**{field: coordinates}), self._frames.molecule.size, torch.float64
        )
        parts = self._frames.configurations.map(torch.Tensor.double).split(chunk)
        return torch.cat([internal.evaluate(p.positions, p.cell)[0] for p in parts]).numpy()

    def _groups(self, coordinates: tuple[Beads, ...]) -> list[list[int]]:
        """Numbers of the coordinates that share parameters."""
        by_type = self._settings.parameters == "by_type"
        names = self._frames.molecule.types if by_type else self._frames.molecule.names
        groups: dict[tuple[str, ...], list[int]] = {}
        for number, beads in enumerate(coordinates):
            label = tuple(names[bead] for bead in beads)
            # A coordinate is the same from both its ends.
            groups.setdefault(min(label, label[::-1]), []).append(number)
        return list(groups.values())


def pairs_apart(molecule: Topology, apart: int) -> tuple[Beads, ...]:
    """Pairs of beads with at least `apart` bonds between them, or not connected at all."""
    step = np.eye(molecule.size, dtype=bool)
    for i, j in molecule.bonds:
        step[i, j] = step[j, i] = True
    near = np.linalg.matrix_power(step, apart - 1)
    return tuple(
        (i, j) for i, j in itertools.combinations(range(molecule.size), 2) if not near[i, j]
    )
