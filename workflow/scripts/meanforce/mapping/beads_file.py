"""Files `beads.json`: the beads of a mapping of one prepared system, exactly as they were built.

A file has both kinds of masses, so that the choice between them concerns only the datasets, and
not the campaigns that are biased along the beads' coordinates.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any, get_args

import numpy as np

from meanforce.errors import InputError
from meanforce.mapping.configuration import Beads
from meanforce.settings.mappings import MappingSettings

FORMAT = 1

MASSES: tuple[str, ...] = get_args(MappingSettings.model_fields["masses"].annotation)
"""Kinds of bead masses."""


@dataclasses.dataclass(frozen=True)
class MappedSystem:
    """The beads of a mapping on a system.

    Attributes:
        mapping: its name.
        n_atoms: of the system.
        beads: the beads, by kind of their masses.
    """

    mapping: str
    n_atoms: int
    beads: dict[str, Beads]

    def write(self, path: Path) -> None:
        """Write the file; what `read` reads from it is the same to the last bit."""
        first = next(iter(self.beads.values()))
        masses = {kind: beads.masses.tolist() for kind, beads in self.beads.items()}
        values = {
            "format": FORMAT,
            "mapping": self.mapping,
            "n_atoms": self.n_atoms,
            "beads": _plain(first, masses),
            "bonds": [list(pair) for pair in first.bonds],
            "stereo_centers": [list(center) for center in first.stereo],
        }
        text = json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False)
        path.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "MappedSystem":
        """Read what `write` wrote.

        Raises:
            InputError: the file is missing, damaged, or of another version.
        """
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise ValueError(f"its format is {values['format']}, this version reads {FORMAT}")
            beads = {kind: _beads(values, kind) for kind in MASSES}
            return cls(values["mapping"], values["n_atoms"], beads)
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise InputError(
                f"{path}: is not a file of beads ({error}); delete it, so that it is made again"
            ) from error

    def check_atoms(self, n_atoms: int, path: Path) -> None:
        """Refuse the beads of another system.

        Raises:
            InputError: the system has another number of atoms.
        """
        if self.n_atoms != n_atoms:
            raise InputError(
                f"{path}: has beads of a system of {self.n_atoms} atoms, but the prepared system "
                f"has {n_atoms}; delete it, so that it is made again"
            )


def _plain(beads: Beads, masses: dict[str, list[float]]) -> list[dict[str, Any]]:
    """What concerns each bead by itself."""
    return [
        {
            "name": name,
            "type": kind,
            "residue": list(residue),
            "atoms": list(atoms),
            "weights": list(weights),
            "masses": {kind: values[number] for kind, values in masses.items()},
        }
        for number, (name, kind, residue, atoms, weights) in enumerate(
            zip(beads.names, beads.types, beads.residues, beads.atoms, beads.weights, strict=True)
        )
    ]


def _beads(values: dict[str, Any], masses: str) -> Beads:
    each = values["beads"]
    return Beads(
        names=tuple(one["name"] for one in each),
        atoms=tuple(tuple(one["atoms"]) for one in each),
        weights=tuple(tuple(one["weights"]) for one in each),
        bonds=tuple((i, j) for i, j in values["bonds"]),
        masses=np.array([one["masses"][masses] for one in each], dtype=float),
        types=tuple(one["type"] for one in each),
        residues=tuple((name, index) for name, index in (one["residue"] for one in each)),
        stereo=tuple((a, b, c, d, sign) for a, b, c, d, sign in values["stereo_centers"]),
    )
