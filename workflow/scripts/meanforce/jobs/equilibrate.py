"""A job of the stage `equilibrate`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Pressure, Temperature
from meanforce.settings.systems.equilibration import EquilibrationSettings


class EquilibrateJob(StageJob):
    """Equilibrate a system at a state point.

    Attributes:
        equilibration: the protocol.
        temperature: K.
        pressure: bar.
        seed: of all random numbers.
    """

    equilibration: EquilibrationSettings
    temperature: Temperature
    pressure: Pressure
    seed: int
