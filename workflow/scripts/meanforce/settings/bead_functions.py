"""Kinds of collective variables that are functions of the whole structure of some beads."""

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class BeadFunctionKind:
    """Facts about one kind.

    Attributes:
        dimension: of its values.
        references: structures that it takes.
        fewest: beads that it needs.
        even: whether it has the same value for a mirror image.
        ends: smallest and largest possible value, None where there is no bound.
    """

    dimension: Literal["length", "area", "number"]
    references: Literal["none", "one", "several"]
    fewest: int
    even: bool
    ends: tuple[float | None, float | None]


BEAD_FUNCTIONS = {
    "rmsd": BeadFunctionKind("length", "one", 3, False, (0.0, None)),
    "radius_of_gyration": BeadFunctionKind("length", "none", 2, True, (0.0, None)),
    "native_contacts": BeadFunctionKind("number", "one", 2, True, (0.0, 1.0)),
    "path_s": BeadFunctionKind("number", "several", 3, False, (0.0, 1.0)),
    "path_z": BeadFunctionKind("area", "several", 3, False, (None, None)),
}
