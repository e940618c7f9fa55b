"""Section `validation`: which free energies a system's models are judged by."""

from typing import Self

from pydantic import Field, model_validator

from meanforce.settings.base import BeadName, Coordinate, Energy, Name, Settings

Box = dict[Name, tuple[Coordinate, Coordinate]]
"""Intervals of collective variables; variables left out are free."""


class ValidationSettings(Settings):
    """Free-energy surface, basins, differences and barriers of one system.

    Everything here may be left out. Models are always judged by the free energies of all
    collective variables of the mapping; by the radius of gyration and the end-to-end distance of
    molecules of three beads and more; and by quantities that collective variables miss: bonds,
    angles, dihedrals and impropers, the dihedral ω of each peptide bond whose CA, C, N and CA (or a
    cap's methyl) are beads, and the two slowest modes of the reference by time-lagged independent
    component analysis (TICA), if the reference is long enough. So a model with the right φ and ψ
    but a cis peptide bond is recognised as wrong.

    Several molecules in a periodic box are judged by `rdf_rmse_<A>_<B>`, the root mean square
    difference of g(r) of beads of each pair of types in different molecules; by `compressibility`,
    from the structure factor of the molecules' centres at long wavelengths, if the box is large
    enough for them; by `nematic_order` of molecules of three beads and more; and those of a type by
    `correlation_bond_…_angle_…`. `pressure` is the virial pressure of the CG potential, `diffusion`
    and `speed_up_diffusion` are those of the molecules' centres; none of these is an error. CG runs
    at constant pressure (`pressure` of a simulation) are judged by their `density` as well.

    Without `surface` there are no distances of surfaces, no basins and no barriers; convergence is
    judged by all collective variables of the mapping, and CG chains start at random training
    frames. Without a reference (`reference: null` in an experiment) the values, the stability and
    the convergence of the model are reported, without errors and verdicts.

    There are also the metrics `autocorrelation_time_<variable>` and `speed_up_<variable>`, the
    atomistic time over the model's, where the reference is a campaign of the kind `unbiased`, the
    simulation has neither bias nor exchange, and both are long enough. CG time is not physical
    time: a model moves with the friction of its thermostat, and the speed-up differs from motion to
    motion.

    Errors have a `verdict` in summary.csv. `not converged`: the CG run ended before its chains had
    forgotten where they started. `within noise`: no larger than the smallest error that these data
    resolve, which a perfect model exceeds in one of twenty cases. `resolved better`: larger than
    that, but resolvably smaller than the error of every experiment on the same system, mapping and
    state point with another force map, campaigns or potential, and of direct reweighting of the
    same data. `limited by data`: no larger than what the random draw of the training data explains.
    `worse`: none of these.

    A held-out state point must not be trained at, under any name, and validation refuses a
    model that was trained on the very data of its reference there. At a state point that is trained
    at, reference and training data may be the same campaign; such errors flatter the model.
    """

    surface: list[Name] = Field(
        default=[],
        max_length=2,
        description="one or two collective variables of the free-energy surface",
    )
    bins: int = Field(default=60, ge=10, le=400, description="histogram bins along each variable")
    lower: list[Coordinate] | None = Field(
        default=None, description="lower ends of non-periodic variables"
    )
    upper: list[Coordinate] | None = Field(
        default=None, description="upper ends of non-periodic variables"
    )
    cutoff: Energy = Field(
        default="4 kcal/mol",
        validate_default=True,
        description="free energy of the reference up to which surfaces are compared",
    )
    basins: dict[Name, list[Box]] = Field(
        default={},
        description="name: boxes in collective variables, united; metric population_<name>",
    )
    differences: dict[Name, tuple[Name, Name]] = Field(
        default={}, description="metric delta_f_<name>: free energy of the first basin minus second"
    )
    barriers: dict[Name, tuple[Name, Name]] = Field(
        default={},
        description="metric barrier_<variable>: height of the lowest path to the second basin "
        "above the first basin's minimum, in the variable's one-dimensional free energy",
    )
    distances: list[tuple[BeadName, BeadName]] = Field(
        default=[],
        description="pairs of beads by name, such as [ACE1-C, NME3-N]: free energies of their "
        "distances, in mappings that have both beads, as the metrics fes_rmse_distance_<a>_<b> and "
        "in profiles.csv, which has them of all collective variables of a mapping",
    )
    blocks: int = Field(
        default=10,
        ge=4,
        le=100,
        description="time blocks of a replica for standard errors; with four or more replicas of "
        "the reference, the replicas are resampled instead",
    )

    @model_validator(mode="after")
    def _known(self) -> Self:
        for name, boxes in self.basins.items():
            if not boxes or not all(boxes):
                raise ValueError(f"basin '{name}' is empty; give it at least one interval")
            for box in boxes:
                for variable, (low, high) in box.items():
                    if variable not in self.surface:
                        raise ValueError(
                            f"basin '{name}' uses '{variable}', which is not in 'surface' "
                            f"({', '.join(self.surface) or 'empty'})"
                        )
                    if low >= high:
                        raise ValueError(
                            f"basin '{name}': the interval of '{variable}' is empty, since its "
                            "first end is not below its second; across 180 deg, give two boxes"
                        )
        for key in ("differences", "barriers"):
            for name, pair in getattr(self, key).items():
                for basin in pair:
                    if basin not in self.basins:
                        raise ValueError(
                            f"'{key}.{name}' names the basin '{basin}', known: "
                            f"{', '.join(self.basins) or 'none'}"
                        )
        for name in self.barriers:
            if name not in self.surface:
                raise ValueError(f"'barriers.{name}' is not in 'surface'")
        for pair in self.distances:
            if pair[0] == pair[1]:
                raise ValueError(f"'distances' has a pair of '{pair[0]}' with itself")
            if self.distances.count(pair) + self.distances.count(pair[::-1]) > 1:
                raise ValueError(f"'distances' has the pair {', '.join(pair)} twice")
        for key in ("lower", "upper"):
            ends = getattr(self, key)
            if ends is not None and len(ends) != len(self.surface):
                raise ValueError(f"'{key}' needs one value for each variable of 'surface'")
        return self
