"""Section `collective_variables`: functions of bead positions."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from meanforce.settings.base import BeadName, Length, Name, Settings

N_BEADS = {
    "coordinate": 1,
    "distance": 2,
    "angle": 3,
    "dihedral": 4,
    "cos_dihedral": 4,
    "sin_dihedral": 4,
}
"""How many beads each kind of collective variable takes, if their number is fixed."""

EVEN_KINDS = {"distance", "angle", "cos_dihedral", "coordination"}
"""Kinds that have the same value for a mirror image."""

KIND_OF_KEY = {
    "axis": "coordinate",
    "other_beads": "coordination",
    "radius": "coordination",
    "coefficients": "combination",
}
"""Keys that one kind requires and other kinds do not allow."""

DIMENSIONS = {"coordinate": "length", "distance": "length", "angle": "angle", "dihedral": "angle"}
"""Dimension of the values of each kind; values of other kinds are numbers without a unit."""

UNITS = {"length": "nm", "angle": "rad", "number": ""}
"""Internal unit of values."""

MEANINGS = {
    "length": "a length, such as '0.5 nm'",
    "angle": "an angle, such as '0.35 rad'",
    "number": "a number without a unit, such as 0.1",
}
"""Descriptions of values in the config, for messages."""

FORCE_CONSTANTS = {
    "length": "1000 kJ/mol/nm^2",
    "angle": "200 kJ/mol/rad^2",
    "number": "50 kJ/mol",
}
"""Examples of force constants, for messages."""


class CollectiveVariableSettings(Settings):
    """A function of the positions of the beads of one mapping.

    Coordination numbers: Iannuzzi, Laio, Parrinello, PRL 90, 238302 (2003), exponents 6 and 12.
    A combination s = Σ c·s′ has the unit of its members, which must all have the same unit; its
    coefficients are numbers. Dihedrals enter as cosines and sines, which do not jump at ±π.
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
    ] = Field(
        description="function of 1 (coordinate), 2 (distance), 3 (angle) or 4 beads (dihedral, its "
        "cosine, its sine); coordination: Σ 1/(1 + (r/radius)⁶) over pairs of `beads` and "
        "`other_beads`; combination: a sum of other variables"
    )
    mapping: Name = Field(description="mapping that the beads belong to")
    beads: list[BeadName] = Field(
        default=[], description="bead names, in order; left out in a `combination`"
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
    members: Annotated[dict[Name, "CollectiveVariableSettings"] | None, SkipJsonSchema()] = Field(
        default=None, description="definitions of a combination's members; only inside jobs"
    )

    @field_validator("members", mode="before")
    @classmethod
    def _inside_jobs(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and not (info.context and info.context.get("internal")):
            raise ValueError("is filled in for you; a combination takes 'coefficients'")
        return value

    @model_validator(mode="after")
    def _complete(self) -> Self:
        for key, kind in KIND_OF_KEY.items():
            if (getattr(self, key) is not None) != (self.kind == kind):
                raise ValueError(
                    f"'{key}' is required for the kind '{kind}', and not allowed elsewhere"
                )
        if self.kind == "coordination":
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
    def terms(self) -> list[tuple[float, "CollectiveVariableSettings"]]:
        """Coefficients and variables of a combination; otherwise 1 and the variable itself."""
        if self.coefficients is None:
            return [(1.0, self)]
        return [(self.coefficients[name], self.members[name]) for name in sorted(self.coefficients)]

    @property
    def bead_tuples(self) -> list[tuple[str, ...]]:
        """Beads of each internal coordinate that a variable other than a combination sums over."""
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
        along_length = getattr(value, "dimension", self.dimension) == "length"
        if along_length != (self.dimension == "length"):
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
