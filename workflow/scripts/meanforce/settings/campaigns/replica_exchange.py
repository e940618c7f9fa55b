"""Campaign kind `replica_exchange`."""

from typing import ClassVar, Literal

from pydantic import Field

from meanforce.settings.base import Temperature, Time
from meanforce.settings.campaigns.protocol import ProtocolSettings


class ReplicaExchangeSettings(ProtocolSettings):
    """Temperature replica exchange; frames of all levels are stored, at their temperatures.

    A potential that depends on temperature is trained on all of them. Other potentials and all
    comparisons with the reference use only those at the state point's temperature. Sugita, Okamoto,
    Chem. Phys. Lett. 314, 141 (1999).
    """

    intervals_of_steps: ClassVar[tuple[str, ...]] = ("stride", "equilibration", "exchange_every")

    kind: Literal["replica_exchange"]
    highest: Temperature = Field(description="temperature of the hottest level")
    levels: int = Field(
        ge=2, le=200, description="temperatures, in geometric progression from the state point's"
    )
    exchange_every: Time = Field(description="time between attempts to exchange")

    def check(self, where, variables, campaigns):
        super().check(where, variables, campaigns)
        if self.exchange_every > self.shortest:
            raise ValueError(
                f"{where}.exchange_every: is longer than 'length', so that levels never exchange"
            )

    def copies(self, job: int) -> int:
        """Levels."""
        return self.levels

    def temperatures(self, lowest: float) -> list[float]:
        """All levels in K, the state point's first."""
        ratio = (self.highest / lowest) ** (1.0 / (self.levels - 1))
        return [lowest * ratio**level for level in range(self.levels)]

    def check_state_point(self, where: str, state: str, temperature: float) -> None:
        if self.highest <= temperature:
            raise ValueError(
                f"{where}.highest: {self.highest:g} K is not above state point '{state}' with "
                f"{temperature:g} K"
            )
