"""Unit styles of LAMMPS as factors to this project's units.

Factors follow from the definitions at https://docs.lammps.org/units.html and CODATA 2018.
"""

from meanforce.data.formats.base import Units
from meanforce.units import KCAL

AVOGADRO = 6.02214076e23
ELECTRONVOLT = 96.48533212331
"""kJ/mol."""
HARTREE = 2625.4996394799
"""kJ/mol."""
BOHR = 0.0529177210903
"""nm."""


def _newtons(force: float) -> float:
    """kJ/mol/nm of a force in N."""
    return force * AVOGADRO * 1e-12


STYLES = {
    "real": Units(length=0.1, force=10.0 * KCAL, time=1e-3),
    "metal": Units(length=0.1, force=10.0 * ELECTRONVOLT, time=1.0),
    "electron": Units(length=BOHR, force=HARTREE / BOHR, time=1e-3),
    "nano": Units(length=1.0, force=_newtons(1e-12), time=1e3),
    "micro": Units(length=1e3, force=_newtons(1e-9), time=1e6),
    "si": Units(length=1e9, force=_newtons(1.0), time=1e12),
    "cgs": Units(length=1e7, force=_newtons(1e-5), time=1e12),
}
"""By the name of the style. Forces of `nano` are in ag·nm/ns², those of `micro` in pg·µm/µs²."""


def reduced(length: float, energy: float) -> Units:
    """Units of a run in reduced units; its times are given in ps.

    Args:
        length: nm.
        energy: kJ/mol.
    """
    return Units(length=length, force=energy / length)
