"""System kind `amber`."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import FilePath
from meanforce.settings.systems.files import ParametrisedSettings
from meanforce.settings.systems.implicit import ImplicitSolvent


class AmberSettings(ParametrisedSettings):
    """A system from files of AMBER.

    The structure is a file of coordinates (`.inpcrd`, `.rst7`, `.crd`, text or NetCDF), or a PDB or
    mmCIF file.
    """

    kind: Literal["amber"]
    topology: FilePath = Field(description="topology with parameters (`.prmtop`, `.parm7`)")
    implicit_solvent: ImplicitSolvent | None = Field(
        default=None,
        description="generalised Born model of implicit water, with a surface term (ACE); default: "
        "vacuum",
    )

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from."""
        return [self.topology, self.structure]
