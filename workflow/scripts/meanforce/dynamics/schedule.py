"""A CG run's times as whole numbers of time steps: building the bias, equilibration, frames."""

import dataclasses
import math

from meanforce.settings.simulations import SimulationSettings

DEPOSITS = 200
"""How often each chain adds a hill while the bias is built."""

AT_ONCE = 5
"""Steps in one call of compiled code, at most; compiling takes longer with each of them."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Counts of steps; the clock of the frames starts when equilibration ends.

    Attributes:
        deposits: hills that each chain adds.
        per_deposit: steps between hills.
        equilibration: steps between the last hill and sampling.
        frames: stored frames of a chain; the fewest, if the run may continue until convergence.
        per_frame: steps between frames.
        most_frames: stored frames of a chain after which the run ends in any case.
        per_exchange: steps between attempts to exchange; 0: there are none.
    """

    deposits: int
    per_deposit: int
    equilibration: int
    frames: int
    per_frame: int
    most_frames: int
    per_exchange: int = 0

    @classmethod
    def of(cls, settings: SimulationSettings) -> "Schedule":
        """Round the run's times to its time step."""

        def steps(duration: float) -> int:
            return round(duration / settings.time_step)

        build = steps(settings.bias.build) if settings.bias else 0
        per_deposit = max(1, build // DEPOSITS)
        per_frame = max(1, steps(settings.stride))
        return cls(
            deposits=build // per_deposit,
            per_deposit=per_deposit,
            equilibration=steps(settings.equilibration),
            frames=steps(settings.length) // per_frame,
            per_frame=per_frame,
            most_frames=steps(settings.longest) // per_frame,
            per_exchange=max(1, steps(settings.exchange.every)) if settings.exchange else 0,
        )

    @property
    def before_frames(self) -> int:
        """Steps before sampling."""
        return self.deposits * self.per_deposit + self.equilibration

    @property
    def fewest(self) -> int:
        """Steps of a run that converges as soon as it may end."""
        return self.before_frames + self.frames * self.per_frame

    @property
    def end(self) -> int:
        """The last step."""
        return self.before_frames + self.most_frames * self.per_frame

    @property
    def at_once(self) -> int:
        """The most steps, up to `AT_ONCE`, in which all that happens between steps has its place.

        Hills, exchanges and frames follow only steps that are multiples of it.
        """
        per_deposit = self.per_deposit if self.deposits else 0
        every = math.gcd(per_deposit, self.equilibration, self.per_frame, self.per_exchange)
        return max(count for count in range(1, AT_ONCE + 1) if every % count == 0)

    def phase(self, step: int) -> str:
        """What is done from this step on, in words."""
        if step < self.deposits * self.per_deposit:
            return "building the bias"
        return "equilibration" if step < self.before_frames else "frames"

    def is_deposit(self, step: int) -> bool:
        """Whether chains add hills after this step."""
        return step <= self.deposits * self.per_deposit and step % self.per_deposit == 0

    def is_last_deposit(self, step: int) -> bool:
        """Whether the hills that are added after this step complete the bias."""
        return step == self.deposits * self.per_deposit

    def is_frame(self, step: int) -> bool:
        """Whether a frame is stored after this step."""
        done = step - self.before_frames
        return done > 0 and done % self.per_frame == 0

    def is_look(self, step: int) -> bool:
        """Whether to look, after this step, if the run has converged."""
        done = step - self.before_frames
        return done > 0 and (done % (self.frames * self.per_frame) == 0 or step == self.end)

    def is_exchange(self, step: int) -> bool:
        """Whether levels of temperature exchange after this step."""
        return self.per_exchange > 0 and step % self.per_exchange == 0
