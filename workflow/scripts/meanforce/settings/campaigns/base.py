"""What the rest of the workflow uses of every campaign, wherever its frames come from."""

from collections.abc import Mapping, Sequence
from typing import ClassVar

from meanforce.settings.base import Settings
from meanforce.settings.checks import Variables


class CampaignSettings(Settings):
    """A campaign: where frames come from.

    Attributes:
        imported: whether frames are read from files instead of being sampled.
        reweighted_together: whether the weights of frames come from all jobs of a replica at once.
    """

    imported: ClassVar[bool] = False
    reweighted_together: ClassVar[bool] = False

    @property
    def recomputes_forces(self) -> bool:
        """Whether forces come from a stage of its own, with the system's force field."""
        return True

    @property
    def needs_force_field(self) -> bool:
        """Whether the campaign cannot do without the system's force field."""
        return self.recomputes_forces or not self.imported

    @property
    def dynamical(self) -> bool:
        """Whether a replica is one stretch of dynamics without a bias."""
        return False

    def replicas_at(self, state: str) -> int:
        """Number of independent repeats at a state point."""
        raise NotImplementedError

    @property
    def jobs_per_replica(self) -> int:
        """Number of jobs that together make one replica."""
        return 1

    def jobs_of(self, state: str, replicas: list[int] | None = None) -> list[int]:
        """Numbers of the jobs of some replicas at a state point; by default of all.

        Jobs are numbered from 1, replica after replica, and each makes one trajectory.
        """
        each = self.jobs_per_replica
        chosen = range(1, self.replicas_at(state) + 1) if replicas is None else replicas
        return [(replica - 1) * each + job for replica in chosen for job in range(1, each + 1)]

    def replica_of(self, job: int) -> int:
        """Number of the replica that a job is part of, from 1."""
        return (job - 1) // self.jobs_per_replica + 1

    def copies(self, job: int) -> int:
        """Copies of the system in a job's trajectory."""
        return 1

    def sampled_time(self, state: str, job: int) -> float | None:
        """Time in ps that all copies of a job sample; None if it is not in the config."""
        return None

    @property
    def refuses_failed_checks(self) -> bool:
        """Whether frames that cannot be right are refused; sampled ones are only reported."""
        return False

    @property
    def biased(self) -> bool:
        """Whether frames are biased."""
        return bool(self.biased_variables) or self.biased_mapping is not None

    @property
    def biased_mapping(self) -> str | None:
        """Mapping on whose beads the bias acts without collective variables."""
        return None

    @property
    def model_files(self) -> list[str]:
        """Files of trained models that the bias is made from."""
        return []

    @property
    def biased_variables(self) -> list[str]:
        """Names of the collective variables that the bias depends on."""
        return []

    @property
    def bias_source(self) -> str | None:
        """Campaign whose final bias this one uses, frozen."""
        return None

    @property
    def bias_formula(self) -> str | None:
        """Bias as an expression in the names of the collective variables."""
        return None

    @property
    def filling(self) -> float:
        """Time in ps at the beginning of sampling whose frames are not used."""
        return 0.0

    @property
    def shares_hills(self) -> bool:
        """Whether replicas exchange what they deposit, and so depend on each other."""
        return False

    @property
    def state_points(self) -> Sequence[tuple[str, str]]:
        """State points that the settings name: key in the campaign, name."""
        return ()

    @property
    def input_files(self) -> Sequence[tuple[str, str]]:
        """Files of the user that frames come from: key in the campaign, path."""
        return ()

    def temperatures(self, lowest: float) -> list[float]:
        """Temperatures in K at which there are frames, that of the state point first."""
        return [lowest]

    def check_state_point(self, where: str, state: str, temperature: float) -> None:
        """Refuse a state point at which the campaign has no frames.

        Args:
            where: the campaign in the config.
            state: name of the state point.
            temperature: its temperature, K.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """

    def check(
        self, where: str, variables: Variables, campaigns: Mapping[str, "CampaignSettings"]
    ) -> None:
        """Refuse settings that do not fit other sections of the config.

        Args:
            where: the campaign in the config.
            variables: collective variables of its system.
            campaigns: of its system, by name.

        Raises:
            ValueError: names the key, what was given and what is allowed.
        """
        variables.check_names(f"{where}.collective_variables", self.biased_variables)
