"""Section `potentials`: forms of the CG potential and how they are fitted."""

from typing import Annotated

from pydantic import Field

from meanforce.settings.linear_potentials import Rbf, Spline
from meanforce.settings.mace_potentials import Mace
from meanforce.settings.network_potentials import Cgnet

Potential = Annotated[Spline | Rbf | Cgnet | Mace, Field(discriminator="kind")]
