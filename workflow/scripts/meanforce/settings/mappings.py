"""Section `mappings`: which atoms make a bead, and how forces are mapped."""

import difflib
import math
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from meanforce.settings.base import FilePath, Length, Name, Settings, Time


class NoiseAugmentationSettings(Settings):
    """Gaussian noise on bead positions, and forces of the smeared density.

    The potential of mean force is then that of R + ση. Durumeric, Chen, Clementi et al.,
    arXiv:2407.01286 (2024). Models are judged by the free energies and the structure of the beads
    without noise, so their errors include the effect of the smearing; only `force_rmse` is compared
    on the noised positions, because it is the loss that was minimised.
    """

    level: Length = Field(description="standard deviation σ of the noise along each axis")


KINDS_OF_WEIGHTS = ("mass", "geometry", "charge")

SUM_ALLOWANCE = 1e-6
"""How far the sum of a bead's explicit weights may be from 1: numbers in a file are rounded."""


def _atoms(value: Any) -> str | list[str]:
    if isinstance(value, str) and value.strip():
        return value
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return list(value)
    raise ValueError(
        f"{value!r} is neither an MDTraj selection, such as 'resSeq 2 and name CA', nor a list of "
        "atom names, such as [ALA2-C, ALA2-O]"
    )


BeadAtoms = Annotated[
    str | list[str],
    PlainValidator(_atoms),
    WithJsonSchema(
        {
            "type": ["string", "array"],
            "items": {"type": "string"},
            "x-quantity": "selection or list of atom names",
        }
    ),
]
"""Atoms of a bead."""


def _weights(value: Any) -> str | dict[str, list[float]]:
    if value in KINDS_OF_WEIGHTS:
        return value
    if not isinstance(value, dict) or not value:
        raise ValueError(
            f"{value!r} is not one of {', '.join(KINDS_OF_WEIGHTS)} or a bead name with a list of "
            "weights, such as {CO: [0.4, 0.6]}"
        )
    return {str(bead): checked_weights(bead, row) for bead, row in value.items()}


def checked_weights(bead: str, row: Any) -> list[float]:
    """Weights of one bead's atoms, none of them negative, 1 in sum.

    Raises:
        ValueError: names the bead and what is wrong.
    """
    numbers = row if isinstance(row, list) and row else [None]
    if any(isinstance(w, bool) or not isinstance(w, (int, float)) for w in numbers):
        raise ValueError(f"{row!r}, given for bead '{bead}', is not a list of numbers")
    if not all(math.isfinite(w) and w >= 0 for w in numbers):
        raise ValueError(f"weights of bead '{bead}' are {row}; allowed are numbers >= 0")
    total = math.fsum(numbers)
    if abs(total - 1.0) > SUM_ALLOWANCE:
        raise ValueError(f"weights of bead '{bead}' sum to {total:.8g}; they must sum to 1")
    return [float(w) for w in numbers]


Weights = Annotated[
    str | dict[str, list[float]],
    PlainValidator(_weights),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": list(KINDS_OF_WEIGHTS)},
                {
                    "type": "object",
                    "additionalProperties": {
                        "type": "array",
                        "items": {"type": "number", "minimum": 0},
                    },
                },
            ]
        }
    ),
]
"""Weights of the atoms in a bead's position: a kind, or the numbers themselves."""


Template = Literal["heavy", "core_beta", "ca", "ca_side_chain", "all"]

FEW_BEADS = ("core_beta", "ca", "ca_side_chain")
"""Templates with many atoms to a bead, whose force map is `optimal` where none is given: it needs
between a half and a quarter of the frames."""

BeadsByName = dict[Name, BeadAtoms]


def _molecule_name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(
            f"{value!r} is not the name of a molecule type; use the name of its residue, such as "
            "HOH, or of its residues, such as ACE-ALA-NME"
        )
    return value


MoleculeName = Annotated[str, BeforeValidator(_molecule_name), WithJsonSchema({"type": "string"})]


