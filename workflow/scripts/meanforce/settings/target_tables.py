"""Tables of distributions that an iterative fit has as its targets."""

from pydantic import Field, model_validator

from meanforce.settings.base import FilePath, Settings

KINDS = ("pairs", "bonds", "angles", "dihedrals")


class TargetTablesSettings(Settings):
    """Distributions at a state point, each a file with a row for each place.

    A row has a place (nm or rad), a value and, optionally, a flag, separated by spaces or commas:
    VOTCA's `.dist.tgt`, or CSV. Rows with the flag u are left out. Keys are the types of the beads,
    joined by hyphens. The type of a bead in a box is MOLECULE-BEAD, with the name of the first bead
    of the type: PRP-A1-PRP-B. Every curve of the potential needs a table.
    """

    pairs: dict[str, FilePath] = Field(
        default={},
        description="g(r) of beads of different molecules: the density of pairs, over that of "
        "beads placed at random; from zero to the cutoff of the potential at least",
    )
    bonds: dict[str, FilePath] = Field(
        default={}, description="densities of bond lengths, Jacobian (r²) included, of any norm"
    )
    angles: dict[str, FilePath] = Field(
        default={}, description="densities of angles, Jacobian (sin θ) included, of any norm"
    )
    dihedrals: dict[str, FilePath] = Field(
        default={}, description="densities of dihedrals, −π to π, of any norm"
    )

    @model_validator(mode="after")
    def _some(self) -> "TargetTablesSettings":
        if not self.files:
            raise ValueError("has no table; give one for each curve of the potential")
        return self

    @property
    def files(self) -> list[str]:
        """All files."""
        return [path for kind in KINDS for path in getattr(self, kind).values()]
