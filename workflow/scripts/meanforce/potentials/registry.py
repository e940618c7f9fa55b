"""Kinds of potentials."""

from meanforce.potentials.cgnet import Cgnet
from meanforce.potentials.interface import Potential
from meanforce.potentials.mace import Mace
from meanforce.potentials.rbf import Rbf
from meanforce.potentials.spline import Spline

KINDS: dict[str, type[Potential]] = {kind.kind: kind for kind in (Spline, Rbf, Cgnet, Mace)}
