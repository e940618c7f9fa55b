"""Settings that every kind of system has."""

from collections.abc import Sequence
from typing import ClassVar, Literal

from pydantic import Field

from meanforce.settings.base import FilePath, Settings
from meanforce.settings.collective_variables import CollectiveVariableSettings


class SystemSettings(Settings):
    """A system, and properties of its kind that the rest of the workflow uses.

    Attributes:
        equilibrated: whether it is equilibrated at every state point before it is sampled.
        has_force_field: whether it can be sampled, and its forces recomputed.
    """

    equilibrated: ClassVar[bool] = False
    has_force_field: ClassVar[bool] = True

    @property
    def force_field_files(self) -> list[str]:
        """Force field files, those that OpenMM ships among them."""
        return []

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from; names among them that OpenMM ships."""
        return []

    @property
    def equilibration_time(self) -> float:
        """Simulated time in ps of the equilibration at a state point."""
        return 0.0

    @property
    def depends_on_pressure(self) -> bool:
        """Whether its density is that of a state point's pressure."""
        return False

    @classmethod
    def is_exact(cls, surface: Sequence[CollectiveVariableSettings], n_beads: int) -> bool:
        """Whether the PMF of a mapping along the variables of a surface is known.

        Args:
            surface: variables of the free-energy surface.
            n_beads: beads of the mapping.
        """
        return False


class ExactlySolvableSettings(SystemSettings):
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
        kinds = [(variable.kind, variable.axis) for variable in surface]
        return kinds == [(cls.exact_kind, cls.exact_axis)] and n_beads == len(cls.exact_atoms)


class MoleculeSettings(SystemSettings):
    """Settings of every system from a structure file."""

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

    @property
    def force_field_files(self) -> list[str]:
        """Force field files, those that OpenMM ships among them."""
        return self.force_field

    @property
    def input_files(self) -> list[str]:
        """Files that it is built from; names among them that OpenMM ships."""
        return [self.structure, *self.force_field]
