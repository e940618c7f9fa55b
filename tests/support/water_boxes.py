"""Capped alanine in a box of water, for tests of how it is built and equilibrated."""

from meanforce.settings.job import validated
from meanforce.settings.systems.registry import System

WATER = {
    "kind": "solvated_peptide", "structure": "resources/capped_alanine.pdb",
    "force_field": ["amber99sbildn.xml", "tip3p.xml"], "box": 2.2, "nonbonded_cutoff": 0.9,
    "hydrogen_mass": 4.0,
}  # fmt: skip
N_SOLUTE = 22
SMALL = {"box": 1.7, "nonbonded_cutoff": 0.6}
"""Less than half the atoms, for what does not depend on their number."""


def described(**changes):
    """Settings of the system with some changes."""
    return validated(System, WATER | changes, "system")
