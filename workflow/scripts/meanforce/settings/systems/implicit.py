"""Models of implicit solvent that parametrise any molecule."""

from typing import Literal

ImplicitSolvent = Literal["hct", "obc1", "obc2", "gbn", "gbn2"]
"""Generalised Born models; OpenMM's readers of AMBER and CHARMM files have them."""
