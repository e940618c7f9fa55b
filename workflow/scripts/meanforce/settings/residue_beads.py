"""A file of the user with the beads of each residue, the template of a mapping."""

from typing import Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Settings
from meanforce.settings.mappings import checked_weights


class ResidueBeadsSettings(Settings):
    """Beads of one residue."""

    beads: dict[Name, list[str]] = Field(
        description="bead name: its atoms, by their names; `{}` for a residue without beads"
    )
    weights: dict[Name, list[float]] = Field(
        default={},
        description="bead name: weights of its atoms, 1 in sum; by default those of the mapping",
    )
    types: dict[Name, Name] = Field(
        default={},
        description="bead name: its type; beads of one type, also of different residues, share the "
        "curves and embeddings of a potential. By default types are those of the beads' atoms",
    )
    bonds: list[tuple[Name, Name]] | None = Field(
        default=None,
        description="pairs of bonded beads of the residue; default: by the bonds of its atoms. "
        "Bonds to other residues always follow those of atoms",
    )

    @model_validator(mode="after")
    def _exist(self) -> Self:
        for name, atoms in self.beads.items():
            if not atoms:
                raise ValueError(f"bead '{name}' has no atoms")
        for name, row in self.weights.items():
            self._known("weights", name)
            if len(checked_weights(name, row)) != len(self.beads[name]):
                raise ValueError(
                    f"{len(row)} weights are given for bead '{name}', which has "
                    f"{len(self.beads[name])} atoms"
                )
        for name in self.types:
            self._known("types", name)
        for one, other in self.bonds or []:
            self._known("bonds", one)
            self._known("bonds", other)
            if one == other:
                raise ValueError(f"'bonds' has bead '{one}' bonded to itself")
        return self

    def _known(self, key: str, name: str) -> None:
        if name not in self.beads:
            known = ", ".join(self.beads) or "none"
            raise ValueError(f"'{key}' names the bead '{name}'; known: {known}")


class TemplateFileSettings(Settings):
    """The whole file."""

    residues: dict[str, ResidueBeadsSettings] = Field(
        min_length=1, description="residue name, as in the structure: its beads"
    )
