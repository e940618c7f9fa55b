"""System kind `testsystem`."""

import dataclasses
import difflib
import math
import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema

from meanforce import units
from meanforce.errors import InputError
from meanforce.settings.systems.optional_equilibration import OptionallyEquilibratedSettings
from meanforce.settings.systems.testsystem_names import REFUSED, USABLE

NUMBER = re.compile(r"\s*[-+]?\.?\d")
"""Start of a text that is a quantity and not a word."""


@dataclasses.dataclass(frozen=True)
class Quantity:
    """A quantity of any dimension, in the internal unit of its kind.

    Attributes:
        kind: a key of `units.INTERNAL`.
        value: in that unit.
    """

    kind: str
    value: float

    @classmethod
    def of(cls, text: str) -> "Quantity":
        """The quantity of a text such as `3.4 angstrom`.

        Raises:
            ValueError: it has no unit, or one of a kind that no option has.
        """
        for kind in units.INTERNAL:
            try:
                return cls(kind=kind, value=units.parse(text, kind))
            except InputError:
                continue
        raise ValueError(
            f"'{text}' is not a quantity with its unit, such as '3.4 angstrom', '0.238 kcal/mol', "
            "'39.9 amu' or '0.25 e'"
        )

    @property
    def text(self) -> str:
        """The one way to write it: equal quantities have equal texts."""
        return f"{self.value!r} {units.INTERNAL[self.kind]}"


def _name(value: Any) -> str:
    if value in USABLE:
        return value
    if value in REFUSED:
        raise ValueError(f"'{value}' cannot be used: {REFUSED[value]}")
    near = difflib.get_close_matches(str(value), USABLE, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(USABLE)}"
    raise ValueError(f"there is no test system {value!r}; {hint}")


def _option(value: Any, info: ValidationInfo) -> Any:
    """An option as plain values; quantities are written in the internal unit."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)) and math.isfinite(value):
        return value
    if isinstance(value, str) and value.isprintable() and value.strip():
        return Quantity.of(value).text if NUMBER.match(value) else value
    if isinstance(value, list) and value and all(isinstance(entry, str) for entry in value):
        return list(value)
    raise ValueError(
        f"{value!r} is neither a number, true or false, a word, a list of words, nor a quantity "
        "with its unit, such as '3.4 angstrom'"
    )


TestSystemName = Annotated[
    str,
    BeforeValidator(_name),
    WithJsonSchema({"enum": list(USABLE), "x-quantity": "name of a test system"}),
]

Option = Annotated[
    Any,
    PlainValidator(_option),
    WithJsonSchema({"x-quantity": "number, `true`, `false`, word or quantity"}),
]


class TestSystemSettings(OptionallyEquilibratedSettings):
    """A test system of openmmtools, by its name and its options.

    Atoms, bonds and forces are those of openmmtools, and the start too, unless atoms are so close
    that it is minimised. Atoms that have one name within a residue are numbered (`N1` and `N2` in
    a diatomic molecule), residues without bonds get those of the forces or constraints, and argon
    atoms that are bonded to each other are one residue (`Ar2`). Sites without mass, such as M in
    four-site water, cannot be in beads.
    """

    __test__: ClassVar[bool] = False

    kind: Literal["testsystem"]
    name: TestSystemName = Field(
        description=f"which test system: {', '.join(USABLE)}; openmmtools documents each"
    )
    options: dict[str, Option] = Field(
        default={},
        description="arguments of its constructor by name, such as `nparticles: 216` and "
        "`sigma: 3.4 angstrom`; `constraints` is none, HBonds, AllBonds or HAngles, "
        "`nonbondedMethod` is NoCutoff, CutoffNonPeriodic, CutoffPeriodic, Ewald, PME or LJPME. "
        "Default: those of openmmtools",
    )
