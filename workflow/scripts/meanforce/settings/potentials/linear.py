"""Potentials that are linear in their coefficients."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Coordinate, Length, Name, Settings
from meanforce.settings.bead_functions import BEAD_FUNCTIONS
from meanforce.settings.checks import Variables
from meanforce.settings.potentials.base import PotentialSettings


class CurveTermSettings(Settings):
    """One curve for each pair of types of bonded beads, or each triple of types at an angle."""

    functions: int = Field(
        default=20, ge=6, le=200, description="basis functions of a curve, over the data's range"
    )


class DihedralTermSettings(Settings):
    """One periodic curve for each quadruple of types along three bonds."""

    functions: int = Field(
        default=24, ge=8, le=200, description="basis functions of a curve, around the circle"
    )


class PairTermSettings(Settings):
    """One curve for each pair of types of beads that are far apart along the bonds."""

    cutoff: Length = Field(
        default=1.0, description="distance at which energy and force vanish (nm)"
    )
    functions: int = Field(
        default=24, ge=6, le=200, description="basis functions of a curve, up to the cutoff"
    )
    exclude: Literal[2, 3, 4] = Field(
        default=3,
        description="2: all pairs but bonded ones; 3: pairs beyond 1-3 neighbours; 4: pairs beyond "
        "1-4 neighbours",
    )


class TermsSettings(Settings):
    """Terms whose sum is the potential of a molecule; `null` leaves a kind of term out."""

    bonds: CurveTermSettings | None = Field(
        default=CurveTermSettings(), description="curves of bond lengths"
    )
    angles: CurveTermSettings | None = Field(
        default=CurveTermSettings(), description="curves of angles"
    )
    dihedrals: DihedralTermSettings | None = Field(
        default=DihedralTermSettings(), description="curves of proper dihedrals"
    )
    pairs: PairTermSettings | None = Field(
        default=PairTermSettings(), description="curves of distances between non-bonded beads"
    )

    @model_validator(mode="after")
    def _some(self) -> Self:
        if not any((self.bonds, self.angles, self.dihedrals, self.pairs)):
            raise ValueError("all terms are left out; give at least one")
        return self


class LinearSettings(PotentialSettings):
    """Settings of the potentials that are linear in their coefficients."""

    linear: ClassVar[bool] = True

    collective_variable: Name | None = Field(
        default=None,
        description="the potential is one curve, a function of this variable (instead of `terms`)",
    )
    terms: TermsSettings | None = Field(
        default=None,
        description="the potential is a sum of curves of a molecule's internal coordinates, one "
        "for each combination of bead types (`{}` takes all defaults)",
    )
    lower: Coordinate | None = Field(
        default=None, description="lower end of the basis along the collective variable"
    )
    upper: Coordinate | None = Field(
        default=None, description="upper end of the basis along the collective variable"
    )
    functions: int | None = Field(
        default=None, ge=4, le=500, description="basis functions along the collective variable"
    )
    temperature: Literal["none", "linear"] = Field(
        default="linear", description="none: one curve; linear: coefficients linear in T"
    )
    ridge: list[float] = Field(
        default=[1e-8, 1e-6, 1e-4],
        min_length=1,
        description="strengths of the penalty on coefficients (relative to the largest eigenvalue "
        "of a curve's normal matrix) among which block cross-validation chooses",
    )
    smoothness: list[float] = Field(
        default=[1e-6, 1e-5, 1e-4, 1e-3],
        min_length=1,
        description="the same for the penalty on second differences of coefficients",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.collective_variable is None) == (self.terms is None):
            raise ValueError("give either 'collective_variable' or 'terms'")
        basis = (self.lower, self.upper, self.functions)
        if self.terms is not None:
            if basis != (None, None, None):
                raise ValueError(
                    "'lower', 'upper' and 'functions' belong to a 'collective_variable'; "
                    "for 'terms', ranges come from the data, and 'functions' is a key of each term"
                )
        elif None in basis:
            raise ValueError("a 'collective_variable' needs 'lower', 'upper' and 'functions'")
        elif self.lower >= self.upper:
            raise ValueError("'lower' must be below 'upper'")
        for key in ("ridge", "smoothness"):
            if min(getattr(self, key)) < 0:
                raise ValueError(f"'{key}' values must be 0 or more")
        return self

    @property
    def relative_width(self) -> float:
        """Width of a basis function in units of the distance between two; fixed for splines."""
        return 1.0

    @property
    def takes_molecules_in_a_box(self) -> bool:
        """Whether it is a potential of several molecules in a periodic box."""
        return self.terms is not None

    @property
    def longest_pair(self) -> float | None:
        return None if self.terms is None or self.terms.pairs is None else self.terms.pairs.cutoff

    @property
    def tabulated(self) -> bool:
        return self.terms is not None

    @property
    def variables(self) -> list[str]:
        """Names of the collective variables that it depends on; empty: it depends on all beads."""
        return [] if self.collective_variable is None else [self.collective_variable]

    def check(self, where: str, variables: Variables) -> None:
        if self.collective_variable is not None:
            variables.check_names(f"{where}.collective_variable", self.variables)
            kind = variables[self.collective_variable].kind
            if kind in BEAD_FUNCTIONS:
                raise ValueError(
                    f"{where}.collective_variable: '{self.collective_variable}' is a {kind}, a "
                    "function of a whole structure; a potential takes no such variable"
                )
            variables.check_values(f"{where}.lower", self.variables, [self.lower])
            variables.check_values(f"{where}.upper", self.variables, [self.upper])
