"""Metrics `wasserstein_omega`, `js_omega_<residues>`, `population_cis_<residues>`: peptide bonds.

The dihedral ω of a peptide bond C–N between residues i and j is that of the beads CA(i), C(i), N(j)
and CA(j): ±π where the bond is trans, 0 where it is cis; IUPAC-IUB, Biochemistry 9, 3471 (1970). It
is stiff and turns over a barrier of 20 kcal/mol, so that a bias on φ and ψ does not accelerate it,
and a distance on φ and ψ does not detect an error in it.
"""

import functools
import re

import numpy as np

from meanforce.analysis.comparison import Comparison
from meanforce.analysis.curves import Curve
from meanforce.analysis.kinds import Group
from meanforce.analysis.metrics.populations import population_rows
from meanforce.analysis.metrics.profiles import Profile, curve_of, profile_of
from meanforce.analysis.metrics.structure import coordinates_of, distribution, wasserstein_row
from meanforce.analysis.one_quantity import divergence_row
from meanforce.analysis.rows import Quantity, Row
from meanforce.analysis.samples import Sample
from meanforce.core.coordinates import CoordinateList
from meanforce.core.topology import Topology

BEAD = re.compile(r"(?P<residue>.+)-(?P<atom>[A-Z][A-Z0-9']*)")
"""Names of template beads: the residue, with its chain where needed, and the atom."""

ENDS = ("CA", "CH3", "C")
"""Atoms at the ends of ω, in order of preference; the last two are those of caps."""

Beads = tuple[int, int, int, int]


def rows(comparison: Comparison) -> list[Row]:
    """Mean Wasserstein-1 distance over all ω (rad), which detects both bonds that are too flexible
    and cis bonds; then, for each peptide bond, the JS divergence of ω and the fraction that is cis,
    |ω| < π/2.

    None in mappings whose beads are not the atoms that ω needs. Without a reference there are the
    model's cis fractions alone.
    """
    if not comparison.samples:
        return []
    ours, reference = _values(comparison.model), comparison.reference
    theirs = {} if reference is None else _values(reference)
    items = [
        # On the circle, with finer bins than profiles have.
        distribution("dihedral", comparison, _on_circle(ours[name]), _on_circle(theirs[name]))
        for name in theirs
    ]
    result = []
    if items:
        quantity = Quantity("wasserstein_omega", Group.STRUCTURE, "rad")
        result.append(wasserstein_row(comparison, quantity, items))
    for name, values in ours.items():
        if reference is not None:
            profile = _profile(comparison, name)
            result.append(divergence_row(comparison, profile, Group.PEPTIDE_BONDS, periodic=True))
        cis = Quantity(name.replace("omega", "population_cis", 1), Group.PEPTIDE_BONDS)
        other = None if reference is None else _is_cis(theirs[name])
        result += population_rows(comparison, cis, _is_cis(values), reference, other)
    return result


def curves(comparison: Comparison) -> list[Curve]:
    """Free energies of each ω, kind `dihedral`, from −π/2 to 3π/2: trans is in the middle."""
    names = _values(comparison.model) if comparison.samples else ()
    return [curve_of(comparison, _profile(comparison, name)) for name in names]


def omegas(molecule: Topology) -> dict[str, Beads]:
    """Beads of each ω, as `omega_<residue>_<residue>`, the residue with the C first.

    Peptide bonds are bonds between a bead C and a bead N of different residues. They are found by
    the names of beads, so not in mappings whose names are not those of atoms.
    """
    atoms = [BEAD.fullmatch(name) for name in molecule.names]
    bonded: dict[int, list[int]] = {}
    for i, j in molecule.bonds:
        bonded.setdefault(i, []).append(j)
        bonded.setdefault(j, []).append(i)

    def end(center: int) -> int | None:
        """The bead of an end that is bonded to a bead of its own residue."""
        for wanted in ENDS:
            for bead in bonded[center]:
                match = atoms[bead]
                if match and match["atom"] == wanted and (
                    match["residue"] == atoms[center]["residue"]
                ):  # fmt: skip
                    return bead
        return None

    found = {}
    for pair in molecule.bonds:
        for carbon, nitrogen in (pair, pair[::-1]):
            here, there = atoms[carbon], atoms[nitrogen]
            if not (here and there) or here["residue"] == there["residue"]:
                continue
            if (here["atom"], there["atom"]) != ("C", "N"):
                continue
            first, last = end(carbon), end(nitrogen)
            if first is not None and last is not None:
                name = f"omega_{here['residue']}_{there['residue']}"
                found[name] = (first, carbon, nitrogen, last)
    return found


def _profile(comparison: Comparison, name: str) -> Profile:
    """Histograms of one ω."""
    edges = np.linspace(-np.pi / 2, 3 * np.pi / 2, comparison.validation.bins + 1)
    reference = comparison.reference
    theirs = None if reference is None else _values(reference)[name]
    return profile_of(
        comparison, (name, "dihedral", "rad"), edges, _values(comparison.model)[name], theirs
    )


@functools.lru_cache(maxsize=2)
def _values(sample: Sample) -> dict[str, np.ndarray]:
    """Each ω in [−π/2, 3π/2), shape (n, 1)."""
    listed = omegas(sample.molecule)
    if not listed:
        return {}
    values = coordinates_of(CoordinateList(dihedrals=tuple(listed.values())), sample).astype(float)
    values = np.where(values < -np.pi / 2, values + 2 * np.pi, values)
    return {name: values[:, [column]] for column, name in enumerate(listed)}


def _on_circle(values: np.ndarray) -> np.ndarray:
    """Angles from [−π/2, 3π/2) to [−π, π)."""
    return np.where(values >= np.pi, values - 2 * np.pi, values)


def _is_cis(values: np.ndarray) -> np.ndarray:
    return values[:, 0] < np.pi / 2
