"""Section `experiments`: training data, CG runs and reference of each potential."""

from typing import Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Name, Settings, Time
from meanforce.settings.target_tables import TargetTablesSettings

BLOCKS_PER_FOLD = 4
"""Each replica is cut into at most folds × this many contiguous blocks, which are assigned to the
folds in turn."""

Resampling = Literal["half_samples", "jackknife", "validation_fold"]
"""How the members of an ensemble differ in their data; see `training.resampling`."""


class ExperimentSettings(Settings):
    """One potential: its training data, its CG runs and its validation."""

    system: Name = Field(description="entry of the section `systems`")
    mapping: Name = Field(description="one of the system's mappings")
    campaigns: list[Name] = Field(min_length=1, description="campaigns that give training data")
    replicas: list[int] | None = Field(
        default=None,
        description="replicas of these campaigns that are used; default: all. A replica of "
        "umbrella sampling includes all windows, even if several jobs run them, and has its own "
        "weights",
    )
    weights: Literal["none", "bias"] = Field(
        default="none",
        description="bias: each frame has the weight e^{βV}, where V is its bias energy, in "
        "training and in force errors. This is needed if a bias is not a function of the mapping's "
        "beads; otherwise it only wastes data",
    )
    potential: Name = Field(description="entry of the section `potentials`")
    train: list[Name] = Field(min_length=1, description="state points of the training data")
    targets: dict[Name, TargetTablesSettings] = Field(
        default={},
        description="state point: tables of distributions that a fit by `boltzmann_inversion`, "
        "`hypernetted_chain` or `inverse_monte_carlo` has as its targets, such as published ones, "
        "instead of the distributions of the campaigns' frames. These then give only molecules, "
        "box and starts, for which one frame is enough. For all state points of `train`, or none; "
        "needs `ensemble: 1`",
    )
    held_out: list[Name] = Field(
        default=[], description="state points that are used only for validation"
    )
    reference: Name | None = Field(
        default=None,
        description="campaign, or entry of the section `references`, that the model is validated "
        "against. Without one, models of exactly "
        "solvable systems are validated against the exact result; for others, values are reported "
        "without errors and verdicts",
    )
    ensemble: int = Field(
        default=4,
        ge=1,
        le=50,
        description="number of members. Their mean is simulated, and their spread gives the error "
        "that comes from the finite training data. Networks, and fits with CG runs, come in pairs "
        "with different seeds: one is trained on half of the `folds`, its partner on the other "
        "half. So 4 members cost as much as 2 on all data, and n have n/2 degrees of freedom. A "
        "single one leaves out one fold and has no such error. Each member of kind spline or rbf "
        "that is fitted to forces leaves out one fold (jackknife)",
    )
    folds: int = Field(
        default=8,
        ge=2,
        le=50,
        description="groups of time blocks, up to 4 blocks each; blocks are fewer and longer if "
        "conformations are correlated for longer",
    )
    simulation: Name = Field(description="entry of the section `simulations`")
    atomistic_time: list[Time] | None = Field(
        default=None,
        min_length=1,
        max_length=50,
        description="makes a learning curve: for each of these times and each seed, a separate "
        "run, `<experiment>_<time>_<seed>`, that uses the beginning of its trajectories. This time "
        "covers equilibration, sampling including the filling of a bias, and one step for each "
        "frame whose forces are recomputed",
    )
    seeds: int | None = Field(
        default=None,
        ge=1,
        le=100,
        description="runs at each `atomistic_time`; the first uses replica 1 of each campaign, the "
        "second replica 2, and so on",
    )
    discard: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="fraction at the beginning of the sampled part of an `atomistic_time` that is "
        "not used, because a bias changes fast there; its cost is counted",
    )
    learning_curve: Name | None = Field(
        default=None,
        description="figure that shows the curve; experiments may share one. Default: the name of "
        "the system",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        shared = sorted(set(self.train) & set(self.held_out))
        if shared:
            raise ValueError(
                f"{', '.join(shared)} is in both 'train' and 'held_out'; "
                "a held-out state point must not be trained at"
            )
        for key in ("train", "held_out", "campaigns"):
            values = getattr(self, key)
            if len(set(values)) != len(values):
                raise ValueError(f"'{key}' names an entry twice: {values}")
        if self.replicas is not None and len(set(self.replicas)) != max(1, len(self.replicas)):
            raise ValueError(
                f"'replicas' is {self.replicas}; give at least one, each only once, or leave it out"
            )
        self._check_learning_curve()
        self._check_targets()
        return self

    def check_ensemble(self, where: str, linear: bool) -> None:
        """Refuse an ensemble with equal members, or with a network that has no partner.

        Args:
            where: the experiment in the config.
            linear: whether the potential is fitted without any randomness.

        Raises:
            ValueError: such a potential cannot have this ensemble.
        """
        n, folds = self.ensemble, self.folds
        if linear and n > folds:
            raise ValueError(
                f"{where}.ensemble: is {n}, but 'folds' is only {folds}; every member of a linear "
                "potential leaves out a different fold"
            )
        if linear or n == 1:
            return
        if n % 2:
            raise ValueError(
                f"{where}.ensemble: is {n}, but members come in pairs that are trained on one "
                f"half of the data each; give {n - 1} or {n + 1}, or 1 for no error bar"
            )
        if n > 2 * (folds - 1):
            raise ValueError(
                f"{where}.ensemble: is {n}, but {folds} 'folds' can be halved in only {folds - 1} "
                f"independent ways; give at most {2 * (folds - 1)}, or more folds"
            )

    def resampling(self, linear: bool) -> Resampling:
        """How members differ in their data.

        Args:
            linear: whether the potential is fitted without any randomness.
        """
        if linear:
            return "jackknife"
        return "validation_fold" if self.ensemble == 1 else "half_samples"

    def _check_targets(self) -> None:
        if not self.targets:
            return
        if set(self.targets) != set(self.train):
            raise ValueError(
                f"'targets' has tables for {', '.join(self.targets)}, but 'train' is "
                f"{', '.join(self.train)}; give tables for the same state points"
            )
        if self.ensemble != 1:
            raise ValueError(
                f"'ensemble' is {self.ensemble}, but all members have the same tables in "
                "'targets'; give 'ensemble: 1'"
            )
        if self.atomistic_time is not None:
            raise ValueError(
                "'atomistic_time' makes a learning curve of frames, but the data are the tables in "
                "'targets'; leave one of them out"
            )

    def _check_learning_curve(self) -> None:
        if self.atomistic_time is None:
            extra = {"seeds", "discard", "learning_curve"} & self.model_fields_set
            if extra:
                raise ValueError(
                    f"'{min(extra)}' belongs to a learning curve; give 'atomistic_time' as well"
                )
            return
        if self.seeds is None:
            raise ValueError("'atomistic_time' needs 'seeds', the number of runs at each time")
        if self.replicas is not None:
            raise ValueError(
                "'seeds' determines the replicas; give only one of 'seeds' and 'replicas'"
            )
        if len(set(self.atomistic_time)) != len(self.atomistic_time):
            raise ValueError(f"'atomistic_time' names a time twice: {self.atomistic_time} ps")
