"""How far a job is: plain lines on stderr at regular times, and how they are read again.

`rich` and `tqdm` redraw one line of a terminal; under Snakemake and on clusters a log is a file,
which people follow and `status.py` parses, so it needs plain lines.

    12.3 % | burn-in | 45.2 ns/day on CPU | 2 h 03 min left
"""

import contextlib
import dataclasses
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator

FIRST = 5.0
"""Seconds after which a job's first line is followed by one with a rate."""

INTERVAL = 20.0
"""Seconds between further lines; the margin below 30 s is for steps that take longer."""

POLL = 1.0
"""Seconds between checks of the clock during a step that cannot report itself."""

SOONEST = 2.0
"""Seconds of work before which no rate is given."""

NOT_COUNTED = "-- %"
NO_RATE = "rate not known yet"
NO_TIME = "time left not known yet"

SECONDS = {"d": 86400, "h": 3600, "min": 60, "s": 1}


def report(line: str) -> None:
    """Print a line of a job's log on stderr."""
    print(line, file=sys.stderr, flush=True)


@dataclasses.dataclass(frozen=True)
class ProgressLine:
    """Contents of one line of progress.

    Attributes:
        percent: of the whole job; None in a step that is not counted.
        phase: what the job does.
        rate: with its unit; empty where it is not known.
        left: seconds, or None where it is not known.
        at_most: whether the job may end earlier.
        note: further text.
    """

    percent: float | None
    phase: str
    rate: str = ""
    left: float | None = None
    at_most: bool = False
    note: str = ""

    def text(self) -> str:
        """The line, which `parse` reads."""
        parts = [NOT_COUNTED if self.percent is None else f"{self.percent:.1f} %", self.phase]
        if self.percent is not None:
            parts.append(self.rate or NO_RATE)
        left = NO_TIME if self.left is None else f"{duration(self.left)} left"
        parts.append("at most " * (self.at_most and self.left is not None) + left)
        return " | ".join([*parts, *([self.note] if self.note else [])])


TIME = r"\d+ (?:d|h|min|s)(?: \d+ (?:h|min))?"
LINE = re.compile(
    rf"(?:(?P<percent>\d+\.\d) %|{NOT_COUNTED}) \| (?P<phase>[^|]+?)(?: \| (?P<rate>[^|]+?))?"
    rf" \| (?:{NO_TIME}|(?P<most>at most )?(?P<left>{TIME}) left)(?: \| (?P<note>.*))?"
)


def parse(text: str) -> ProgressLine | None:
    """Contents of a line of progress; None: the text is another line."""
    found = LINE.fullmatch(text.strip())
    if found is None:
        return None
    rate, left = found["rate"] or "", None
    if found["left"] is not None:
        parts = re.findall(r"(\d+) (d|h|min|s)\b", found["left"])
        left = float(sum(int(number) * SECONDS[unit] for number, unit in parts))
    return ProgressLine(
        percent=None if found["percent"] is None else float(found["percent"]),
        phase=found["phase"],
        rate="" if rate == NO_RATE else rate,
        left=left,
        at_most=found["most"] is not None,
        note=found["note"] or "",
    )


def duration(seconds: float) -> str:
    """A time in words, in at most two units."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes, hours = round(seconds / 60), round(seconds / 3600)
    if minutes < 90:
        return f"{minutes} min"
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{hours // 24} d {hours % 24} h"


@dataclasses.dataclass(frozen=True)
class Rate:
    """Unit in which a job's speed is given.

    Attributes:
        unit: of the rate.
        each: value in this unit of one unit of work per second.
    """

    unit: str = "steps/s"
    each: float = 1.0

    def text(self, per_second: float) -> str:
        """Three digits, or all before the decimal point."""
        value = per_second * self.each
        return f"{value:.0f} {self.unit}" if value >= 100 else f"{value:.3g} {self.unit}"


STEPS = Rate()


class Progress:
    """Reports how far a job is: at once, soon after, and then at regular times.

    Loops call `advance` as often as they like; where one step may take longer than `INTERVAL`, it
    runs inside `during`. Percent counts the whole job, including what an earlier process did; the
    rate and the time left are those of this process.

    Args:
        report: called with the lines.
        total: work of the whole job, in any unit; None: the work is not counted, as in a set-up.
        done: work that an earlier process did.
        rate: unit of the speed.
        at_most: whether the job may end before all work is done.
        clock: seconds.
    """

    def __init__(
        self,
        report: Callable[[str], None],
        total: float | None = None,
        done: float = 0.0,
        rate: Rate = STEPS,
        at_most: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._report, self._total, self._first = report, total, done
        self._rate, self._at_most, self._clock = rate, at_most, clock
        self._done, self._phase, self._note = done, "", ""
        self._started: float | None = None
        self._next, self._lines = -math.inf, 0
        self._seen: set[str] = set()

    def advance(self, done: float, phase: str, note: Callable[[], str] | None = None) -> None:
        """Record how far the job is, and report it if it is time to, or if the phase is new.

        The first call must come before the first work.

        Args:
            done: work done so far, that of earlier processes included.
            phase: what the job does from here on.
            note: gives further text; called only for lines that are written.
        """
        self._done, self._phase = done, phase
        now = self._clock()
        if self._started is None:
            self._started = now
        if now >= self._next or phase not in self._seen:
            self._note = "" if note is None else note()
            self._write(now)

    @contextlib.contextmanager
    def during(self, phase: str) -> Iterator[None]:
        """Report from a thread while the body runs a long step that cannot report itself."""
        with self._watched(phase, phase not in self._seen):
            yield

    @contextlib.contextmanager
    def step(self, phase: str) -> Iterator[None]:
        """One unit of work that cannot report itself; if it ends soon, it writes no line."""
        if self._started is None:
            self._started = self._clock()
        with self._watched(phase):
            yield
        self._done += 1

    @contextlib.contextmanager
    def _watched(self, phase: str, new: bool = False) -> Iterator[None]:
        self._phase, self._note, ended = phase, "", threading.Event()
        if new or self._clock() >= self._next:
            self._write(self._clock())

        def watch() -> None:
            while not ended.wait(POLL):
                if self._clock() >= self._next:
                    self._write(self._clock())

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def finish(self) -> None:
        """Report the end of the job."""
        self._report(ProgressLine(100.0, "done", self._speed(self._clock(), 0.0), 0.0).text())

    def _write(self, now: float) -> None:
        percent = left = None
        speed = self._speed(now)
        if self._total is not None:
            # 100 % is only for the end: files are still to be written.
            percent = min(math.floor(1000.0 * self._done / max(self._total, 1e-300)) / 10, 99.9)
            if speed and self._done < self._total:
                left = (now - self._started) / (self._done - self._first)
                left *= self._total - self._done
        line = ProgressLine(percent, self._phase, speed, left, self._at_most, self._note)
        self._report(line.text())
        self._seen.add(self._phase)
        self._next = now + (INTERVAL if self._lines else FIRST)
        self._lines += 1

    def _speed(self, now: float, soonest: float = SOONEST) -> str:
        """Rate of this process; empty where it is not known."""
        if self._started is None or self._done <= self._first or now - self._started <= soonest:
            return ""
        return self._rate.text((self._done - self._first) / (now - self._started))
