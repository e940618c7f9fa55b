"""Functions that Numba compiles to machine code, and keeps for later processes where it can."""

from collections.abc import Callable

import numba

OPTIONS = {
    # Not a number stays that, and a division by zero is infinite, as in NumPy.
    "error_model": "numpy",
    "fastmath": {"reassoc", "contract", "arcp", "nsz"},
}


def compiled(function: Callable) -> Callable:
    """The function as machine code, made at its first call with arguments of some types."""
    try:
        return numba.njit(cache=True, **OPTIONS)(function)
    except RuntimeError:
        # Neither the code's folder nor the user's can be written to.
        return numba.njit(**OPTIONS)(function)
