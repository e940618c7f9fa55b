"""A campaign with a longer `length` continues its shorter run instead of starting anew.

The frames are those of one run of the longer length. Only the spacing of lines in the log, and of
frames with in-run forces, follows the length that a part was sampled with.
"""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from meanforce.errors import InputError
from meanforce.restart.bundle import Bundle, read_bundle, write_bundle
from meanforce.restart.ended import ended_folder, keep_end, read_end
from meanforce.restart.job import BUNDLE, Job
from meanforce.sampling.schedule import Schedule
from meanforce.sampling.store import SMALL, TRAJECTORY, refill
from meanforce.settings.campaigns.registry import SampledCampaign
from meanforce.settings.steps import in_words

KEYS = {"code", "identity"}
"""Of what identifies a finished job."""


@dataclasses.dataclass(frozen=True)
class Extension:
    """What a sampling job needs to continue a shorter one.

    Attributes:
        campaign: settings of the job.
        output: its trajectory.
        code: fingerprint of the program; frames of another one are not continued.
    """

    campaign: SampledCampaign
    output: Path
    code: str

    def begin(self, work: Job, report: Callable[[str], None]) -> None:
        """Make the restart bundle of a shorter job that of this one.

        It may be that of an unfinished job in the work folder, or of a finished one. A bundle
        beyond the end of this job is left as it is.

        Args:
            work: folder of the job.
            report: called with lines of progress.

        Raises:
            InputError: the bundle in the work folder is damaged.
        """
        bundle = read_bundle(work.folder / BUNDLE)
        if bundle is None:
            try:
                bundle = self._finished(work)
            except InputError as error:
                report(f"the shorter run is not continued, and sampling starts anew: {error}")
        before = None if bundle is None else self._length_before(bundle, work.identity)
        if before is None:
            return
        info = bundle.info | {"identity": work.identity}
        write_bundle(work.folder / BUNDLE, Bundle(bundle.arrays, info))
        report(
            f"continuing a run with a length of {in_words(before)}; the length is now "
            f"{in_words(self.campaign.length)}"
        )

    def end(self, work: Job, report: Callable[[str], None]) -> None:
        """Keep what a longer job needs, of a run that is complete in the work folder."""
        files = [work.folder / name for name in (BUNDLE, TRAJECTORY, *SMALL)]
        about = {"code": self.code, "identity": work.identity}
        if not keep_end(self.output, files, about):
            report(
                "this file system has no hard links, so the last state is not kept: a longer "
                "run will start anew"
            )

    def _finished(self, work: Job) -> Bundle | None:
        """Bundle of a finished shorter job, whose frames are put back into the work folder."""
        about, folder = read_end(self.output), ended_folder(self.output)
        if about is None or about.keys() != KEYS or not extends(about["identity"], work.identity):
            return None
        if about["code"] != self.code:
            raise InputError("the code of the program has changed since")
        bundle = read_bundle(folder / BUNDLE)
        if bundle is not None and self._length_before(bundle, work.identity) is not None:
            refill(work.folder, folder, bundle.info["files"])
        return bundle

    def _length_before(self, bundle: Bundle, identity: dict[str, Any]) -> float | None:
        """Length in ps of the run of a bundle that this job can continue; None: it cannot."""
        there = bundle.info["identity"]
        if there == identity or _without_length(there) != _without_length(identity):
            return None
        if bundle.info["tick"] > Schedule.of(self.campaign).end:
            return None
        return there["settings"]["campaign"]["length"]


def extends(before: dict[str, Any], now: dict[str, Any]) -> bool:
    """Whether a job's identity is that of an earlier one but for a longer run."""
    lengths = [one["settings"]["campaign"]["length"] for one in (before, now)]
    return lengths[1] > lengths[0] and _without_length(before) == _without_length(now)


def _without_length(identity: dict[str, Any]) -> dict[str, Any]:
    identity = copy.deepcopy(identity)
    identity["settings"]["campaign"]["length"] = None
    return identity
