"""What a first config for a peptide holds: choices that fit the molecule, with the reasons.

Numbers are those of ready-made configs; lengths of runs are in `meanforce.planning.lengths`.
"""

import dataclasses
import math
from typing import Any

from meanforce.core.beads import Beads
from meanforce.errors import InputError
from meanforce.mapping.configuration import build_beads
from meanforce.planning.lengths import LONG, SHORT, SMALL, Lengths, time
from meanforce.planning.molecule import Molecule, Torsions
from meanforce.settings.mappings import MappingSettings

SOLVENTS = {
    "implicit": ["amber99sbildn.xml", "amber99_obc.xml"],
    "water": ["amber99sbildn.xml", "tip3p.xml"],
}
"""Force field files by solvent."""

TEMPLATES = ("heavy", "core_beta", "ca", "ca_side_chain")
"""Beads to choose from."""

CONTOUR = 0.38
"""Distance of the CA of neighbouring residues, nm."""

MARGIN = 1.0
"""Water between a stretched peptide and its periodic images, nm."""

SMALLEST_BOX = 2.8
"""Edge of config/capped_alanine_water_cluster.yaml, nm."""

LARGE = 30
"""Beads from which networks are wider."""


@dataclasses.dataclass(frozen=True)
class Variable:
    """A collective variable.

    Attributes:
        name: in the config.
        kind: `dihedral` or `distance`.
        beads: their names.
        width: of a hill in metadynamics, with its unit.
        cg_width: of a hill in the CG run, with its unit.
        upper: end of its grid, with its unit; None: it is periodic. The lower end is zero.
    """

    name: str
    kind: str
    beads: tuple[str, ...]
    width: str = "0.35 rad"
    cg_width: str = "0.25 rad"
    upper: str | None = None


