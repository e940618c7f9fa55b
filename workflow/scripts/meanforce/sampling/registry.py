"""Campaign kinds and the modules that make their biases."""

from collections.abc import Mapping

import openmm

from meanforce.sampling import metadynamics, static, unbiased
from meanforce.sampling.bias import Bias
from meanforce.settings.campaigns import Campaign

KINDS = {"unbiased": unbiased.make, "static": static.make, "metadynamics": metadynamics.make}


def make_bias(
    campaign: Campaign, variables: Mapping[str, tuple[openmm.Force, bool]], temperature: float
) -> Bias:
    """Bias of a campaign.

    Args:
        campaign: settings.
        variables: name: (OpenMM force whose energy is the variable, whether it is periodic).
        temperature: K.
    """
    return KINDS[campaign.kind](campaign, variables, temperature)
