"""Fitting method `force_matching`: normal equations where possible, else gradient descent."""

from collections.abc import Callable

from meanforce.fitting.frames import Frames
from meanforce.fitting.gradient import fit_gradient
from meanforce.fitting.linear import fit_linear
from meanforce.fitting.prior import fit_above_prior
from meanforce.fitting.result import Fit
from meanforce.potentials.linear import LinearPotential
from meanforce.potentials.registry import KINDS
from meanforce.restart.job import Job
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.registry import Potential


def fit(
    settings: Potential,
    frames: Frames,
    variables: dict[str, CollectiveVariableSettings],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit a potential of any kind; member `member` leaves out fold `member`.

    With a job, a long fit continues from its restart bundle. With a prior, the result is the sum of
    the prior and of a potential that was trained on the remaining forces.
    """
    linear = issubclass(KINDS[settings.kind], LinearPotential)
    method = fit_linear if linear else fit_gradient

    def train(frames: Frames) -> Fit:
        return method(settings, frames, variables, member, seed, report, job)

    if settings.terms_below is None:
        return train(frames)
    return fit_above_prior(train, settings.terms_below, frames, member, report)
