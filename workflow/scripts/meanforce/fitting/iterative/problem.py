"""What a fit that iterates is given, and how its coefficients are put together."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import torch

from meanforce.core.configuration import Configuration
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.system import CgSystem
from meanforce.fitting.frames import Frames
from meanforce.fitting.iterative.histograms import Histograms
from meanforce.fitting.iterative.moments import Features
from meanforce.fitting.iterative.states import State
from meanforce.potentials.linear import LinearPotential
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.fitting import IterativeFitting


@dataclasses.dataclass(frozen=True)
class Problem:
    """What does not change from iteration to iteration.

    Attributes:
        settings: of the fit.
        blank: the potential without coefficients.
        frames: training data.
        states: training state points, with their targets.
        histograms: that counted the targets.
        seed: of all random numbers.
        features: of which moments are summed, where the method needs them.
        variables: name: collective variable, of the bias of CG runs.
        keeps_frames: whether the method needs the frames of CG runs.
    """

    keeps_frames: ClassVar[bool] = False

    settings: IterativeFitting
    blank: LinearPotential
    frames: Frames
    states: list[State]
    histograms: Histograms
    seed: int
    features: Features | None = None
    variables: Mapping[str, CollectiveVariableSettings] = dataclasses.field(default_factory=dict)

    def potential(
        self,
        coefficients: np.ndarray,
        errors: dict[str, torch.Tensor] | None = None,
        **place: torch.device,
    ) -> LinearPotential:
        """The potential of some coefficients, in the type of the blank one."""
        dtype = self.blank.dtype
        tensor = torch.from_numpy(coefficients).to(dtype=dtype)
        errors = {name: one.to(dtype) for name, one in (errors or {}).items()}
        return type(self.blank)(self.blank.values, tensor, errors).to(dtype, **place)

    def combined(self, updates: list[np.ndarray]) -> np.ndarray:
        """Coefficients at all temperatures from those that each state point asks for.

        Least squares over the state points: their mean for a potential that does not depend on
        temperature (multi-state inversion; Moore, Iacovella, McCabe, J. Chem. Phys. 140, 224104
        (2014)), else a line. At one state point, what depends on temperature stays as it is.

        Args:
            updates: kJ/mol, of each state point, shape (K,).

        Returns:
            shape (forms · K,).
        """
        return (np.linalg.pinv(self.forms) @ np.array(updates)).ravel()

    @functools.cached_property
    def forms(self) -> np.ndarray:
        """Factors of the coefficients at each state point, shape (n_states, forms)."""
        temperatures = torch.tensor([state.temperature for state in self.states]).double()
        return self.blank.temperature_form(temperatures).numpy()

    def of_curve(self, number: int) -> np.ndarray:
        """Which coefficients belong to a curve, shape (forms · K,)."""
        index, size = self.blank.of_curves.index, self.blank.of_curves.size
        mask = np.zeros(size, dtype=bool)
        mask[index[number, : self.blank.curves[number].functions].numpy()] = True
        return np.tile(mask, self.forms.shape[1])

    def run(
        self,
        coefficients: np.ndarray,
        starts: Configuration[np.ndarray],
        device: torch.device,
        stream: tuple[int, ...],
    ) -> CgRun:
        """A CG run with random numbers of its own.

        Args:
            coefficients: of the potential.
            starts: where its chains start.
            device: where it computes.
            stream: numbers that no other run of the fit has.
        """
        drawn = np.random.SeedSequence([self.seed, *stream]).generate_state(1, np.uint64)
        generator = torch.Generator(device).manual_seed(int(drawn[0] >> np.uint64(1)))
        return CgRun(
            self.potential(coefficients, device=device),
            starts,
            self.settings.simulation.as_simulation(),
            generator,
            CgSystem(self.frames.molecule, self.frames.masses, self.variables),
        )
