"""Fitting methods. One line for each kind."""

from collections.abc import Callable

from meanforce.fitting import boltzmann_inversion, force_matching
from meanforce.fitting.frames import Frames
from meanforce.fitting.result import Fit
from meanforce.restart.job import Job
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.registry import Potential

KINDS = {
    "force_matching": force_matching.fit,
    "boltzmann_inversion": boltzmann_inversion.fit,
}


def fit(
    settings: Potential,
    frames: Frames,
    variables: dict[str, CollectiveVariableSettings],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Fit a potential by the method that its settings name.

    Args:
        settings: of the potential.
        frames: training data.
        variables: collective variables by name.
        member: of the ensemble; it leaves out the fold of its number.
        seed: of all random numbers.
        report: called with lines of progress.
        job: its restart bundle, or None for a fit in one go.

    Raises:
        InputError: the method cannot fit this potential to these frames.
        Stopped: the job was asked to stop.
    """
    method = KINDS[settings.fitting.kind]
    return method(settings, frames, variables, member, seed, report, job)
