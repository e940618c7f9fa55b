"""Force matching of networks by stochastic gradient descent."""

from collections.abc import Callable

import pandas as pd

from meanforce.fitting.frames import Frames
from meanforce.fitting.result import Fit
from meanforce.fitting.training_run import Task, TrainingRun
from meanforce.fitting.weight_decay import best_of_several
from meanforce.progress import Progress
from meanforce.restart.job import Job, or_temporary
from meanforce.settings.potentials.network import NetworkSettings


def fit_gradient(
    settings: NetworkSettings,
    frames: Frames,
    variables: dict,
    member: int,
    seed: int,
    report: Callable[[str], None],
    job: Job | None = None,
) -> Fit:
    """Train on all folds but `member`, which validates; the best epoch is kept.

    With `weight_decay: auto`, the best of several trainings is kept; see `fitting.weight_decay`.

    Args:
        settings: of the potential and its training.
        frames: training data.
        variables: not used.
        member: fold held out for validation.
        seed: of initial weights and the order of frames.
        report: called with lines of progress.
        job: its restart bundle, or None for a run in one go.

    Raises:
        InputError: the loss is no longer a finite number; a GPU is requested, but there is none; or
            the bundle belongs to another job.
        Stopped: the job was asked to stop.
    """
    with or_temporary(job) as job:
        task, about = Task(settings, frames, member, seed, report, job), {}
        if settings.training.trainings > 1:
            run, trials = best_of_several(task)
            about = trials.about()
        else:
            with Progress(report).during("setting up the potential"):
                run = TrainingRun(task)
            run.to_end()
    standing = run.standing
    curve = pd.DataFrame(standing.rows, columns=["epoch", "training", "validation"])
    if about:
        curve["weight_decay"] = about["weight_decay"]
    about |= {
        "validation_loss": standing.rows[standing.best_epoch - 1][2],
        "best_epoch": standing.best_epoch,
    }
    if settings.training.bead_weights != "none":
        about["bead_weights"] = standing.counts[: frames.molecule.size].tolist()
    return Fit(run.result(), curve, about)
