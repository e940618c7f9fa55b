"""Names of collective variables, basins and differences that would give one metric two meanings."""

import re
from collections.abc import Iterable

TAKEN = {
    r"end_to_end|radius_of_gyration": "the extents of molecules, which are always reported",
    r"diffusion": "the diffusion of molecules",
    r"tica_\d+": "the slowest modes of the reference",
    r"omega_[A-Z]+\d+_[A-Z]+\d+": "the dihedral ω of peptide bonds",
}
"""Patterns of names that metrics use for quantities of their own, and what these are."""

SUFFIXES = ("_reference", "_error", "_baseline", "_baseline_error")
"""What names of metrics end with beside that of the model's value."""


def refuse_taken(where: str, names: Iterable[str]) -> None:
    """Refuse collective variables that are called like quantities of the metrics.

    Raises:
        ValueError: names the variable and what has its name.
    """
    for name in names:
        for pattern, what in TAKEN.items():
            if re.fullmatch(pattern, name):
                raise ValueError(
                    f"{where}.{name}: metrics have this name for {what}; choose another name"
                )


def refuse_suffixes(where: str, names: Iterable[str]) -> None:
    """Refuse two names that differ only by what names of metrics end with.

    Raises:
        ValueError: names both.
    """
    names = list(names)
    for name in names:
        for suffix in SUFFIXES:
            if name + suffix in names:
                raise ValueError(
                    f"{where}.{name}{suffix}: metrics of '{name}' end with '{suffix}'; choose "
                    "another name"
                )
