"""Section `mappings`: which atoms make a bead, and how forces are mapped."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Length, Name, Settings


class NoiseAugmentation(Settings):
    """Gaussian noise on bead positions, and forces of the density that it smears.

    The potential of mean force is then that of R + ση. Durumeric, Chen, Clementi et al.,
    arXiv:2407.01286 (2024).
    """

    level: Length = Field(description="standard deviation σ of the noise along each axis")


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
    force_map: Literal["slice", "aggregate", "optimal"] = Field(
        default="aggregate",
        description="slice: forces on the bead's atoms; aggregate: also those on the atoms "
        "rigidly bonded to them, which constraints require; optimal: the least noisy constant "
        "coefficients, fitted to other time blocks than they are used on",
    )
    solvent_groups: Literal["none", "whole"] = Field(
        default="whole",
        description="solvent in an `optimal` force map: whole: the total force on water and ions "
        "takes part, with one coefficient a bead; none: it does not",
    )
    noise: NoiseAugmentation | None = Field(
        default=None,
        description="noise on bead positions whose score takes part in an `optimal` force map; "
        "only for campaigns without a bias, or with the experiment's `weights: bias`",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.template is None) == (self.beads is None):
            raise ValueError("give either 'template' or 'beads', and not both")
        if self.beads is not None and not self.beads:
            raise ValueError("'beads' is empty; name at least one bead")
        if self.noise is not None and self.force_map != "optimal":
            raise ValueError(
                f"'noise' needs 'force_map: optimal', which weighs it against the forces; "
                f"'{self.force_map}' does not"
            )
        return self
