"""Methods of fitting that need no CG runs. One line for each kind.

`meanforce.fitting.iterative.registry` has all methods. They are apart so that a change of CG
dynamics, on which iterative fits depend, does not run force matching again.
"""

from collections.abc import Callable, Mapping

from meanforce.fitting import force_matching
from meanforce.fitting.frames import Frames
from meanforce.fitting.result import Fit
from meanforce.restart.job import Job
from meanforce.settings.collective_variables import CollectiveVariableSettings
from meanforce.settings.potentials.registry import Potential

Method = Callable[..., Fit]

KINDS: dict[str, Method] = {
    "force_matching": force_matching.fit,
}


def fit(
    settings: Potential,
    frames: Frames,
    variables: dict[str, CollectiveVariableSettings],
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
    methods: Mapping[str, Method] = KINDS,
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
        methods: by kind; by default those without CG runs.

    Raises:
        InputError: the method cannot fit this potential to these frames.
        Stopped: the job was asked to stop.
    """
    method = methods[settings.fitting.kind]
    return method(settings, frames, variables, member, seed, report, job)
