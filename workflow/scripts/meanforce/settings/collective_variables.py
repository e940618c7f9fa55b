"""Section `collective_variables`: functions of bead positions."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from meanforce.settings.base import BeadName, FilePath, Length, Name, Settings
from meanforce.settings.bead_functions import BEAD_FUNCTIONS, BeadFunctionKind

N_BEADS = {
    "coordinate": 1,
    "distance": 2,
    "angle": 3,
    "dihedral": 4,
    "cos_dihedral": 4,
    "sin_dihedral": 4,
}
"""How many beads each kind of collective variable takes, if their number is fixed."""

EVEN_KINDS = {"distance", "angle", "cos_dihedral", "coordination"} | {
    kind for kind, facts in BEAD_FUNCTIONS.items() if facts.even
}
"""Kinds that have the same value for a mirror image."""

KINDS_OF_KEY = {
    "axis": ("coordinate",),
    "other_beads": ("coordination",),
    "radius": ("coordination",),
    "coefficients": ("combination",),
    "cutoff": ("native_contacts",),
    "references": tuple(
        kind for kind, facts in BEAD_FUNCTIONS.items() if facts.references != "none"
    ),
}
"""Keys that some kinds require and other kinds do not allow."""

CONTACT_KEYS = {"separation": 3, "tolerance": 1.8}
"""Keys that only `native_contacts` has, and their values where they are left out."""

DIMENSIONS = {
    "coordinate": "length",
    "distance": "length",
    "angle": "angle",
    "dihedral": "angle",
} | {kind: facts.dimension for kind, facts in BEAD_FUNCTIONS.items()}
"""Dimension of the values of each kind; values of other kinds are numbers without a unit."""

UNITS = {"length": "nm", "area": "nm^2", "angle": "rad", "number": ""}
"""Internal unit of values."""

MEANINGS = {
    "length": "a length, such as '0.5 nm'",
    "area": "an area, such as '0.01 nm^2'",
    "angle": "an angle, such as '0.35 rad'",
    "number": "a number without a unit, such as 0.1",
}
"""Descriptions of values in the config, for messages."""

FORCE_CONSTANTS = {
    "length": "1000 kJ/mol/nm^2",
    "area": "1e5 kJ/mol/nm^4",
    "angle": "200 kJ/mol/rad^2",
    "number": "50 kJ/mol",
}
"""Examples of force constants, for messages."""

Structure = list[tuple[float, float, float]]
"""Positions of beads, nm."""


class CollectiveVariableSettings(Settings):
    """A function of the positions of the beads of one mapping.

    Coordination numbers: Iannuzzi, Laio, Parrinello, PRL 90, 238302 (2003), exponents 6 and 12.
    A combination s = Σ c·s′ has the unit of its members, which must all have the same unit; its
    coefficients are numbers. Dihedrals enter as cosines and sines, which do not jump at ±π.
    Kinds with `references` compare the beads with structures in files of the user, which the stage
    `variable` reads once.
    """

    kind: Literal[
        "coordinate",
        "distance",
        "angle",
        "dihedral",
        "cos_dihedral",
        "sin_dihedral",
        "coordination",
        "combination",
        "rmsd",
        "radius_of_gyration",
        "native_contacts",
        "path_s",
        "path_z",
    ] = Field(
        description="function of 1 (coordinate), 2 (distance), 3 (angle) or 4 beads (dihedral, its "
        "cosine, its sine); coordination: Σ 1/(1 + (r/radius)⁶) over pairs of `beads` and "
        "`other_beads`; combination: a sum of other variables; rmsd: from a reference after the "
        "best superposition; radius_of_gyration: of beads of equal weight; native_contacts: "
        "fraction of a reference's contacts; path_s and path_z: progress from 0 to 1 along a path "
        "of references, and squared distance from it"
    )
    mapping: Name = Field(description="mapping that the beads belong to")
    beads: list[BeadName] = Field(
        default=[],
        description="bead names, in order; left out in a `combination`; default of the kinds of "
        "whole structures (rmsd, radius_of_gyration, native_contacts, path_s, path_z): all beads",
    )
    other_beads: list[BeadName] | None = Field(
        default=None,
        description="second group of a `coordination`; it may share beads with the first: a bead "
        "does not form a pair with itself, and two beads that are in both groups form two pairs",
    )
    radius: Length | None = Field(
        default=None, description="distance at which a pair of a `coordination` counts 1/2"
    )
    axis: Literal["x", "y", "z"] | None = Field(
        default=None, description="axis of a `coordinate`; other kinds do not have it"
    )
    coefficients: dict[Name, float] | None = Field(
        default=None,
        min_length=1,
        description="collective variable: its coefficient in a `combination`; variables of the "
        "same mapping and unit",
    )
    references: list[FilePath] | None = Field(
        default=None,
        min_length=1,
        description="files (such as PDB) with structures of the atoms of the beads: one structure "
        "for `rmsd` and `native_contacts`; those of a path in order, in one or several files",
    )
    cutoff: Length | None = Field(
        default=None,
        description="pairs of beads that are nearer in the reference are its `native_contacts`",
    )
    separation: Annotated[int, Field(ge=0)] | None = Field(
        default=None,
        description="beads of `native_contacts` are more than this many residues apart; default: 3",
    )
    tolerance: Annotated[float, Field(ge=1.0, le=5.0)] | None = Field(
        default=None,
        description="a pair of `native_contacts` counts 1/2 at this multiple of its distance in "
        "the reference; default: 1.8, the published value for atoms; usual for CA beads: 1.2",
    )
    structures: Annotated[list[Structure] | None, SkipJsonSchema()] = Field(
        default=None, description="positions of the beads in the references; only inside jobs"
    )
    residues: Annotated[list[int] | None, SkipJsonSchema()] = Field(
        default=None, description="index of the residue of each bead; only inside jobs"
    )
    members: Annotated[dict[Name, "CollectiveVariableSettings"] | None, SkipJsonSchema()] = Field(
        default=None, description="definitions of a combination's members; only inside jobs"
    )

    @model_validator(mode="wrap")
    @classmethod
    def _completed(cls, value: Any, handler: Any, info: ValidationInfo) -> Self:
        """In jobs that read completed variables, the completed one takes the place of its own."""
        variable = handler(value)
        completed = (info.context or {}).get("completed")
        return completed.get(variable.identity, variable) if completed else variable

    @field_validator("members", "structures", "residues", mode="before")
    @classmethod
    def _inside_jobs(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and not (info.context and info.context.get("internal")):
            key = "coefficients" if info.field_name == "members" else "references"
            owner = "combination" if info.field_name == "members" else "kind of whole structures"
            raise ValueError(f"is filled in for you; a {owner} takes '{key}'")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key, kinds in KINDS_OF_KEY.items():
            if (getattr(self, key) is not None) != (self.kind in kinds):
                owners = f"kind '{kinds[0]}'"
                if len(kinds) > 1:
                    owners = f"kinds {', '.join(kinds)}"
                raise ValueError(f"'{key}' is required for the {owners}, and not allowed elsewhere")
        for key in CONTACT_KEYS:
            if getattr(self, key) is not None and self.kind != "native_contacts":
                raise ValueError(f"'{key}' is allowed only for the kind 'native_contacts'")
        if self.function is not None:
            if 0 < len(self.beads) < self.function.fewest:
                raise ValueError(
                    f"a {self.kind} takes at least {self.function.fewest} beads, given "
                    f"{len(self.beads)}"
                )
        elif self.kind == "coordination":
            if not self.bead_tuples:
                raise ValueError(
                    "a coordination takes two groups of beads that form at least one pair"
                )
        elif len(self.beads) != (wanted := N_BEADS.get(self.kind, 0)):
            raise ValueError(f"a {self.kind} takes {wanted} beads, given {len(self.beads)}")
        for group in (self.beads, self.other_beads or []):
            if len(set(group)) != len(group):
                raise ValueError(f"a bead is named twice in {group}")
        return self

    @property
    def function(self) -> BeadFunctionKind | None:
        """Facts about a kind of whole structures; None for other kinds."""
        return BEAD_FUNCTIONS.get(self.kind)

    @property
    def identity(self) -> str:
        """Its settings as text, without those that are filled in from files and beads."""
        filled = {"structures", "residues"}
        return json.dumps(self.model_dump(exclude=filled), sort_keys=True)

    @property
    def incomplete(self) -> bool:
        """Whether names of beads or structures have to be filled in by the stage `variable`."""
        return self.function is not None and self.residues is None

    @property
    def terms(self) -> list[tuple[float, "CollectiveVariableSettings"]]:
        """Coefficients and variables of a combination; otherwise 1 and the variable itself."""
        if self.coefficients is None:
            return [(1.0, self)]
        return [(self.coefficients[name], self.members[name]) for name in sorted(self.coefficients)]

    @property
    def bead_tuples(self) -> list[tuple[str, ...]]:
        """Beads of each internal coordinate that a variable other than a combination sums over.

        All beads of a function of whole structures are one tuple.
        """
        if self.kind != "coordination":
            return [tuple(self.beads)]
        return [(a, b) for a in self.beads for b in self.other_beads if a != b]

    @property
    def bead_names(self) -> list[str]:
        """All beads that the variable depends on, those of a combination's members included."""
        tuples = [beads for _, term in self.terms for beads in term.bead_tuples]
        return list(dict.fromkeys(bead for beads in tuples for bead in beads))

    @property
    def dimension(self) -> str:
        """Dimension of its values: length (nm), angle (rad) or number."""
        return DIMENSIONS.get(self.terms[0][1].kind, "number")

    @property
    def unit(self) -> str:
        """Internal unit of its values; empty for numbers."""
        return UNITS[self.dimension]

    def check_value(self, where: str, name: str, value: float) -> None:
        """Refuse a value in a config whose dimension is not that of the variable.

        Raises:
            ValueError: for example, a length is given for an angle.
        """
        given = getattr(value, "dimension", self.dimension)
        if given != self.dimension:
            shown = f"{value:g} {UNITS[given]}".rstrip()
            raise ValueError(f"{where}: given {shown}, but '{name}' is {MEANINGS[self.dimension]}")

    def check_force_constant(self, where: str, name: str, value: float) -> None:
        """Refuse a force constant in a config whose unit does not fit the variable.

        Raises:
            ValueError: for example, the constant is for a length and the variable is an angle.
        """
        # An angle has no dimension.
        plain = {"angle": "number"}
        given = getattr(value, "dimension", self.dimension)
        if plain.get(given, given) != plain.get(self.dimension, self.dimension):
            wanted = FORCE_CONSTANTS[self.dimension]
            raise ValueError(f"{where}: '{name}' takes a force constant such as '{wanted}'")

    def with_members(
        self, declared: Mapping[str, "CollectiveVariableSettings"]
    ) -> "CollectiveVariableSettings":
        """The variable with its members' definitions, so that a job needs no other variable."""
        if self.coefficients is None:
            return self
        return self.model_copy(
            update={"members": {name: declared[name] for name in self.coefficients}}
        )

    def check_members(
        self, where: str, declared: Mapping[str, "CollectiveVariableSettings"]
    ) -> None:
        """Refuse members that a combination cannot have.

        Raises:
            ValueError: a combination, a dihedral, another mapping, or different units.
        """
        members = {name: declared[name] for name in self.coefficients or {}}
        for name, member in members.items():
            if member.kind == "combination":
                raise ValueError(f"{where}: '{name}' is a combination; name its members instead")
            if member.function is not None:
                raise ValueError(
                    f"{where}: '{name}' is a {member.kind}, a function of a whole structure, which "
                    "cannot be a member of a combination"
                )
            if member.kind == "dihedral":
                raise ValueError(
                    f"{where}: '{name}' is a dihedral, which jumps at ±π; combine variables of "
                    "the kinds cos_dihedral and sin_dihedral of its beads"
                )
            if member.mapping != self.mapping:
                raise ValueError(
                    f"{where}: '{name}' belongs to mapping '{member.mapping}', but the combination "
                    f"to mapping '{self.mapping}'; they must be the same"
                )
        if len({member.dimension for member in members.values()}) > 1:
            given = ", ".join(f"{name} ({m.dimension})" for name, m in members.items())
            raise ValueError(f"{where}: all must be lengths, angles or numbers; given: {given}")


def is_periodic(kind: str) -> bool:
    """Whether a kind of collective variable lives on the circle [-π, π]."""
    return kind == "dihedral"
