"""System kind `solvated_peptide`."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import ConcentrationOrZero, Length, Mass
from meanforce.settings.systems.base import MoleculeSettings
from meanforce.settings.systems.equilibration import EquilibrationSettings

BOX_MARGIN = 1.05
"""Boxes shrink at constant pressure; their start edge is at least this times twice the cutoff."""


class SolvatedPeptideSettings(MoleculeSettings):
    """A molecule from a structure file, in a periodic box of explicit water.

    Water and ions are added to the structure, and the box is equilibrated at every state point.
    """

    equilibrated: ClassVar[bool] = True

    kind: Literal["solvated_peptide"]
    water_model: Literal["tip3p", "spce", "tip4pew", "tip5p"] = Field(
        default="tip3p",
        description="geometry of the water that is added; `force_field` must have parameters for "
        "it (`tip3p` also works for other three-site models, `tip4pew` for four-site models)",
    )
    box: Length | None = Field(default=None, description="edge of the cubic box at the start")
    padding: Length | None = Field(
        default=None,
        description="distance between the molecule and its periodic images (instead of `box`): "
        "twice the distance from the molecule to the edge of the box, which is `-d` of `gmx "
        "editconf`",
    )
    neutralise: bool = Field(default=True, description="add ions until the box has no charge")
    ionic_strength: ConcentrationOrZero = Field(
        default="0 mol/L",
        validate_default=True,
        description="concentration of ions that are added beyond neutralisation",
    )
    positive_ion: Literal["Na+", "K+", "Li+", "Rb+", "Cs+"] = Field(
        default="Na+", description="which positive ions are added"
    )
    negative_ion: Literal["Cl-", "Br-", "F-", "I-"] = Field(
        default="Cl-", description="which negative ions are added"
    )
    nonbonded_cutoff: Length = Field(
        default="1 nm",
        validate_default=True,
        description="cutoff of the direct space; beyond it, particle mesh Ewald",
    )
    rigid_water: bool = Field(default=True, description="hold water molecules rigid")
    hydrogen_mass: Mass | None = Field(
        default=None,
        description="mass of the molecule's hydrogens, taken from their neighbours, for longer "
        "time steps; water keeps its own",
    )
    equilibration: EquilibrationSettings = Field(
        default_factory=EquilibrationSettings,
        description="how it is equilibrated at every state point, before it is sampled",
    )

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.box is None) == (self.padding is None):
            raise ValueError("give either 'box' or 'padding', and not both")
        least = self.smallest_box
        if self.box is not None and self.box < least:
            raise ValueError(
                f"'box' is {self.box:g} nm, but 'nonbonded_cutoff' needs {least:g} nm: twice "
                f"{self.nonbonded_cutoff:g} nm, plus {BOX_MARGIN - 1:.0%} because boxes shrink"
            )
        return self

    @property
    def smallest_box(self) -> float:
        """Smallest edge of the box that the cutoff allows, nm."""
        return 2.0 * BOX_MARGIN * self.nonbonded_cutoff

    @property
    def equilibration_time(self) -> float:
        """Simulated time in ps of the equilibration at a state point."""
        return self.equilibration.time
