"""The one exception that stands for "the user can mend this", and how programs end on it."""

import functools
import sys
from collections.abc import Callable


class InputError(Exception):
    """Bad input: its text is one sentence that says what, where, given and allowed."""


def exits_cleanly(main: Callable[[], None]) -> Callable[[], None]:
    """Let a program end with one line on stderr and exit status 1 on an `InputError`."""

    @functools.wraps(main)
    def wrapped() -> None:
        try:
            main()
        except InputError as error:
            sys.exit(f"error: {error}")

    return wrapped
