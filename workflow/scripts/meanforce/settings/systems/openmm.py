"""System kind `openmm`."""

from typing import Literal

from pydantic import Field

from meanforce.settings.base import FilePath
from meanforce.settings.systems.files import FilesSettings


class OpenmmSettings(FilesSettings):
    """A serialised OpenMM system, with all its forces, masses, constraints and box.

    The structure is a PDB or mmCIF file, which gives names, residues and bonds (CONECT records or
    those of residues that are known), and the positions where there is no state.
    """

    kind: Literal["openmm"]
    system: FilePath = Field(description="system (`XmlSerializer.serialize(system)`)")
    state: FilePath | None = Field(
        default=None,
        description="state (`XmlSerializer.serialize(state)`), to take positions and the box from",
    )

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from."""
        return [self.system, self.structure, *([self.state] if self.state else [])]