class MoleculeMappingSettings(Settings):
    """Beads of one molecule type, the same for all its molecules.

    Atoms and residues are counted within each molecule, and residues are numbered from 1. Beads
    that are equivalent in the molecule's bond graph, such as both ends of ethane, have one type,
    and share the curves of the potential. In a polymer each bead is equivalent to one other at
    most; `types` gives those along the chain one type.
    """

    template: Template | None = Field(default=None, description="ready-made beads, as in a mapping")
    template_file: FilePath | None = Field(
        default=None, description="your own beads by residue, as in a mapping"
    )
    beads: BeadsByName | None = Field(
        default=None,
        description="bead name: its atoms (instead of a template), as in a mapping: names, "
        "such as [O, H1, H2], or an MDTraj selection within the molecule",
    )
    weights: Weights | None = Field(
        default=None,
        description="weights of the atoms in a bead's position; by default those of the mapping",
    )
    types: dict[Name, list[Name]] | None = Field(
        default=None,
        description="name of a type: the beads that have it, such as {end: [A, H], middle: [B, C]}"
        ", each bead of `beads` once; by default types follow from the bond graph",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _refuse_two_sources(
            {
                "template": self.template,
                "template_file": self.template_file,
                "beads": self.beads,
            }
        )
        _refuse_other_weights(self.weights, self.beads)
        if self.types is not None:
            _refuse_other_types(self.types, self.beads)
        return self


class MappingSettings(Settings):
    """Configuration map and force map of one system.

    Bead masses by Noid et al., J. Chem. Phys. 128, 244114 (2008).
    """

    template: Template | None = Field(
        default=None,
        description=(
            "ready-made beads of a peptide: all heavy atoms; C, N, CA and CB; CA only; or CA and "
            "one bead for the heavy atoms of each side chain. Beads are named RESIDUE+NUMBER-ATOM, "
            "such as ALA2-CA, those of side chains ALA2-SC, with the chain in front (A-ALA2-CA) "
            "if two chains have the same name. all: every atom is a bead, named like the atom if "
            "all atoms have different names; for systems of kind `beads`"
        ),
    )
    template_file: FilePath | None = Field(
        default=None,
        description="YAML file of your own with the beads of each residue (instead of a template), "
        "such as resources/residue_beads.yaml. Beads are named RESIDUE+NUMBER-BEAD, such as "
        "ALA2-BB",
    )
    beads: BeadsByName | None = Field(
        default=None,
        description="bead name: its atoms (instead of a template), by an MDTraj selection or by "
        "names, like those of template beads, or shorter ones that are unique (CB). In selections, "
        "`resSeq` is the residue number in the file, and `resid` counts residues from 0",
    )
    molecules: dict[MoleculeName, MoleculeMappingSettings] | None = Field(
        default=None,
        description="molecule type: its beads (instead of a template or beads of one solute), the "
        "same for all its molecules. A molecule type has the name of its residue, such as HOH, or "
        "of its residues, such as ACE-ALA-NME. Types that are left out are not mapped. With "
        "several molecules, beads are called TYPE#NUMBER-BEAD, such as HOH#17-W",
    )
    weights: Weights = Field(
        default="mass",
        description="weights of the atoms in a bead's position: by mass, equal, by |charge|,"
        " or bead name: numbers that sum to 1, in the order of the bead's list, or, for a "
        "selection, of the structure file",
    )
    masses: Literal["sum", "consistent"] = Field(
        default="sum",
        description="bead masses: sum over the bead's atoms and the hydrogens bonded to them; or M "
        "= 1/Σ(c²/m) over its atoms with weights c and masses m, which gives the CG model the "
        "momentum distribution of the mapped atoms. Free energies do not depend on masses",
    )
    force_map: Literal["slice", "aggregate", "optimal"] = Field(
        default="aggregate",
        description="slice: forces on the bead's atoms; aggregate: also those on the atoms "
        "rigidly bonded to them, which constraints require; optimal: the least noisy constant "
        "coefficients, fitted to other time blocks than they are used on; molecules of a type "
        "share them. Where it is left out, the templates core_beta, ca and ca_side_chain have "
        "`optimal`, with which they need far fewer frames",
    )
    solvent_groups: Literal["none", "whole"] = Field(
        default="whole",
        description="solvent in an `optimal` force map: whole: the total force on water and ions "
        "is included, with one coefficient per bead; none: it is not included. Where there are "
        "several molecules of a type, no other molecule's forces are included",
    )
    control_variates: Literal["none", "torques"] = Field(
        default="torques",
        description="what else an `optimal` force map of a single molecule adds to the forces of "
        "atoms: torques: those on atoms that are in no bead and bonded to one other atom, such as "
        "hydrogens, about that atom, in a frame of its neighbours. Their mean is zero for any "
        "positions of the beads, and with them most noise of bending hydrogens cancels",
    )
    fit_time: Time | None = Field(
        default=None,
        description="an `optimal` force map is fitted to the frames of this time alone, from the "
        "first stored frame of each trajectory on, and later frames get the map of all of these; "
        "by default it is fitted to all frames. A learning curve needs it, within its shortest run",
    )
    noise: NoiseAugmentationSettings | None = Field(
        default=None,
        description="noise on bead positions, whose score is included in an `optimal` force map; "
        "only for campaigns without a bias, or with the experiment's `weights: bias`",
    )

    @model_validator(mode="before")
    @classmethod
    def _force_map_of_template(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("template") in FEW_BEADS:
            return {"force_map": "optimal"} | values
        return values

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        _refuse_two_sources(
            {
                "template": self.template,
                "template_file": self.template_file,
                "beads": self.beads,
                "molecules": self.molecules,
            }
        )
        if self.molecules is not None and isinstance(self.weights, dict):
            raise ValueError(
                "'weights' are given by bead; give them under the molecule type that has the bead"
            )
        if self.molecules is None:
            _refuse_other_weights(self.weights, self.beads)
        if self.noise is not None and self.force_map != "optimal":
            raise ValueError(
                f"'noise' needs 'force_map: optimal', which weighs it against the forces; "
                f"'{self.force_map}' does not"
            )
        if self.fit_time is not None and self.force_map != "optimal":
            raise ValueError(
                f"'fit_time' belongs to 'force_map: optimal', which is fitted; "
                f"'{self.force_map}' is not"
            )
        return self

    @property
    def needs_charges(self) -> bool:
        """Whether weights of some atoms are their charges."""
        own = [self.weights] if self.molecules is None else self.weights_of_molecules.values()
        return "charge" in own

    @property
    def template_files(self) -> list[str]:
        """Files of the user with beads by residue."""
        chosen = (self, *(self.molecules or {}).values())
        return [one.template_file for one in chosen if one.template_file is not None]

    @property
    def weights_of_molecules(self) -> dict[str, str | dict[str, list[float]]]:
        """Weights by molecule type."""
        return {
            name: self.weights if one.weights is None else one.weights
            for name, one in (self.molecules or {}).items()
        }


def _refuse_two_sources(sources: dict[str, Any]) -> None:
    """Refuse a mapping without beads, or with beads from two sources."""
    if sum(source is not None for source in sources.values()) != 1:
        *others, last = (f"'{key}'" for key in sources)
        raise ValueError(f"give one of {', '.join(others)} and {last}, and only one")
    for key, source in sources.items():
        if source is not None and not source:
            what = "bead" if key == "beads" else "molecule type"
            raise ValueError(f"'{key}' is empty; name at least one {what}")


def _refuse_other_weights(weights: Any, beads: BeadsByName | None) -> None:
    """Refuse weights of beads that do not exist."""
    if not isinstance(weights, dict):
        return
    if beads is None:
        raise ValueError(
            "'weights' are given by bead, but a template's beads have no names in the config; give "
            "a kind of weights, or weights in your 'template_file'"
        )
    for name in weights:
        if name not in beads:
            near = difflib.get_close_matches(name, beads, n=2)
            hint = f"; did you mean {' or '.join(near)}?" if near else ""
            raise ValueError(f"'weights' names the bead '{name}'; known: {', '.join(beads)}{hint}")


def _refuse_other_types(types: dict[str, list[str]], beads: BeadsByName | None) -> None:
    """Refuse types that do not have each bead once."""
    if beads is None:
        raise ValueError("'types' are given by bead, which needs 'beads' with names")
    given = [bead for members in types.values() for bead in members]
    for bead in [*given, *beads]:
        if bead not in beads:
            raise ValueError(f"'types' names the bead '{bead}'; known: {', '.join(beads)}")
        if given.count(bead) != 1:
            raise ValueError(
                f"'types' has the bead '{bead}' {given.count(bead)} times; allowed is once"
            )
