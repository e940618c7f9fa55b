"""Kinds of potentials."""

from meanforce.potentials.cgnet import Cgnet
from meanforce.potentials.interface import Potential
from meanforce.potentials.local_cgnet import LocalCgnet
from meanforce.potentials.mace import Mace
from meanforce.potentials.rbf import Rbf
from meanforce.potentials.spline import Spline


def by_kind(*classes: type[Potential]) -> dict[str, type[Potential]]:
    """Classes by the names of their kinds.

    Raises:
        ValueError: two classes have the same name.
    """
    found: dict[str, type[Potential]] = {}
    for one in classes:
        other = found.setdefault(one.kind, one)
        if other is not one:
            raise ValueError(
                f"{other.__name__} and {one.__name__} are both potentials of kind '{one.kind}'; "
                "each class needs a kind of its own"
            )
    return found


KINDS = by_kind(Spline, Rbf, Cgnet, LocalCgnet, Mace)
