"""System kind `charmm`."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import FilePath, Length
from meanforce.settings.systems.files import ParametrisedSettings
from meanforce.settings.systems.implicit import ImplicitSolvent


class CharmmSettings(ParametrisedSettings):
    """A system from files of CHARMM or NAMD.

    The structure is a file of coordinates (`.crd`, `.cor`), a restart file (`.rst`), or a PDB or
    mmCIF file.
    """

    kind: Literal["charmm"]
    topology: FilePath = Field(description="protein structure file (`.psf`)")
    parameters: list[FilePath] = Field(
        min_length=1,
        description="parameter files (`.prm`, `.par`), files of residues with masses (`.rtf`, "
        "`.top`) and stream files (`.str`), in this order",
    )
    box: list[Length] | None = Field(
        default=None,
        min_length=3,
        max_length=3,
        description="edges of a rectangular periodic box, where the structure has none",
    )
    implicit_solvent: ImplicitSolvent | None = Field(
        default=None,
        description="generalised Born model of implicit water, with a surface term (ACE); default: "
        "vacuum",
    )

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from."""
        return [self.topology, *self.parameters, self.structure]
