"""Section `potentials`: forms of the CG potential and how they are fitted."""

from typing import Annotated

from pydantic import Field

from meanforce.settings import network_potentials
from meanforce.settings.linear_potentials import Rbf, Spline
from meanforce.settings.mace_potentials import Mace
from meanforce.settings.priors import HasPrior


class Cgnet(HasPrior, network_potentials.Cgnet):
    """Multilayer perceptron on internal coordinates; Wang et al., ACS Cent. Sci. 5, 755 (2019)."""


Potential = Annotated[Spline | Rbf | Cgnet | Mace, Field(discriminator="kind")]
