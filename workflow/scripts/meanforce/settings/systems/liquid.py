"""System kind `liquid`."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Density, FilePath, Length, Mass, Name, Settings
from meanforce.settings.systems.equilibration import EquilibrationSettings
from meanforce.settings.systems.optional_equilibration import OptionallyEquilibratedSettings

MOST_MOLECULES = 10**6
"""Most molecules of one type."""


class LiquidMoleculeSettings(Settings):
    """Molecules of one type in a liquid."""

    count: int = Field(ge=1, le=MOST_MOLECULES, description="number of molecules")
    structure: FilePath | None = Field(
        default=None,
        description="PDB or mmCIF file of one molecule, with hydrogens and bonds, relative to the "
        "project; default: made from the residue template of this name in the force field, which "
        "leaves the handedness of stereo centres to chance",
    )


class LiquidSettings(OptionallyEquilibratedSettings):
    """Molecules of one or several types in a periodic box, packed at random by packmol.

    The cubic box has the `density` that is given. At every state point the liquid is then
    equilibrated at its pressure, or, with `equilibration: {npt: null}`, at the given density.
    Molecules follow each other in the order of `molecules`. Martínez et al., J. Comput. Chem. 30,
    2157 (2009).
    """

    kind: Literal["liquid"]
    molecules: dict[Name, LiquidMoleculeSettings] = Field(
        min_length=1,
        description="name of a molecule type, which is the name of its residue: its molecules",
    )
    force_field: list[FilePath] = Field(
        min_length=1,
        description="force field files: names that OpenMM ships (`spce.xml`), those in "
        "resources/force_fields, or paths to your own XML files",
    )
    density: Density = Field(description="mass density of the box in which molecules are packed")
    packing_distance: Length = Field(
        default="0.2 nm",
        validate_default=True,
        description="least distance between atoms of different molecules after packing",
    )
    mixing: Literal["lorentz_berthelot", "geometric"] | None = Field(
        default=None,
        description="Lennard-Jones parameters of unlike atoms. lorentz_berthelot: mean σ, "
        "geometric mean of ε; geometric: geometric means of both, as in OPLS. Default: "
        'geometric if a file\'s element <ForceField> has the attribute combining_rule="geometric" '
        "(as in foyer's files and ours of OPLS), else lorentz_berthelot",
    )
    nonbonded_method: Literal["pme", "reaction_field"] = Field(
        default="pme",
        description="charges beyond the cutoff: particle mesh Ewald, or a reaction field; liquids "
        "without charges need neither",
    )
    nonbonded_cutoff: Length = Field(
        default="1 nm", validate_default=True, description="cutoff of the direct space"
    )
    switch_distance: Length | None = Field(
        default=None,
        description="where Lennard-Jones energies begin to be switched off; default: cut off",
    )
    dispersion_correction: bool = Field(
        default=True,
        description="correct energy and pressure for Lennard-Jones interactions beyond the cutoff",
    )
    constraints: Literal["none", "h_bonds", "all_bonds"] = Field(
        default="h_bonds", description="bonds that are held rigid"
    )
    rigid_water: bool = Field(default=True, description="hold water molecules rigid")
    hydrogen_mass: Mass | None = Field(
        default=None,
        description="mass of hydrogens, taken from their neighbours, for longer time steps; water "
        "keeps its own",
    )
    equilibration: EquilibrationSettings | None = Field(
        default_factory=EquilibrationSettings,
        description="how it is equilibrated at every state point, before it is sampled; null: not "
        "at all, for starts of CG runs that are fitted to `targets` from tables",
    )

    @model_validator(mode="after")
    def _switched_before_the_cutoff(self) -> Self:
        if self.switch_distance is not None and self.switch_distance >= self.nonbonded_cutoff:
            raise ValueError("'switch_distance' must be shorter than 'nonbonded_cutoff'")
        return self

    @property
    def force_field_files(self) -> list[str]:
        """Force field files, those that OpenMM ships among them."""
        return self.force_field

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from; names among them that OpenMM ships."""
        structures = [one.structure for one in self.molecules.values() if one.structure is not None]
        return [*structures, *self.force_field]
