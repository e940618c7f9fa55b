"""Settings that all kinds of systems from files of other programs share."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import FilePath, Length, Mass
from meanforce.settings.systems.optional_equilibration import OptionallyEquilibratedSettings

IN_A_BOX = ("reaction_field", "pme", "lj_pme")
"""Non-bonded methods of systems in a periodic box."""


class FilesSettings(OptionallyEquilibratedSettings):
    """A system whose files hold its topology, its parameters and its structure.

    Structures of other programs mostly come from an equilibrated run. Therefore they are minimised
    and sampled in the box that they have, at all state points, unless `equilibration` is given.
    """

    structure: FilePath = Field(description="file with the start positions and the periodic box")


class ParametrisedSettings(FilesSettings):
    """A system whose files leave the non-bonded method and constraints to the user."""

    nonbonded_method: Literal["none", "cutoff", "reaction_field", "pme", "lj_pme"] = Field(
        description="none: no cutoff; cutoff: without a box; in the structure's periodic box: "
        "reaction_field (dielectric constant 78.3), pme: particle mesh Ewald, or lj_pme: also for "
        "Lennard-Jones interactions",
    )
    nonbonded_cutoff: Length = Field(
        default="1 nm", validate_default=True, description="cutoff of the method, unless it is none"
    )
    switch_distance: Length | None = Field(
        default=None,
        description="from where to the cutoff a function switches Lennard-Jones interactions off; "
        "default: no switching",
    )
    dispersion_correction: bool = Field(
        default=True,
        description="Lennard-Jones interactions beyond the cutoff, as an energy that depends on "
        "the volume only (in a box)",
    )
    constraints: Literal["none", "h_bonds"] = Field(
        default="h_bonds", description="bonds that are held rigid"
    )
    rigid_water: bool = Field(default=True, description="hold water molecules rigid")
    hydrogen_mass: Mass | None = Field(
        default=None,
        description="mass of hydrogens, taken from their neighbours, for longer time steps; rigid "
        "water keeps its own",
    )

    @property
    def in_a_box(self) -> bool:
        """Whether the non-bonded method needs a periodic box."""
        return self.nonbonded_method in IN_A_BOX

    @model_validator(mode="after")
    def _fit_the_method(self) -> Self:
        if self.equilibration is not None and not self.in_a_box:
            raise ValueError(
                f"'equilibration' needs a periodic box, but 'nonbonded_method' is "
                f"'{self.nonbonded_method}'; allowed with it: {', '.join(IN_A_BOX)}"
            )
        if self.switch_distance is not None:
            if self.nonbonded_method == "none":
                raise ValueError(
                    "'switch_distance' needs a cutoff, but 'nonbonded_method' is 'none'"
                )
            if self.switch_distance >= self.nonbonded_cutoff:
                raise ValueError(
                    f"'switch_distance' is {self.switch_distance:g} nm; it must be below the "
                    f"'nonbonded_cutoff' of {self.nonbonded_cutoff:g} nm"
                )
        return self
