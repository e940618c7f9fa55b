"""Campaign kind `static`: a sum of Gaussians in collective variables that never changes."""

import openmm

from meanforce.sampling.bias import Bias
from meanforce.sampling.collective_variables import Variable, bias_force
from meanforce.settings.campaigns import Static


class StaticGaussians(Bias):
    """V(s) = Σ_k h_k exp[−Σ_d (s_d − c_kd)²/(2 w_kd²)].

    Args:
        campaign: settings with the Gaussians.
        variables: the biased collective variables, in order.
    """

    def __init__(self, campaign: Static, variables: list[Variable]) -> None:
        self._campaign, self._variables = campaign, variables

    def force(self) -> openmm.CustomCVForce:
        terms = []
        for gaussian in self._campaign.gaussians:
            exponents = []
            for number, (variable, center, width) in enumerate(
                zip(self._variables, gaussian.center, gaussian.width, strict=True)
            ):
                difference = f"s{number}-({center})"
                # The chord length keeps the bias smooth where a dihedral crosses ±π.
                distance = f"2*sin(({difference})/2)" if variable.periodic else f"({difference})"
                exponents.append(f"({distance})^2/(2*{width}^2)")
            terms.append(f"({gaussian.height})*exp(-({'+'.join(exponents)}))")
        return bias_force(" + ".join(terms), self._variables)


def make(campaign: Static, variables, temperature: float) -> StaticGaussians:
    """Bias of a static campaign."""
    return StaticGaussians(campaign, list(variables.values()))
