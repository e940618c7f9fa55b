"""Lines of progress: when they come, what they hold, and how they are read again."""

import itertools
import re
import time

import numpy as np
import pytest

from meanforce import progress as module
from meanforce.progress import INTERVAL, Progress, ProgressLine, Rate, duration, parse


class Clock:
    """A clock that only moves when it is set."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Log:
    """Lines with the times at which they came."""

    def __init__(self, clock: Clock) -> None:
        self.clock, self.times, self.texts = clock, [], []

    def __call__(self, text: str) -> None:
        self.times.append(self.clock.now - 1000.0)
        self.texts.append(text)

    @property
    def lines(self) -> list[ProgressLine]:
        return [parse(text) for text in self.texts]


@pytest.fixture
def log() -> Log:
    return Log(Clock())


def work(log: Log, total: int, seconds: float, done: int = 0, until: int | None = None) -> Progress:
    """A job whose units of work take `seconds` each; a tenth of them is burn-in."""
    progress = Progress(log, total, done, Rate("ns/day", 2.0), clock=log.clock)
    for unit in range(done, total if until is None else until):
        progress.advance(unit, "burn-in" if unit < total // 10 else "frames")
        log.clock.now += seconds
    return progress


# A unit takes from a millisecond to as long as is left between INTERVAL and 30 s.
@pytest.mark.parametrize("seconds", [0.001, 0.4, 3.0, 9.9])
def test_the_first_line_comes_at_once_and_gaps_are_30_s_at_most(log, seconds):
    work(log, round(2000 / seconds), seconds).finish()
    assert log.times[0] == 0.0
    assert log.times[1] <= 10.0
    assert log.lines[min(2, len(log.lines) - 1)].rate
    gaps = np.diff([*log.times, log.clock.now - 1000.0])
    assert gaps.max() <= 30.0
    # Not more often than by the clock: all but the first lines, a new phase, and the end.
    assert len(log.times) <= 2000 / INTERVAL + 4


def test_percent_grows_from_0_to_100_of_the_whole_job(log):
    work(log, 5000, 0.5).finish()
    percents = [line.percent for line in log.lines]
    assert percents[0] == 0.0 and percents[-1] == 100.0
    assert (np.diff(percents) >= 0).all() and max(percents[:-1]) < 100.0
    for at, line in zip(log.times[:-1], log.lines[:-1], strict=True):
        assert line.percent == pytest.approx(100 * at / 2500, abs=0.11)
        assert line.phase == ("burn-in" if at < 250 else "frames")
        if at > 2.0:
            # 2 units/s, given as 4.
            assert line.rate == "4 ns/day"
            # Durations are rounded to seconds, minutes or hours and minutes.
            assert line.left == pytest.approx(2500 - at, abs=31)
    assert log.lines[0].rate == "" and log.lines[0].left is None
    assert log.texts[0].endswith("rate not known yet | time left not known yet")
    assert log.lines[-1] == ProgressLine(100.0, "done", "4 ns/day", 0.0)


def test_a_job_that_goes_on_starts_where_it_stopped_and_counts_its_own_rate(log):
    work(log, 10000, 0.5, until=4000)
    stopped = log.lines[-1].percent
    log.texts.clear(), log.times.clear()
    # Twice as slow: on another machine.
    log.clock.now += 86400.0
    work(log, 10000, 1.0, done=4000).finish()
    percents = [line.percent for line in log.lines]
    assert percents[0] == 40.0 >= stopped
    assert (np.diff(percents) >= 0).all() and percents[-1] == 100.0
    assert {line.rate for line in log.lines[2:]} == {"2 ns/day"}
    second = log.lines[1]
    assert second.left == pytest.approx(6000, abs=31)


def test_a_new_phase_is_reported_when_it_begins(log):
    progress = Progress(log, 100, clock=log.clock)
    for unit, phase in enumerate(("pull", "equilibration", "frames", "frames", "pull")):
        progress.advance(unit, phase)
        log.clock.now += 0.1
    assert [line.phase for line in log.lines] == ["pull", "equilibration", "frames"]


def test_notes_are_made_only_for_lines_that_are_written(log):
    progress, calls = Progress(log, 1000, clock=log.clock), itertools.count()
    for unit in range(1000):
        progress.advance(unit, "frames", lambda: f"note {next(calls)}")
        log.clock.now += 0.1
    assert next(calls) == len(log.texts) == 6
    assert [line.note for line in log.lines] == [f"note {i}" for i in range(6)]


def test_nothing_done_gives_no_time_left_instead_of_none(log):
    progress = Progress(log, 1000, 500, clock=log.clock)
    for _ in range(100):
        progress.advance(500, "frames")
        log.clock.now += 1.0
    assert len(log.lines) == 6
    assert all(line.left is None and not line.rate for line in log.lines)
    assert all(line.percent == 50.0 for line in log.lines)


def test_where_all_is_done_but_files_the_time_left_is_not_known(log):
    progress = work(log, 100, 1.0)
    progress.advance(100, "frames")
    with progress.during("writing files"):
        pass
    assert log.lines[-1].phase == "writing files"
    assert log.lines[-1].percent == 99.9 and log.lines[-1].left is None


@pytest.fixture
def quick(monkeypatch):
    """Real time, all waits 200 times as short."""
    for name in ("FIRST", "INTERVAL", "POLL"):
        monkeypatch.setattr(module, name, getattr(module, name) / 200)


def test_a_long_step_is_reported_from_outside(quick):
    times, lines = [], []
    start = time.monotonic()

    def report(text: str) -> None:
        times.append(time.monotonic() - start)
        lines.append(parse(text))

    progress = Progress(report, 4, rate=Rate("steps/min", 60))
    with progress.step("one"):
        time.sleep(0.5)
    with progress.step("two"):
        time.sleep(0.3)
    count = len(lines)
    time.sleep(0.3)
    # A step that has ended is not reported any more.
    assert len(lines) == count
    assert {line.phase for line in lines} == {"one", "two"}
    assert {line.percent for line in lines} == {0.0, 25.0}
    # 30 s in the same measure are 0.15 s; a busy machine may wake the thread late.
    assert times[0] < 0.05 and len(lines) >= 4


def test_a_step_that_fails_is_not_reported_on(quick):
    lines = []
    with pytest.raises(ValueError), Progress(lines.append, 1).during("failing"):
        raise ValueError
    count = len(lines)
    time.sleep(0.2)
    assert len(lines) == count == 1


def test_steps_that_end_soon_leave_no_lines(log):
    progress = Progress(log, 20, clock=log.clock)
    for number in range(20):
        with progress.step(f"metric {number}"):
            log.clock.now += 0.1
    assert len(log.lines) == 1


def test_a_set_up_has_no_percent(log):
    with Progress(log, clock=log.clock).during("compiling the steps"):
        pass
    assert log.texts == ["-- % | compiling the steps | time left not known yet"]
    assert log.lines == [ProgressLine(None, "compiling the steps")]


@pytest.mark.parametrize("percent", [None, 0.0, 7.3, 100.0])
@pytest.mark.parametrize("left", [None, 0.0, 59.0, 300.0, 7380.0, 180000.0])
@pytest.mark.parametrize("at_most", [False, True])
@pytest.mark.parametrize("note", ["", "epoch 3 of 7, loss 1.2 (kJ/mol/nm)² | 4 s left"])
def test_lines_are_read_as_they_were_written(percent, left, at_most, note):
    rate = "" if percent is None else "183 ns/day on CPU"
    line = ProgressLine(percent, "burn-in", rate, left, at_most and left is not None, note)
    assert parse(line.text()) == line
    assert parse(f"  {line.text()}\n") == line


@pytest.mark.parametrize(
    "text",
    [
        "", "going on at 12 ps", "exchange: 12 % of copies change their level at an attempt",
        "40 %  5 ns/day on CPU  120 s left", "error: 12.3 % | frames", "12.3 % | frames",
        "12.3 % | frames | 5 ns/day | soon", "12.3 % | frames | 5 ns/day | 3 weeks left",
    ],
)  # fmt: skip
def test_other_lines_are_not_progress(text):
    assert parse(text) is None


def test_durations_are_close_to_what_they_stand_for():
    for seconds in np.geomspace(0.1, 5e6, 400).tolist():
        text = duration(seconds)
        assert re.fullmatch(module.TIME, text), text
        back = parse(ProgressLine(1.0, "x", "y", seconds).text()).left
        # Half of the last unit that is given.
        finest = 1 if seconds < 89 else 60 if seconds < 172000 else 3600
        assert back == pytest.approx(seconds, abs=finest / 2 + 0.01)
