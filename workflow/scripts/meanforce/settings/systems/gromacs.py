"""System kind `gromacs`."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import FilePath
from meanforce.settings.systems.files import ParametrisedSettings


class GromacsSettings(ParametrisedSettings):
    """A system from files of GROMACS.

    The structure is a `.gro` file, or a PDB or mmCIF file. Options of `.mdp` files are not read.
    """

    kind: Literal["gromacs"]
    topology: FilePath = Field(description="topology (`.top`)")
    include: list[FilePath] = Field(
        default=[],
        description="folders in which included files are sought, after that of the including file; "
        "then come the folders of GROMACS, from GMXLIB, GMXDATA or its installation",
    )
    defines: dict[str, str] = Field(
        default={},
        description="macros that are defined, as by `define` in `.mdp` files: name: text "
        "(`{HEAVY_H: ''}`)",
    )

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from; those that they include are found by reading them."""
        return [self.topology, self.structure]
