"""Section `references`: free energies from elsewhere, as references of experiments."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import FilePath, Name, Settings
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic

VariableUnit = Literal["rad", "deg", "nm", "angstrom", "none"]

ANGLES = ("rad", "deg")
"""Units of variables that are periodic."""


class TableReferenceSettings(Settings):
    """Free energies on a regular grid of one or two collective variables, in CSV or NPZ files.

    A CSV file has a line for each bin, with the columns named below in any order; lines that begin
    with # are comments. An NPZ file has arrays of these names: of equal lengths, or, for two
    variables, the bins' centres along each and free energies of the shape of the grid. Bins that
    are not in a table, or whose free energy is empty, NaN or infinite, were never visited. Bins
    must be those of the validation (`bins`, `lower`, `upper`), or divide them evenly.

    From a table there are the metrics `js_<variables>`, `fes_rmse`, `coverage_<variables>`,
    `delta_f_<name>`, `barrier_<variable>` and `population_<basin>`. What needs frames is not made:
    profiles of other variables, distributions of bonds and angles, slow modes, force errors.

    Errors of a table decide what these metrics can resolve. Given as a column, they are taken as
    independent from bin to bin, so that errors of basins, over which they average, are small; noise
    of a simulation moves whole basins together. Several files for a state point are independent
    repeats, and their scatter, basins and all, is the error: prefer these. Without either, values
    are reported without floors and verdicts.
    """

    kind: Literal["table"]
    files: dict[Name, list[FilePath]] = Field(
        min_length=1,
        description="state point: a file, or several of independent repeats of the same length",
    )
    variables: dict[Name, VariableUnit] = Field(
        min_length=1,
        max_length=2,
        description="collective variables, those of the validation's `surface`, each with the unit "
        "of its column: rad, deg, nm, angstrom or none",
    )
    free_energy: str = Field(
        default="free_energy", min_length=1, description="name of the column of free energies"
    )
    error: str | None = Field(
        default=None,
        min_length=1,
        description="name of the column of their standard errors, in the same unit; a bin where it "
        "is empty counts as one that a single frame visited",
    )
    unit: Literal["kT", "kJ/mol", "kcal/mol"] = Field(description="unit of free energies")
    source: str | None = Field(default=None, description="where the table comes from")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [*self.variables, self.free_energy, *([self.error] if self.error else [])]
        if len(set(names)) != len(names):
            raise ValueError(f"columns have the same name: {', '.join(names)}")
        for state, files in self.files.items():
            if not files:
                raise ValueError(f"'files.{state}' is empty; give a file")
            if len(set(files)) != len(files):
                raise ValueError(f"'files.{state}' names a file twice")
            if len(files) > 1 and self.error is not None:
                raise ValueError(
                    f"'files.{state}' has {len(files)} repeats, whose scatter is the error; leave "
                    "out 'error', or give one file"
                )
        return self

    def check(self, where: str, known: dict[str, CollectiveVariableSettings]) -> None:
        """Refuse units that do not fit the variables.

        Args:
            where: the reference in the config.
            known: collective variables of its system.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """
        for name, unit in self.variables.items():
            if is_periodic(known[name].kind) and unit not in ANGLES:
                raise ValueError(
                    f"{where}.variables.{name}: is in '{unit}', but it is an angle; allowed are "
                    f"{' and '.join(ANGLES)}"
                )


Reference = TableReferenceSettings
"""Kinds of references beside campaigns."""
