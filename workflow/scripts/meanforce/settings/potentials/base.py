"""Settings that every kind of potential has."""

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from meanforce.settings.base import Settings
from meanforce.settings.checks import Variables
from meanforce.settings.fitting import Fitting, ForceMatchingSettings
from meanforce.settings.potentials.priors import PriorSettings


class PotentialSettings(Settings):
    """A potential, and properties of its kind that the rest of the workflow uses.

    Attributes:
        linear: whether it is linear in its parameters.
    """

    linear: ClassVar[bool] = False

    temperature: Literal["none"] = Field(default="none", description="none: one potential")
    fitting: Fitting = Field(
        default=ForceMatchingSettings(kind="force_matching"),
        description="how its parameters are found",
    )

    @model_validator(mode="after")
    def _fittable(self) -> Self:
        if self.fitting.needs_terms and not self.tabulated:
            raise ValueError(
                f"'fitting: {self.fitting.kind}' fits only potentials of 'terms' (kinds spline and "
                "rbf); give 'terms', or 'fitting: force_matching'"
            )
        self.fitting.check_form(self.linear)
        return self

    @property
    def deterministic(self) -> bool:
        """Whether its fit uses no random numbers, so that members differ in their data only."""
        return self.fitting.deterministic(self.linear)

    @property
    def resumable(self) -> bool:
        """Whether a fit takes long and can continue from a restart bundle."""
        return self.fitting.resumable(self.linear)

    @property
    def takes_molecules_in_a_box(self) -> bool:
        """Whether it is a potential of several molecules in a periodic box."""
        return False

    @property
    def needs_bonds(self) -> bool:
        """Whether it is a potential of beads that bonds connect only."""
        return False

    @property
    def least_beads(self) -> int:
        """Number of beads that it needs at least."""
        return 1

    @property
    def longest_pair(self) -> float | None:
        """Distance in nm up to which it has curves of pairs; None without."""
        return None

    @property
    def tabulated(self) -> bool:
        """Whether it is a sum of curves of single coordinates, which other programs can run."""
        return False

    @property
    def variables(self) -> list[str]:
        """Names of the collective variables that it depends on; empty: it depends on all beads."""
        return []

    @property
    def frame_stride(self) -> int:
        """Every n-th frame is used in fitting; this is n."""
        return 1

    @property
    def terms_below(self) -> PriorSettings | None:
        """Prior that is fitted first, or None."""
        return None

    @property
    def depends_on_temperature(self) -> bool:
        """Whether it is defined at all temperatures, and not only at its state points."""
        return self.temperature != "none"

    def check(self, where: str, variables: Variables) -> None:
        """Refuse settings that do not fit a system that it is used for.

        Args:
            where: the potential in the config.
            variables: collective variables of the system.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """
