"""System kind `beads`."""

import collections
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from meanforce.settings.base import FilePath, Length, Mass, Name, Settings
from meanforce.settings.systems.base import SystemSettings

LONGEST_TYPE = 1000
"""Longest name of a bead type, in characters."""

MOST_BEADS = 10**6
"""Most beads of a system."""

LONGEST_INLINE = 50000
"""Most characters of beads and bonds in the config, which are passed on a command line."""


def _type_name(value: Any) -> str:
    printable = isinstance(value, str) and value.isprintable() and len(value) <= LONGEST_TYPE
    if not printable or not value or set(value) & set(' "\\'):
        raise ValueError(
            f"{value!r} is not the name of a bead type; use at most {LONGEST_TYPE} characters, "
            "without spaces, double quotes and backslashes"
        )
    return value


TypeName = Annotated[str, BeforeValidator(_type_name), WithJsonSchema({"type": "string"})]


class BeadSettings(Settings):
    """One bead."""

    name: Name = Field(description="name, different from those of the molecule's other beads")
    mass: Mass = Field(description="its mass in CG simulations")
    type: TypeName | None = Field(
        default=None,
        description="beads of one type are treated alike by potentials; by default the name of its "
        "residue, if one is given, and its own name, such as ALA-CA",
    )
    residue: Name | None = Field(
        default=None, description="name of its residue; default: that of the molecule"
    )
    residue_number: int = Field(default=1, ge=0, le=10**6, description="number of its residue")


class BeadMoleculeSettings(Settings):
    """Beads of one molecule, or of several equal ones that follow each other."""

    name: Name = Field(description="name of the molecule type")
    count: int = Field(
        default=1, ge=1, le=MOST_BEADS, description="number of molecules, one after the other"
    )
    beads: list[BeadSettings] = Field(
        min_length=1, max_length=MOST_BEADS, description="its beads, in the order of the frames"
    )
    bonds: list[tuple[Name, Name]] = Field(default=[], description="pairs of bonded beads")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        counts = collections.Counter(bead.name for bead in self.beads)
        if twice := [name for name, number in counts.items() if number > 1]:
            raise ValueError(f"'beads': {counts[twice[0]]} beads are called '{twice[0]}'")
        seen = set()
        for pair in self.bonds:
            for name in pair:
                if name not in counts:
                    raise ValueError(f"'bonds': there is no bead '{name}'")
            if len({*pair}) == 1:
                raise ValueError(f"'bonds': '{pair[0]}' is bonded to itself")
            if frozenset(pair) in seen:
                raise ValueError(f"'bonds': {' and '.join(pair)} are bonded twice")
            seen.add(frozenset(pair))
        return self


class CompositionSettings(Settings):
    """Contents of a file of beads: all molecules, in the order of the frames."""

    composition: list[BeadMoleculeSettings] = Field(
        min_length=1, description="molecules, in the order of the frames"
    )

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        _refuse_too_many(self.composition)
        return self


class BeadsSettings(SystemSettings):
    """Beads without an atomistic system, for CG data that exist already.

    Frames come from campaigns of kind `external`. The beads take the place of atoms, and the
    mapping `{template: all, force_map: slice}` uses each of them.
    """

    has_force_field: ClassVar[bool] = False

    kind: Literal["beads"]
    composition: list[BeadMoleculeSettings] | None = Field(
        default=None, min_length=1, description="molecules, in the order of the frames"
    )
    file: FilePath | None = Field(
        default=None,
        description="JSON or YAML file with the key `composition` (instead of the key here)",
    )
    box: tuple[Length, Length, Length] | None = Field(
        default=None, description="edges of the periodic box; default: not periodic"
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.composition is None) == (self.file is None):
            raise ValueError("give either 'composition' or 'file', and not both")
        if self.composition is not None:
            _refuse_too_many(self.composition)
            length = sum(len(part.model_dump_json()) for part in self.composition)
            if length > LONGEST_INLINE:
                raise ValueError(
                    f"'composition' is too long for a config ({length} characters as JSON; allowed "
                    f"are {LONGEST_INLINE}); give it as a 'file'"
                )
        return self

    @property
    def periodic(self) -> bool:
        """Whether it is in a periodic box."""
        return self.box is not None

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from."""
        return [] if self.file is None else [self.file]


def _refuse_too_many(composition: list[BeadMoleculeSettings]) -> None:
    number = sum(part.count * len(part.beads) for part in composition)
    if number > MOST_BEADS:
        raise ValueError(f"'composition' has {number} beads; allowed are at most {MOST_BEADS}")
