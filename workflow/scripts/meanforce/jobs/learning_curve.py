"""A job of the stage `learning_curve`."""

from meanforce.jobs.base import StageJob
from meanforce.settings.base import Name, Settings, Time


class CurveRun(Settings):
    """One run of a learning curve.

    Attributes:
        experiment: of the config that the run comes from.
        atomistic_time: ps.
        seed: number from 1.
        plain: whether its data are unbiased: what the others are compared with.
    """

    experiment: Name
    atomistic_time: Time
    seed: int
    plain: bool


class LearningCurveJob(StageJob):
    """Gather the runs of a learning curve.

    Attributes:
        runs: by name.
        seed: of all random numbers.
    """

    runs: dict[Name, CurveRun]
    seed: int
