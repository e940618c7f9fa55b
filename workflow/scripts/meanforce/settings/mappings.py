"""Section `mappings`: which atoms make a bead, and how forces are mapped."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Settings


class Mapping(Settings):
    """Configuration map and force map of one system."""

    template: Literal["heavy", "core_beta"] | None = Field(
        default=None,
        description=(
            "ready-made beads of a peptide: all heavy atoms, or C, N, CA and CB; "
            "beads are named RESIDUE+NUMBER-ATOM, such as ALA2-CA"
        ),
    )
    beads: dict[Name, str] | None = Field(
        default=None, description="bead name: MDTraj selection of its atoms (instead of a template)"
    )
    weights: Literal["mass", "geometry"] = Field(
        default="mass", description="weights of the atoms in a bead's position"
    )
    force_map: Literal["slice", "aggregate"] = Field(
        default="aggregate",
        description="slice: forces on the bead's atoms; aggregate: also those on the atoms "
        "rigidly bonded to them, which constraints require",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.template is None) == (self.beads is None):
            raise ValueError("give either 'template' or 'beads', and not both")
        if self.beads is not None and not self.beads:
            raise ValueError("'beads' is empty; name at least one bead")
        return self
