"""System kind `assembled`."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import FilePath
from meanforce.settings.systems.files import ParametrisedSettings


class AssembledSettings(ParametrisedSettings):
    """A structure file of all molecules, with force field files of OpenMM.

    Such as a membrane with its water. `equilibration` scales all edges of the box alike, which is
    wrong for a membrane: leave it out, or give `{npt: null}`.
    """

    kind: Literal["assembled"]
    structure: FilePath = Field(
        description="PDB or mmCIF file of the whole system, with hydrogens, bonds and the periodic "
        "box, or the name of a bilayer in water that OpenMM ships: DLPC.pdb, DLPE.pdb, DMPC.pdb, "
        "DOPC.pdb, DPPC.pdb, POPC.pdb or POPE.pdb"
    )
    force_field: list[FilePath] = Field(
        min_length=1,
        description="force field files: names that OpenMM ships, or paths to your own XML files",
    )

    @property
    def force_field_files(self) -> list[str]:
        """Force field files, those that OpenMM ships among them."""
        return self.force_field

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from; names among them that OpenMM ships."""
        return [self.structure, *self.force_field]
