"""Campaign kind `static`: a sum of Gaussians in collective variables that never changes."""

import openmm

from meanforce.sampling.bias import Bias
from meanforce.settings.campaigns import Static


class StaticGaussians(Bias):
    """V(s) = Σ_k h_k exp[−Σ_d (s_d − c_kd)²/(2 w_kd²)].

    Args:
        campaign: settings with the Gaussians.
        variables: name: OpenMM force whose energy is the collective variable.
        periodic: whether each collective variable lives on [-π, π].
    """

    def __init__(
        self, campaign: Static, variables: dict[str, openmm.Force], periodic: list[bool]
    ) -> None:
        self._campaign, self._variables, self._periodic = campaign, variables, periodic

    def force(self) -> openmm.CustomCVForce:
        names = [f"s{number}" for number in range(len(self._variables))]
        terms = []
        for gaussian in self._campaign.gaussians:
            exponents = []
            for name, center, width, periodic in zip(
                names, gaussian.center, gaussian.width, self._periodic, strict=True
            ):
                # The chord length keeps the bias smooth where a dihedral crosses ±π.
                distance = f"2*sin(({name}-({center}))/2)" if periodic else f"({name}-({center}))"
                exponents.append(f"({distance})^2/(2*{width}^2)")
            terms.append(f"({gaussian.height})*exp(-({'+'.join(exponents)}))")
        force = openmm.CustomCVForce(" + ".join(terms))
        for name, variable in zip(names, self._variables.values(), strict=True):
            force.addCollectiveVariable(name, variable)
        return force


def make(campaign: Static, variables, temperature: float) -> StaticGaussians:
    """Bias of a static campaign; `variables` maps names to (force, is periodic)."""
    forces = {name: force for name, (force, _) in variables.items()}
    return StaticGaussians(campaign, forces, [periodic for _, periodic in variables.values()])
