"""Section `systems`: topology, force field and solvent."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import (
    ConcentrationOrZero,
    FilePath,
    Length,
    Mass,
    Rate,
    Settings,
    Time,
)
from meanforce.settings.collective_variables import CollectiveVariableSettings

BOX_MARGIN = 1.05
"""Boxes shrink at constant pressure; they start by this factor above twice the cutoff."""

PHASE_STEPS = 100
"""Fewest steps of a phase of equilibration: its averages need some."""


class ExactlySolvableSettings(Settings):
    """A system whose potential of mean force (PMF) of some beads is known.

    Attributes:
        exact_atoms: names of the atoms that are the beads.
        exact_kind: the kind of collective variable of these beads that the PMF is a function of.
        exact_axis: the axis of a coordinate.
    """

    exact_atoms: ClassVar[tuple[str, ...]]
    exact_kind: ClassVar[str]
    exact_axis: ClassVar[str | None] = None

    @classmethod
    def is_exact(cls, surface: Sequence[CollectiveVariableSettings], n_beads: int) -> bool:
        """Whether a model of so many beads, judged along these variables, has an exact PMF."""
        kinds = [(variable.kind, variable.axis) for variable in surface]
        return kinds == [(cls.exact_kind, cls.exact_axis)] and n_beads == len(cls.exact_atoms)


class MullerBrownSettings(ExactlySolvableSettings):
    """Two particles, X and Y, whose x and y coordinates feel the Müller–Brown potential."""

    exact_atoms: ClassVar[tuple[str, ...]] = ("X",)
    exact_kind: ClassVar[str] = "coordinate"
    exact_axis: ClassVar[str | None] = "x"

    kind: Literal["muller_brown"]


class ChannelSettings(ExactlySolvableSettings):
    """Particles A and B with two wells along their distance, and Y that makes them depend on T.

    A spring binds Y to the middle of A and B, and is the looser the farther these are apart, so
    that the far well has the higher energy and the higher entropy.
    """

    exact_atoms: ClassVar[tuple[str, ...]] = ("A", "B")
    exact_kind: ClassVar[str] = "distance"

    kind: Literal["channel"]


class MoleculeSettings(Settings):
    """What every system from a structure file has."""

    structure: FilePath = Field(
        description="PDB or mmCIF file, with hydrogens, relative to the project"
    )
    force_field: list[FilePath] = Field(
        min_length=1,
        description="force field files: names that OpenMM ships, or paths to your own XML files",
    )
    constraints: Literal["none", "h_bonds"] = Field(
        default="h_bonds", description="bonds that are held rigid"
    )


class PeptideSettings(MoleculeSettings):
    """A molecule from a structure file, in vacuum or implicit solvent."""

    kind: Literal["peptide"]
    nonbonded_cutoff: Length | None = Field(
        default=None, description="cutoff of the nonbonded interactions; without it there is none"
    )


class EquilibrationSettings(Settings):
    """Constant volume, constant pressure, then constant volume at the mean density."""

    nvt: Time = Field(
        default="20 ps", validate_default=True, description="first phase, at constant volume"
    )
    npt: Time = Field(
        default="200 ps",
        validate_default=True,
        description="second phase, at constant pressure; its second half gives the density",
    )
    nvt_final: Time = Field(
        default="50 ps",
        validate_default=True,
        description="third phase, at constant volume, in a box of that density",
    )
    time_step: Time = Field(
        default="2 fs", validate_default=True, description="integration step in all phases"
    )
    friction: Rate = Field(
        default="1 / ps",
        validate_default=True,
        description="friction of the Langevin thermostat in all phases",
    )
    barostat_interval: Time = Field(
        default="50 fs",
        validate_default=True,
        description="time between the volume moves of the Monte Carlo barostat",
    )
    temperature_allowance: float = Field(
        default=0.01,
        gt=0,
        le=0.2,
        description="how far, relatively and beyond its statistical error, the mean temperature of "
        "the third phase may be from the thermostat's",
    )
    density_allowance: float = Field(
        default=0.01,
        gt=0,
        le=0.2,
        description="how far, relatively and beyond the statistical error, the mean densities of "
        "the third and fourth quarter of the second phase may differ; also the largest standard "
        "error of their mean",
    )
    platform: Literal["auto", "Reference", "CPU", "CUDA", "OpenCL", "HIP"] = Field(
        default="auto", description="OpenMM platform; auto: the fastest in a short timing"
    )

    @model_validator(mode="after")
    def _long_enough(self) -> Self:
        for key in ("nvt", "npt", "nvt_final"):
            if getattr(self, key) < PHASE_STEPS * self.time_step:
                raise ValueError(f"'{key}' is shorter than {PHASE_STEPS} time steps")
        if not self.time_step <= self.barostat_interval <= self.npt / 10:
            raise ValueError(
                "'barostat_interval' must be at least 'time_step', and at most a tenth of 'npt'"
            )
        return self


class SolvatedPeptideSettings(MoleculeSettings):
    """A molecule from a structure file, in a periodic box of explicit water."""

    kind: Literal["solvated_peptide"]
    water_model: Literal["tip3p", "spce", "tip4pew", "tip5p"] = Field(
        default="tip3p",
        description="geometry of the water that is added; `force_field` must have parameters for "
        "it (`tip3p` also does for other models of three sites, `tip4pew` for those of four)",
    )
    box: Length | None = Field(default=None, description="edge of the cubic box at the start")
    padding: Length | None = Field(
        default=None,
        description="distance between the molecule and its periodic images (instead of `box`)",
    )
    neutralise: bool = Field(default=True, description="add ions until the box has no charge")
    ionic_strength: ConcentrationOrZero = Field(
        default="0 mol/L",
        validate_default=True,
        description="concentration of ions that are added on top",
    )
    positive_ion: Literal["Na+", "K+", "Li+", "Rb+", "Cs+"] = Field(
        default="Na+", description="which positive ions are added"
    )
    negative_ion: Literal["Cl-", "Br-", "F-", "I-"] = Field(
        default="Cl-", description="which negative ions are added"
    )
    nonbonded_cutoff: Length = Field(
        default="1 nm",
        validate_default=True,
        description="cutoff of the direct space; beyond it, particle mesh Ewald",
    )
    rigid_water: bool = Field(default=True, description="hold water molecules rigid")
    hydrogen_mass: Mass | None = Field(
        default=None,
        description="mass of the molecule's hydrogens, taken from their neighbours, for longer "
        "time steps; water keeps its own",
    )
    equilibration: EquilibrationSettings = Field(
        default_factory=EquilibrationSettings,
        description="how it is equilibrated at every state point, before it is sampled",
    )

    @model_validator(mode="after")
    def _one_size(self) -> Self:
        if (self.box is None) == (self.padding is None):
            raise ValueError("give either 'box' or 'padding', and not both")
        least = self.smallest_box
        if self.box is not None and self.box < least:
            raise ValueError(
                f"'box' is {self.box:g} nm, but 'nonbonded_cutoff' needs {least:g} nm: twice "
                f"{self.nonbonded_cutoff:g} nm, and {BOX_MARGIN - 1:.0%} to shrink by"
            )
        return self

    @property
    def smallest_box(self) -> float:
        """Smallest edge of the box that the cutoff allows, nm."""
        return 2.0 * BOX_MARGIN * self.nonbonded_cutoff


System = Annotated[
    MullerBrownSettings | ChannelSettings | PeptideSettings | SolvatedPeptideSettings,
    Field(discriminator="kind"),
]


def is_equilibrated(system: System) -> bool:
    """Whether a system is equilibrated at every state point before it is sampled."""
    return hasattr(system, "equilibration")


def has_box(system: System) -> bool:
    """Whether a system is periodic."""
    return isinstance(system, SolvatedPeptideSettings)
