"""How each kind of potential is fitted."""

from collections.abc import Callable

from meanforce.restart.job import Job
from meanforce.settings.collective_variables import CollectiveVariable
from meanforce.settings.potentials import Potential
from meanforce.training.frames import Frames
from meanforce.training.gradient import fit_cgnet
from meanforce.training.linear import fit_linear
from meanforce.training.result import Fit

FITS = {"spline": fit_linear, "rbf": fit_linear, "cgnet": fit_cgnet}


def fit(
    settings: Potential,
    frames: Frames,
    variables: dict[str, CollectiveVariable],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit a potential of any kind; member `member` leaves out fold `member`.

    With a job, a long fit goes on from its restart bundle.
    """
    return FITS[settings.kind](settings, frames, variables, member, seed, report, job)
