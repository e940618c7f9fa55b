"""Section `systems`: topology, force field and solvent."""

from typing import Annotated, Literal

from pydantic import Field

from meanforce.settings.base import Length, Settings


class MullerBrown(Settings):
    """Two particles, X and Y, whose x and y coordinates feel the Müller–Brown potential."""

    kind: Literal["muller_brown"]


class Peptide(Settings):
    """A molecule from a structure file, in vacuum or implicit solvent."""

    kind: Literal["peptide"]
    structure: str = Field(description="PDB or mmCIF file, with hydrogens, relative to the project")
    force_field: list[str] = Field(
        min_length=1,
        description="force field files: names that OpenMM ships, or paths to your own XML files",
    )
    constraints: Literal["none", "h_bonds"] = Field(
        default="h_bonds", description="bonds that are held rigid"
    )
    nonbonded_cutoff: Length | None = Field(
        default=None, description="cutoff of the nonbonded interactions; without it there is none"
    )


System = Annotated[MullerBrown | Peptide, Field(discriminator="kind")]
