"""Campaign kinds and the modules that make their biases."""

from collections.abc import Mapping

from meanforce.sampling import metadynamics, static, unbiased
from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable
from meanforce.settings.campaigns import Campaign

KINDS = {"unbiased": unbiased.make, "static": static.make, "metadynamics": metadynamics.make}


def make_bias(campaign: Campaign, variables: Mapping[str, Variable], temperature: float) -> Bias:
    """Bias of a campaign.

    Args:
        campaign: settings.
        variables: the biased collective variables by name.
        temperature: K.
    """
    return KINDS[campaign.kind](campaign, variables, temperature)
