"""Tables of distributions that an iterative fit has as its targets."""

from collections.abc import Mapping

from pydantic import Field, model_validator

from meanforce.settings.base import FilePath, Settings
from meanforce.settings.fitting import FittingSettings

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


def check_targets(where: str, fitting: FittingSettings, temperatures: Mapping[str, float]) -> None:
    """Refuse tables where the fit cannot have them.

    Args:
        where: the key in the config.
        fitting: of the potential.
        temperatures: of the state points of the training, K.

    Raises:
        ValueError: names the key, what was given and what is allowed.
    """
    if not fitting.takes_tables:
        raise ValueError(
            f"{where}: are tables, which '{fitting.kind}' cannot be fitted to; allowed are "
            "the kinds boltzmann_inversion, hypernetted_chain and inverse_monte_carlo"
        )
    if fitting.start == "force_matching":
        raise ValueError(
            f"{where}: are tables, so that there are no forces; give "
            "'fitting.start: direct_inversion'"
        )
    at: dict[float, str] = {}
    for state, temperature in temperatures.items():
        if temperature in at:
            raise ValueError(
                f"{where}: '{at[temperature]}' and '{state}' have the same temperature; allowed is "
                "one table for each temperature"
            )
        at[temperature] = state
