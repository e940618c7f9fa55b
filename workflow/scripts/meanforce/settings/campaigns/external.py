"""Campaign kind `external`: frames that exist already."""

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Energy, FilePath, Length, Name, Settings, Time, TimeOrZero
from meanforce.settings.campaigns.base import CampaignSettings
from meanforce.settings.campaigns.file_formats import (
    FILE_FORMATS,
    POSITIONS,
    FileFormat,
    Format,
    UnitStyle,
    forces_beside,
    format_of,
    is_pickle,
)

TIME = "time"
"""Column of times in files of bias energies."""


class ReducedUnitsSettings(Settings):
    """Units of length and energy of a file, such as σ and ε of a run in reduced units."""

    length: Length = Field(description="unit of positions")
    energy: Energy = Field(description="unit of energy; forces are in energy per length")


class BiasEnergiesSettings(Settings):
    """Bias energies of a trajectory's frames, which are matched by time.

    A column of the file with the name of one of the campaign's `collective_variables` is compared
    with the variable's value in some of the frames.
    """

    file: FilePath = Field(
        description="COLVAR file of PLUMED, CSV file with a line of names, or NPZ file; it has a "
        "column `time` in ps"
    )
    column: str = Field(
        min_length=1,
        max_length=200,
        description="column of the bias energy; of metadynamics `metad.rbias`, from which its "
        "growth in time is removed, rather than `metad.bias`",
    )
    unit: Energy = Field(default=1.0, description="unit of the column; default: 1 kJ/mol")

    @model_validator(mode="after")
    def _energies(self) -> Self:
        if self.column == TIME:
            raise ValueError(
                f"'column' is '{TIME}', which holds the times; give the column of bias energies, "
                "such as metad.rbias"
            )
        return self


class TrajectorySettings(Settings):
    """One continuous run, which is one replica: its files and the frames that are used."""

    files: list[FilePath] = Field(
        min_length=1,
        max_length=10000,
        description="files of the run in order of time, relative to the project; if the first "
        "frame of a file repeats the last one of the file before, it is left out",
    )
    state_point: Name = Field(description="state point at which the run was made")
    stride: int = Field(
        default=1, ge=1, description="use one frame in `stride` of each file, from its first one on"
    )
    begin: TimeOrZero | None = Field(
        default=None, description="first time that is used; default: from the first frame"
    )
    end: TimeOrZero | None = Field(
        default=None, description="last time that is used; default: to the last frame"
    )
    format: Format | None = Field(
        default=None,
        description="default: by the suffix of the files. CG data of other programs need it: cgnet "
        "(.npz, or .npy files of coordinates and forces), mlcg, chemtrain, and "
        "chemtrain_fractional, whose positions are fractions of the box",
    )
    units: UnitStyle | ReducedUnitsSettings | None = Field(
        default=None,
        description="units of a LAMMPS dump, which does not hold them, as the run's unit style or, "
        "for reduced units, as a length and an energy; also for NPZ files, whose default is nm, "
        "kJ/mol/nm and ps",
    )
    time_step: Time | None = Field(
        default=None, description="integration step of a LAMMPS run, whose dumps number the steps"
    )
    interval: Time | None = Field(
        default=None,
        description="time between frames of files that hold no times; frame k, counted from 0 over "
        "all files, has the time k·interval. It replaces the times of the files, where they are "
        "wrong, as in many DCD files",
    )
    arrays: dict[Literal["positions", "forces", "time", "box"], str] = Field(
        default={},
        description="names of the arrays of NPZ files, where they are not `positions`, `forces`, "
        "`time` and `box`",
    )
    molecule: str | None = Field(
        default=None,
        min_length=1,
        max_length=200,
        description="which molecule of an mlcg file is read, as `metaset/molecule`; only needed if "
        "there are several",
    )
    bias: BiasEnergiesSettings | None = Field(default=None, description="of a biased run")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for file in self.files:
            if is_pickle(file):
                raise ValueError(
                    f"'{file}' is a pickle, which can run code when it is opened; allowed are "
                    f"{', '.join(FILE_FORMATS)}"
                )
            if self.format is None and format_of(file) is None:
                raise ValueError(
                    f"'format' is missing, and the suffix of '{file}' is not known; allowed are "
                    f"{', '.join(FILE_FORMATS)}"
                )
        if self.bias is not None and is_pickle(self.bias.file):
            raise ValueError(
                f"'{self.bias.file}' is a pickle, which can run code when it is opened; give bias "
                "energies as a COLVAR, CSV or NPZ file"
            )
        if self.begin is not None and self.end is not None and self.begin > self.end:
            raise ValueError(f"'begin' ({self.begin:g} ps) is after 'end' ({self.end:g} ps)")
        for file, facts in zip(self.files, self.formats, strict=True):
            self._check_format(facts)
            if self._in_pair(file, facts) and forces_beside(file) is None:
                raise ValueError(
                    f"the file of forces that belongs to '{file}' is not known, because its name "
                    f"has none of {', '.join(POSITIONS)}; call them, for example, "
                    "ala2_coordinates.npy and ala2_forces.npy"
                )
        return self

    @staticmethod
    def _in_pair(file: str, facts: FileFormat) -> bool:
        """Whether forces are in another file."""
        return facts.in_pairs and file.endswith(".npy")

    @property
    def all_files(self) -> list[str]:
        """The files, and those of forces beside them."""
        beside = [
            forces_beside(file)
            for file, facts in zip(self.files, self.formats, strict=True)
            if self._in_pair(file, facts)
        ]
        return [*self.files, *beside]

    def _check_format(self, facts: FileFormat) -> None:
        if self.units is not None and facts.has_units:
            raise ValueError("'units' is given, but the files have units of their own")
        twice = [name for name in self.arrays.values() if [*self.arrays.values()].count(name) > 1]
        if twice:
            raise ValueError(
                f"'arrays' gives the name '{twice[0]}' twice; positions, forces, times and boxes "
                "are different arrays"
            )
        if self.arrays and not facts.has_names:
            raise ValueError("'arrays' is given, but only NPZ files have arrays with names")
        if self.molecule is not None and not facts.has_molecules:
            raise ValueError("'molecule' is given, but only mlcg files hold several")
        if facts.has_steps and (self.units is None or self.time_step is None):
            raise ValueError(
                "a LAMMPS dump holds neither its units nor its time step; give 'units' and "
                "'time_step'"
            )
        if self.time_step is not None and not facts.has_steps:
            raise ValueError("'time_step' is given, but only LAMMPS dumps number their steps")

    def format_of(self, file: str) -> str:
        """Name of the format of one of the files."""
        return self.format or format_of(file)

    @property
    def formats(self) -> list[FileFormat]:
        """Formats of the files."""
        return [FILE_FORMATS[self.format_of(file)] for file in self.files]


