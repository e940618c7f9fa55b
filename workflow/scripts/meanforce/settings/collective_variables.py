"""Section `collective_variables`: functions of bead positions."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Settings

N_BEADS = {"coordinate": 1, "distance": 2, "angle": 3, "dihedral": 4}
"""How many beads each kind of collective variable takes."""


class CollectiveVariable(Settings):
    """A function of the positions of the beads of one mapping."""

    kind: Literal["coordinate", "distance", "angle", "dihedral"]
    mapping: Name = Field(description="mapping whose beads are meant")
    beads: list[Name] = Field(description="bead names, in order")
    axis: Literal["x", "y", "z"] | None = Field(
        default=None, description="axis of a `coordinate`, else left out"
    )

    @model_validator(mode="after")
    def _complete(self) -> Self:
        wanted = N_BEADS[self.kind]
        if len(self.beads) != wanted:
            raise ValueError(f"a {self.kind} takes {wanted} beads, given {len(self.beads)}")
        if len(set(self.beads)) != len(self.beads):
            raise ValueError(f"a bead is named twice in {self.beads}")
        if (self.axis is not None) != (self.kind == "coordinate"):
            raise ValueError("'axis' belongs to the kind 'coordinate', and only there")
        return self


def is_periodic(kind: str) -> bool:
    """Whether a kind of collective variable lives on the circle [-π, π]."""
    return kind == "dihedral"
