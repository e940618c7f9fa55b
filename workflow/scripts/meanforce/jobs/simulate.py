"""A job of the stage `simulate`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name, Temperature
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.simulations import SimulationSettings


class SimulateJob(StageJob):
    """Run an experiment's CG model at a state point.

    Attributes:
        simulation: how it is run.
        windows: begin and end in ps of the training data in each dataset; None: everything.
        temperature: K.
        surface: names of the variables along which starts are spread and convergence is tested.
        collective_variables: those, and the ones that are biased.
        seed: of all random numbers.
    """

    simulation: SimulationSettings
    windows: list[tuple[float, float]] | None
    temperature: Temperature
    surface: list[Name]
    collective_variables: dict[Name, CollectiveVariableSettings]
    seed: int
