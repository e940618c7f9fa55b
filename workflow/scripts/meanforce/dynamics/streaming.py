"""A CG run whose frames go to a store of the caller's, and which can stop and continue."""

from collections.abc import Callable, Sequence

import torch

from meanforce.dynamics.choice import engine_of
from meanforce.dynamics.course import Course, FrameStore
from meanforce.dynamics.engine import CgRun
from meanforce.dynamics.standing import Standing, restored, standing_of


class StreamedRun:
    """A CG run in steps, without files.

    Args:
        run: what to run; its generator has the state of a new run.
        store: takes the frames; it must restore what it has kept by itself.
        report: called with a line on the choice of an engine.
        before: where an earlier process was, or None.
        engine: name and device of an engine that earlier runs had and this one keeps; None: a
            choice is made.

    Attributes:
        course: its engine and schedule.
        chains: at this instant.

    Raises:
        InputError: the engine cannot run this potential; starts and settings do not fit.
    """

    def __init__(
        self,
        run: CgRun,
        store: FrameStore,
        report: Callable[[str], None],
        before: Standing | None = None,
        engine: Sequence[str] | None = None,
    ) -> None:
        engine = before.plain["engine"] if before else engine
        # Progress is that of the caller, who makes many runs.
        self.course = Course(run, engine_of(run, report, engine), store, lambda line: None)
        self.chains = (
            self.course.engine.start() if before is None else restored(self.course, before)
        )

    @torch.no_grad()
    def to_end(self, between: Callable[[], None]) -> None:
        """Equilibrate and give frames to the store.

        Args:
            between: called after every step, or after every stretch of steps.

        Raises:
            Unstable: too many chains broke.
        """
        self.course.to_end(self.chains, between)

    def end(self, why: str) -> None:
        """Let the run end after this step."""
        self.chains.ended = why

    @property
    def standing(self) -> Standing:
        """Where it is, for a restart bundle."""
        return standing_of(self.course, self.chains)