class ExternalSettings(CampaignSettings):
    """Frames of runs that exist already, of any program, instead of sampling.

    The files must have the atoms of the system, in its order. If the runs were biased, the bias
    must be a function of the mapping's beads, as for campaigns that are sampled: declare the
    `collective_variables` that it depends on. For any other bias leave them out, and set the
    experiment's `weights: bias`.
    """

    imported: ClassVar[bool] = True

    kind: Literal["external"]
    forces: Literal["recompute", "file"] = Field(
        default="recompute",
        description="recompute: with the system's force field, without a bias; file: those of the "
        "files, which are compared with recomputed ones in some of the frames",
    )
    disagreement: Literal["refuse", "warn"] = Field(
        default="refuse",
        description="if forces of the files differ from recomputed ones, because of units, a bias, "
        "rigid bonds or another force field; warn: use them anyway, because the system's force "
        "field is meant to be another one",
    )
    accept_failed_checks: bool = Field(
        default=False,
        description="whether frames are used although a check of their forces shows that they "
        "cannot be right, by 5 standard errors: units, temperature, or a bias left in the forces",
    )
    continuous: bool = Field(
        default=True,
        description="whether each trajectory without a bias is one stretch of dynamics, from which "
        "time scales are taken; false: its frames are independent, or from replica exchange",
    )
    collective_variables: list[Name] = Field(
        default=[], max_length=10, description="collective variables that the bias depends on"
    )
    trajectories: list[TrajectorySettings] = Field(
        min_length=1, max_length=10000, description="each is one replica at its state point"
    )

    @property
    def dynamical(self) -> bool:
        """Whether a replica is one stretch of dynamics without a bias."""
        return self.continuous and not self.biased

    @property
    def refuses_failed_checks(self) -> bool:
        """Whether frames that cannot be right are refused."""
        return not self.accept_failed_checks

    @property
    def recomputes_forces(self) -> bool:
        """Whether forces come from a stage of its own, with the system's force field."""
        return self.forces == "recompute"

    @property
    def biased(self) -> bool:
        """Whether frames are biased."""
        return any(one.bias is not None for one in self.trajectories)

    @property
    def biased_variables(self) -> list[str]:
        """Names of the collective variables that the bias depends on."""
        return self.collective_variables

    def at(self, state: str) -> list[TrajectorySettings]:
        """Trajectories at a state point, replica after replica."""
        return [one for one in self.trajectories if one.state_point == state]

    def replicas_at(self, state: str) -> int:
        """Number of trajectories at a state point."""
        return len(self.at(state))

    @property
    def state_points(self) -> list[tuple[str, str]]:
        """State points of the trajectories."""
        return [(f"trajectories[{k}].state_point", one.state_point)
                for k, one in enumerate(self.trajectories)]  # fmt: skip

    @property
    def input_files(self) -> Iterator[tuple[str, str]]:
        """Files of the trajectories and of their bias energies: key in the campaign, path."""
        for number, one in enumerate(self.trajectories):
            for file in one.all_files:
                yield f"trajectories[{number}].files", file
            if one.bias is not None:
                yield f"trajectories[{number}].bias.file", one.bias.file

    def check(self, where, variables, campaigns):
        super().check(where, variables, campaigns)
        for number, one in enumerate(self.trajectories):
            at = f"{where}.trajectories[{number}]"
            if self.biased and one.bias is None:
                raise ValueError(
                    f"{at}.bias: is missing, but other trajectories of the campaign are biased; "
                    "biased and unbiased runs must be campaigns of their own"
                )
            if self.forces == "file":
                for file, facts in zip(one.files, one.formats, strict=True):
                    if not facts.has_forces:
                        raise ValueError(
                            f"{at}.files: '{file}' is of a format that holds no forces; allowed "
                            "is 'forces: recompute'"
                        )
        if self.collective_variables and not self.biased:
            raise ValueError(
                f"{where}.collective_variables: are those that a bias depends on, but no "
                "trajectory has 'bias'"
            )
