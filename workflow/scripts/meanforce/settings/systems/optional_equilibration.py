"""Systems that are equilibrated where the config asks for it."""

from pydantic import Field

from meanforce.settings.systems.base import SystemSettings
from meanforce.settings.systems.equilibration import EquilibrationSettings


class OptionallyEquilibratedSettings(SystemSettings):
    """A system that comes with a start and a box of its own, which it keeps by default."""

    equilibration: EquilibrationSettings | None = Field(
        default=None,
        description="how a periodic system is equilibrated at every state point, before it is "
        "sampled (`{}`: with all defaults); without it, its box stays as it is in the files, and "
        "the pressure of state points has no effect",
    )

    @property
    def equilibrated(self) -> bool:
        """Whether it is equilibrated at every state point before it is sampled."""
        return self.equilibration is not None

    @property
    def equilibration_time(self) -> float:
        """Simulated time in ps of the equilibration at a state point."""
        return 0.0 if self.equilibration is None else self.equilibration.time
