"""How programs end: one line in the log, and the same on the terminal of a run."""

import errno
import os
import sys

import pytest

from meanforce.errors import (
    CONSOLE,
    STOPPED,
    Collected,
    InputError,
    InputErrors,
    Stopped,
    exits_cleanly,
    listed,
)


@pytest.fixture
def terminal(monkeypatch):
    """Function that returns what programs have shown on the terminal of a run so far."""
    reading, writing = os.pipe()
    monkeypatch.setenv(CONSOLE, str(writing))
    monkeypatch.setattr(sys, "argv", ["/somewhere/simulate.py", "--settings", "{}"])
    os.set_blocking(reading, False)

    def shown() -> str:
        try:
            return os.read(reading, 10_000).decode()
        except BlockingIOError:
            return ""

    yield shown
    os.close(reading)
    os.close(writing)


def ended(error: BaseException) -> object:
    """Exit status of a program that meets an error."""

    @exits_cleanly
    def main() -> None:
        raise error

    with pytest.raises(SystemExit) as stopped:
        main()
    return stopped.value.code


def test_sentence_is_shown_on_the_terminal(terminal):
    assert ended(InputError("64 of 100 chains broke")) == "error: 64 of 100 chains broke"
    assert terminal() == "simulate failed: 64 of 100 chains broke\n"
    assert ended(Stopped("stopped (SIGTERM); the same command goes on")) == STOPPED
    assert terminal() == "simulate: stopped (SIGTERM); the same command goes on\n"
    assert "the disk is full" in ended(OSError(errno.ENOSPC, "No space left on device"))
    assert terminal().startswith("simulate failed: the disk is full")


@pytest.mark.parametrize("error", [ValueError("a bug"), OSError(errno.EIO, "a bug")])
def test_other_errors_keep_their_traceback(terminal, error):
    @exits_cleanly
    def main() -> None:
        raise error

    with pytest.raises(type(error)):
        main()
    assert terminal() == f"simulate failed: {error!r}\n"


def test_a_program_that_succeeds_shows_nothing(terminal):
    exits_cleanly(lambda: None)()
    assert terminal() == ""


@pytest.mark.parametrize("number", ["", "three", "999", None])
def test_without_a_terminal_only_the_log_has_it(number, monkeypatch):
    """By hand there is none, and a job may have been started with it closed."""
    if number is None:
        monkeypatch.delenv(CONSOLE, raising=False)
    else:
        monkeypatch.setenv(CONSOLE, number)
    assert ended(InputError("no")) == "error: no"


def test_equal_sentences_about_keys_of_one_name_are_one_line():
    lines = [f"campaigns.a.{name}.length: is wrong" for name in "uvwxyz"]
    others = ["campaigns.a.u.stride: is wrong", "not about a key: is wrong", "a", "a"]
    assert listed([*lines, *others]).splitlines() == [
        "campaigns.a.u.length: is wrong (the same in campaigns.a.v.length, campaigns.a.w.length, "
        "campaigns.a.x.length and 2 more)",
        "campaigns.a.u.stride: is wrong",
        "not about a key: is wrong",
        "a",
    ]


def test_at_most_eight_errors_are_shown():
    error = InputErrors(f"key{number}: is wrong" for number in range(10))
    assert str(error).splitlines()[-1] == "(and 2 more)"
    assert len(error.lines) == 10


def test_errors_are_collected_one_by_one():
    found = Collected(InputError)
    with found.check("a."):
        raise InputErrors(["b: is wrong", "c: is wrong"])
    with found.check():
        raise InputError("d: is wrong")
    assert found.lines == ["a.b: is wrong", "a.c: is wrong", "d: is wrong"]