@dataclasses.dataclass(frozen=True)
class FirstConfig:
    """Everything that the text of a config is made from.

    Attributes:
        values: of the template's names.
        reasons: sentences on what was chosen.
    """

    values: dict[str, Any]
    reasons: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What the user asks for.

    Attributes:
        name: of the system.
        mapping: template of the beads.
        solvent: key of `SOLVENTS`.
        residues: numbers or labels of residues whose torsions are the variables; empty: by size.
        short: whether the run shall reach its report soon, rather than have good numbers.
    """

    name: str
    mapping: str
    solvent: str
    residues: tuple[str, ...] = ()
    short: bool = False


def first_config(molecule: Molecule, wishes: Wishes) -> FirstConfig:
    """Choose variables, lengths, network and temperatures.

    Raises:
        InputError: the mapping has too few beads, or no torsions where residues are wanted.
    """
    mapping = MappingSettings(template=wishes.mapping)
    beads = build_beads(mapping, molecule.topology, "--mapping")
    names = {atoms[0]: name for name, atoms in zip(beads.names, beads.atoms, strict=True)}
    chosen, why = _residues(molecule, wishes)
    if chosen:
        variables, biased = _torsions(chosen, names)
    else:
        variables = biased = [_end_to_end(molecule, names)]
    small = len(molecule.torsions) <= 2 and wishes.solvent == "implicit"
    held_out = small and not wishes.short
    lengths = SHORT if wishes.short else SMALL if small else LONG
    hidden = lengths.hidden or (192 if len(beads.names) < LARGE else 256,) * 3
    values = {
        "name": wishes.name,
        "structure": molecule.structure,
        "mapping": wishes.mapping,
        "force_field": SOLVENTS[wishes.solvent],
        "water": wishes.solvent == "water",
        "box": f"{_box(molecule):g} nm",
        "held_out": held_out,
        "short": wishes.short,
        "lengths": lengths,
        "variables": variables,
        "biased": biased,
        "torsions": bool(chosen),
        "two_residues": len(chosen) == 2,
        "hidden": hidden,
        "epochs": lengths.epochs(2 if held_out else 1),
        "angles": wishes.mapping in ("heavy", "core_beta"),
        "large": len(molecule.torsions) > 2,
    }
    reasons = [
        _size(molecule, wishes, beads),
        f"bias: {why}: {', '.join(variable.name for variable in biased)}",
        *_lengths(values, lengths),
        f"potential: {len(hidden)} layers of {hidden[0]}, {values['epochs']} passes over the "
        f"frames (about {lengths.steps} steps in each of three trainings, of which the best is "
        f"kept); {_prior(values)}",
    ]
    if values["water"]:
        reasons.append(f"box: {values['box']}, so that the stretched peptide fits in")
    return FirstConfig(values, tuple(reasons))


def _residues(molecule: Molecule, wishes: Wishes) -> tuple[list[Torsions], str]:
    """Residues whose torsions are biased, and why; none: the end-to-end distance is."""
    with_torsions = wishes.mapping in ("heavy", "core_beta")
    if wishes.residues:
        if not with_torsions:
            raise InputError(
                f"--residues: φ and ψ are no functions of the beads of '{wishes.mapping}'; use "
                "--mapping heavy or core_beta, or leave --residues out"
            )
        if len(wishes.residues) > 2:
            raise InputError(
                f"--residues: {len(wishes.residues)} given; a CG run is biased along at most two "
                "variables, so give one residue (φ, ψ) or two (ψ of both)"
            )
        chosen = [molecule.torsions_of(name) for name in wishes.residues]
        if len(set(chosen)) < len(chosen):
            raise InputError("--residues: names a residue twice")
        return chosen, "torsions, as asked, of " + " and ".join(one.residue for one in chosen)
    if with_torsions and 1 <= len(molecule.torsions) <= 2:
        names = " and ".join(one.residue for one in molecule.torsions)
        return list(molecule.torsions), f"torsions of {names}; no other residue has φ and ψ"
    return [], "the distance of the terminal CA, which no conformation takes off its grid"


def _torsions(
    chosen: list[Torsions], names: dict[int, str]
) -> tuple[list[Variable], list[Variable]]:
    """All variables, and those that are biased: φ and ψ of one residue, or ψ of two."""
    variables, biased = [], []
    for one in chosen:
        suffix = f"_{one.number}" if len(chosen) > 1 else ""
        phi = one.phi and Variable(f"phi{suffix}", "dihedral", tuple(names[i] for i in one.phi))
        psi = Variable(f"psi{suffix}", "dihedral", tuple(names[i] for i in one.psi))
        variables += [psi] if phi is None else [phi, psi]
        biased += [psi] if phi is None or len(chosen) > 1 else [phi, psi]
    return variables, biased


def _end_to_end(molecule: Molecule, names: dict[int, str]) -> Variable:
    if len(molecule.ca) < 4:
        raise InputError(
            f"--mapping: '{molecule.structure}' has {len(molecule.ca)} CA, too few for a bias "
            "along the distance of the first and the last one, which takes 4; use --mapping "
            "heavy or core_beta, whose bias is along φ and ψ, and a peptide that has them, such "
            "as a capped residue"
        )
    ends = names[molecule.ca[0]], names[molecule.ca[-1]]
    longest = f"{math.ceil(10 * (CONTOUR * (len(molecule.ca) - 1) + 0.2)) / 10:g} nm"
    return Variable("ends", "distance", ends, "0.1 nm", "0.1 nm", longest)


def _box(molecule: Molecule) -> float:
    """Edge in nm of a box in which the stretched peptide does not meet its images."""
    stretched = CONTOUR * (len(molecule.ca) - 1)
    return max(SMALLEST_BOX, math.ceil(10 * (max(molecule.extent, stretched) + MARGIN)) / 10)


def _size(molecule: Molecule, wishes: Wishes, beads: Beads) -> str:
    residues = sum(1 for _ in molecule.topology.residues)
    return (
        f"system: {molecule.topology.n_atoms} atoms in {residues} residues; mapping "
        f"{wishes.mapping}: {len(beads.names)} beads, force map optimal"
    )


def _lengths(values: dict[str, Any], lengths: Lengths) -> list[str]:
    reference = f"{lengths.replicas} runs of {time(lengths.reference_length)}"
    if values["held_out"]:
        return [
            "temperatures: trained at 300 K and 400 K, tested at 350 K as well",
            f"sampling: {time(lengths.length)} of metadynamics at each temperature that is trained "
            f"at; an independent reference of {reference} at each temperature: more than 50 "
            "independent structures in each run of a capped residue; the whole workflow then takes "
            "half an hour to an hour on two cores",
        ]
    sampling = f"{time(lengths.length)} of metadynamics, and an independent reference"
    if values["short"]:
        return [
            "temperatures: only 300 K, as runs are short; the file shows how to add others",
            f"sampling: {sampling} as long; much too little for good numbers, for which leave "
            "--short out",
        ]
    why = "water costs" if values["water"] else "a peptide of this size costs"
    return [
        f"temperatures: only 300 K, because of what {why}; the file shows how to add others",
        f"sampling: {sampling} of {reference}; a peptide that folds slowly needs more",
    ]


def _prior(values: dict[str, Any]) -> str:
    if not values["angles"]:
        return "prior: bonds, angles of two wells, as those of CA, and repulsion of beads"
    return "prior: bonds, angles, chirality" + (
        " and repulsion of beads" if values["large"] else ""
    )
