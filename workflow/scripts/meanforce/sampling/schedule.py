"""A campaign's times as whole numbers of time steps ("ticks")."""

import dataclasses
import math

from meanforce.settings.campaigns.registry import Campaign

SAMPLES_PER_RELAXATION = 4
"""Most samples of the kinetic energy in the thermostat's relaxation time 1/γ."""

PULL_STEPS = 200
"""Number of steps in which windows are pulled to their places."""


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Counts of ticks; the campaign's clock starts when equilibration ends.

    Attributes:
        equilibration: ticks before sampling, those of the pull included.
        burn_in: ticks at the start of sampling whose frames are not stored.
        frames: stored frames of a copy.
        per_frame: ticks between frames.
        per_temperature: ticks between samples of the kinetic energy.
        pull: ticks at the start in which windows are pulled to their places.
        per_pull: ticks between steps of the pull.
    """

    equilibration: int
    burn_in: int
    frames: int
    per_frame: int
    per_temperature: int
    pull: int = 0
    per_pull: int = 1

    @classmethod
    def of(cls, campaign: Campaign) -> "Schedule":
        """Round the campaign's times to its time step."""

        def ticks(duration: float) -> int:
            return round(duration / campaign.time_step)

        burn_in = ticks(campaign.filling)
        per_frame = max(1, ticks(campaign.stride))
        pull = ticks(campaign.pulling)
        relaxation = 1.0 / campaign.friction / SAMPLES_PER_RELAXATION
        return cls(
            equilibration=pull + ticks(campaign.equilibration),
            burn_in=burn_in,
            frames=(ticks(campaign.length) - burn_in) // per_frame,
            per_frame=per_frame,
            # Together with frames, so that stepping is not divided into more parts.
            per_temperature=per_frame * math.ceil(relaxation / (per_frame * campaign.time_step)),
            pull=pull,
            per_pull=max(1, pull // PULL_STEPS),
        )

    @property
    def end(self) -> int:
        """The last tick."""
        return self.equilibration + self.burn_in + self.frames * self.per_frame

    def phase(self, tick: int) -> str:
        """The phase from this tick on, in words."""
        if tick < self.pull:
            return "pulling windows to their places"
        if tick < self.equilibration:
            return "equilibration"
        return "burn-in" if tick < self.equilibration + self.burn_in else "frames"

    def next_event(self, tick: int, period: int | None) -> int:
        """The next tick at which something happens.

        Args:
            tick: now.
            period: ticks between events of the campaign's kind, counted from the end of
                equilibration, or None.
        """
        if tick < self.pull:
            return min((tick // self.per_pull + 1) * self.per_pull, self.pull)
        if tick < self.equilibration:
            return self.equilibration
        done = tick - self.equilibration
        steps = [self.per_temperature, *([period] if period else [])]
        events = [(done // step + 1) * step for step in steps]
        stored = (done - self.burn_in) // self.per_frame + 1
        events.append(self.burn_in + max(1, stored) * self.per_frame)
        return min(self.equilibration + min(events), self.end)

    def is_pull(self, tick: int) -> bool:
        """Whether windows move at this tick."""
        return tick == self.pull > 0 or (0 < tick < self.pull and tick % self.per_pull == 0)

    def is_frame(self, tick: int) -> bool:
        """Whether a frame is stored at this tick."""
        done = tick - self.equilibration - self.burn_in
        return done > 0 and done % self.per_frame == 0

    def is_multiple(self, tick: int, period: int | None) -> bool:
        """Whether an event of this period falls on this tick."""
        done = tick - self.equilibration
        return bool(period) and done > 0 and done % period == 0
