"""Exceptions that a person can act on, and how programs end on them."""

import contextlib
import errno
import functools
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

PLACES = (
    FileExistsError, FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError,
)  # fmt: skip
"""Errors of a path that was given, which name it."""

MAKE_AGAIN = "if a run made it and it is damaged, Snakemake's option --force makes it again"
"""Advice on a wrong file. It may be the user's own, so deleting it is never advised."""


class InputError(Exception):
    """Bad input: its text is one sentence with what, where, given and allowed."""

    def __init__(self, text: str) -> None:
        super().__init__(printable(text, "\n"))


def printable(text: str, also: str = "") -> str:
    """Text that any terminal shows as it is; other characters of the input are escaped."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in also else c.encode("unicode_escape").decode() for c in text
    )


def refuse_existing(*paths: Path) -> None:
    """Refuse to write where a file is already.

    Raises:
        InputError: names it.
    """
    for path in paths:
        if os.path.lexists(path):
            raise InputError(f"{path}: already exists; give another name, or remove it")


MOST_LINES = 8
"""Most errors of a config that are shown at once."""

MOST_KEYS = 3
"""Most further keys that are named with an error which they share."""


class InputErrors(InputError):
    """Several errors: a line for each, of which the text has the first.

    Attributes:
        lines: all errors, each with its key.
    """

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(dict.fromkeys(lines))
        super().__init__(listed(self.lines))


def listed(lines: Iterable[str]) -> str:
    """Different lines, at most `MOST_LINES` of them, and how many more there are.

    Equal sentences about keys of the same name, as those of one YAML anchor, become one line.
    """
    places: dict[tuple[str, str], list[str]] = {}
    for line in dict.fromkeys(lines):
        key, colon, sentence = line.partition(": ")
        if not colon or not re.fullmatch(r"[\w.-]+", key):
            key, sentence = line, ""
        of_sentence = places.setdefault((key.rpartition(".")[2] if sentence else key, sentence), [])
        of_sentence.append(key)
    shown = [_about(keys, sentence) for (_, sentence), keys in places.items()]
    more = len(shown) - MOST_LINES
    return "\n".join(shown[:MOST_LINES]) + (f"\n(and {more} more)" if more > 0 else "")


def _about(keys: list[str], sentence: str) -> str:
    """A sentence about the first of some keys, with the others behind it."""
    line = f"{keys[0]}: {sentence}" if sentence else keys[0]
    if len(keys) == 1:
        return line
    more = f" and {len(keys) - 1 - MOST_KEYS} more" if len(keys) - 1 > MOST_KEYS else ""
    return f"{line} (the same in {', '.join(keys[1 : 1 + MOST_KEYS])}{more})"


class Collected:
    """Errors of checks that do not depend on each other, so that all are reported at once.

    Args:
        kinds: of errors that are collected; others end the checks.

    Attributes:
        lines: the errors so far.
    """

    def __init__(self, *kinds: type[Exception]) -> None:
        self._kinds = kinds
        self.lines: list[str] = []

    @contextlib.contextmanager
    def check(self, where: str = "") -> Iterator[None]:
        """Collect the errors of one check, with `where` in front of each."""
        try:
            yield
        except self._kinds as error:
            lines = error.lines if isinstance(error, InputErrors) else [str(error)]
            self.lines += [f"{where}{line}" for line in lines]


STOPPED = 75
"""Exit status of a job that stopped and can be continued (EX_TEMPFAIL)."""


class Stopped(Exception):
    """A job stopped on request; its restart bundle is in place."""


CONSOLE = "MEANFORCE_CONSOLE"
"""Environment variable with the number of an open file, the terminal of a run: jobs of the workflow
write into logs, and a job that fails shows its sentence there as well."""


def exits_cleanly(main: Callable[[], None]) -> Callable[[], None]:
    """End a program with one line on stderr and exit status 1 on errors that a person can fix."""

    @functools.wraps(main)
    def wrapped() -> None:
        try:
            main()
        except InputError as error:
            _show(" failed", error)
            sys.exit(f"error: {error}")
        except Stopped as stopped:
            _show("", stopped)
            print(stopped, file=sys.stderr)
            sys.exit(STOPPED)
        except PLACES as error:
            said = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            _show(" failed", said)
            sys.exit(f"error: {said}")
        except OSError as error:
            # HDF5 hides the number in its message.
            if error.errno not in DISK_FULL and "No space left" not in str(error):
                _show(" failed", repr(error))
                raise
            said = (
                f"the disk is full ({error}); free some space and run the same command again; "
                "nothing that was saved is lost"
            )
            _show(" failed", said)
            sys.exit(f"error: {said}")
        except Exception as error:
            _show(" failed", repr(error))
            raise

    return wrapped


def _show(what: str, why: object) -> None:
    """A line on the terminal of the run; nothing where there is none, or it was closed."""
    with contextlib.suppress(KeyError, ValueError, OSError):
        line = f"{Path(sys.argv[0]).stem}{what}: {why}\n"
        os.write(int(os.environ[CONSOLE]), line.encode())
