"""Facts that an analysis needs about the campaign of the atomistic data."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Self

import numpy as np

from meanforce.jobs.validate import CampaignFacts
from meanforce.sampling.mbar import Windows
from meanforce.settings.collective_variables import CollectiveVariableSettings, is_periodic


@dataclasses.dataclass(frozen=True)
class Protocol:
    """Facts that an analysis needs about a campaign.

    Attributes:
        jobs_per_replica: datasets that make a replica, as in umbrella sampling.
        dynamical: whether a replica is one stretch of dynamics without a bias.
        held: whether chains are held in windows of umbrella sampling.
        windows: of umbrella sampling, where they are functions of the beads; else None.
        window_variables: what the windows are harmonic in.
        temperature: K.
    """

    jobs_per_replica: int = 1
    dynamical: bool = False
    held: bool = False
    windows: Windows | None = None
    window_variables: tuple[CollectiveVariableSettings, ...] = ()
    temperature: float = 0.0

    @classmethod
    def of(
        cls,
        facts: CampaignFacts,
        temperature: float,
        bead_names: Sequence[str],
        report: Callable[[str], None],
    ) -> Self:
        """The protocol of a campaign from the facts that validation is given.

        Args:
            facts: of the reference, or of one campaign of the training data.
            temperature: of the state point, K.
            bead_names: of the campaign's datasets.
            report: called with a line where the windows are not functions of the beads.
        """
        given = facts.windows
        plain = cls(facts.jobs_per_replica, facts.dynamical, given is not None)
        if given is None:
            return plain
        variables = tuple(given.collective_variables)
        if not {bead for one in variables for bead in one.bead_names} <= set(bead_names):
            report(
                "windows of umbrella sampling are not functions of the beads: with fewer than four "
                "replicas, errors of these data leave out the uncertainty of the windows' free "
                "energies"
            )
            return plain
        windows = Windows(
            np.array(given.centers, dtype=float),
            np.array(given.force_constants, dtype=float),
            [is_periodic(one.kind) for one in variables],
        )
        return dataclasses.replace(
            plain, windows=windows, window_variables=variables, temperature=temperature
        )
